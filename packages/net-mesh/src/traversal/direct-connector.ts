import { encodeRendezvous } from "@gaiaftcl/net-wire";
import { type NatClass, pairAction } from "./nat-class.js";
import { RENDEZVOUS_SUBPROTOCOL } from "./punch-coordinator.js";
import { PUNCH_DEADLINE_MS, type PunchEndpoint } from "./punch-endpoint.js";
import type { Timers } from "./timers.js";
import { type TraversalFailure, traversalFailure } from "./traversal-failure.js";
import type { HandshakePath, TraversalPort } from "./traversal-port.js";

/** How `connectDirect` got through. */
export type ConnectPath = "existing" | "direct" | "punched" | "relayed";

export type ConnectOutcome =
  | { readonly ok: true; readonly path: ConnectPath }
  | { readonly ok: false; readonly failure: TraversalFailure };

/** What was tried so far (Net transport format, section 13.7). */
export interface TraversalStats {
  readonly punchesAttempted: number;
  readonly punchesSucceeded: number;
  readonly relayFallbacks: number;
}

interface Attempt {
  readonly peer: bigint;
  readonly publicKey: Uint8Array;
  readonly coordinator: bigint;
  readonly done: (outcome: ConnectOutcome) => void;
}

/** Reaches a peer by the best path its and the own NAT allow: straight, punched, or through a relay. */
export class DirectConnector {
  readonly #port: TraversalPort;
  readonly #timers: Timers;
  readonly #endpoint: PunchEndpoint;
  readonly #stats = { punchesAttempted: 0, punchesSucceeded: 0, relayFallbacks: 0 };

  constructor(port: TraversalPort, timers: Timers, endpoint: PunchEndpoint) {
    this.#port = port;
    this.#timers = timers;
    this.#endpoint = endpoint;
  }

  get stats(): TraversalStats {
    return { ...this.#stats };
  }

  /** Connects to `peer` with the help of `coordinator`; calls `done` once. */
  connect(
    own: { readonly natClass: NatClass; readonly reflex: string | undefined },
    attempt: Attempt,
    now: number,
  ): void {
    switch (pairAction(own.natClass, this.#port.announcedClass(attempt.peer))) {
      case "direct":
        this.#direct(attempt);
        return;
      case "punch":
        this.#punch(own.reflex ?? this.#port.boundAddress(), attempt, now);
        return;
      case "skip":
        this.#viaCoordinator(attempt);
        return;
    }
  }

  #direct(attempt: Attempt): void {
    const reflex = this.#port.announcedReflex(attempt.peer);
    if (reflex === undefined) {
      attempt.done({ ok: false, failure: traversalFailure("peer-not-reachable") });
      return;
    }
    this.#straight(attempt, reflex, "direct", () => {
      this.#relayed(attempt, { kind: "route" });
    });
  }

  #punch(ownReflex: string, attempt: Attempt, now: number): void {
    const { peer, coordinator } = attempt;
    let cancel = (): void => undefined;
    let introduced: string | undefined;
    const fallBack = (): void => {
      cancel();
      this.#endpoint.stopWaiting(peer);
      this.#viaCoordinator(attempt);
    };
    if (this.#port.addressOf(coordinator) === undefined) {
      attempt.done({ ok: false, failure: traversalFailure("peer-not-reachable") });
      return;
    }
    const isAlone = this.#endpoint.await(peer, {
      coordinator,
      introduced: (reflex, introducedAt) => {
        if (introduced === undefined) {
          introduced = reflex;
          this.#stats.punchesAttempted += 1;
          cancel();
          cancel = this.#timers.set(introducedAt + PUNCH_DEADLINE_MS, fallBack);
        }
      },
      acknowledged: () => {
        if (introduced !== undefined) {
          cancel();
          this.#endpoint.stopWaiting(peer);
          this.#straight(attempt, introduced, "punched", () => {
            this.#viaCoordinator(attempt);
          });
        }
      },
    });
    if (!isAlone) {
      attempt.done({
        ok: false,
        failure: traversalFailure("transport", "handshake already in flight for this peer"),
      });
      return;
    }
    cancel = this.#timers.set(now + PUNCH_DEADLINE_MS, fallBack);
    if (
      !this.#port.sendControl(
        coordinator,
        RENDEZVOUS_SUBPROTOCOL,
        encodeRendezvous({ kind: "request", target: peer, reflex: ownReflex }),
      )
    ) {
      fallBack();
    }
  }

  #straight(
    attempt: Attempt,
    address: string,
    path: "direct" | "punched",
    orElse: () => void,
  ): void {
    if (this.#port.isConnectedAt(attempt.peer, address)) {
      attempt.done({ ok: true, path: "existing" });
      return;
    }
    this.#port.handshake(
      attempt.peer,
      attempt.publicKey,
      { kind: "address", address },
      (outcome) => {
        if (outcome.ok) {
          this.#stats.punchesSucceeded += path === "punched" ? 1 : 0;
          attempt.done({ ok: true, path });
          return;
        }
        orElse();
      },
    );
  }

  #viaCoordinator(attempt: Attempt): void {
    if (this.#port.addressOf(attempt.coordinator) === undefined) {
      attempt.done({ ok: false, failure: traversalFailure("peer-not-reachable") });
      return;
    }
    this.#relayed(attempt, { kind: "relay", relay: attempt.coordinator });
  }

  #relayed(attempt: Attempt, path: HandshakePath): void {
    this.#port.handshake(attempt.peer, attempt.publicKey, path, (outcome) => {
      if (outcome.ok) {
        this.#stats.relayFallbacks += 1;
        attempt.done({ ok: true, path: "relayed" });
        return;
      }
      attempt.done({ ok: false, failure: traversalFailure("transport", outcome.reason) });
    });
  }
}
