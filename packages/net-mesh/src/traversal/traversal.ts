import { decodeReflex, decodeRendezvous, encodeReflex } from "@gaiaftcl/net-wire";
import { type ConnectOutcome, DirectConnector, type TraversalStats } from "./direct-connector.js";
import { classifyNat, type NatClass } from "./nat-class.js";
import { PunchCoordinator, RENDEZVOUS_SUBPROTOCOL } from "./punch-coordinator.js";
import { PunchEndpoint } from "./punch-endpoint.js";
import { REFLEX_SUBPROTOCOL, type ReflexOutcome, ReflexProber } from "./reflex-prober.js";
import { Timers } from "./timers.js";
import type { TraversalPort } from "./traversal-port.js";

/** How many peers a classification asks. */
const CLASSIFICATION_PROBES = 2;

/** A node's own view of how it looks from outside. */
export interface NatView {
  readonly natClass: NatClass;
  readonly reflex: string | undefined;
}

/**
 * NAT traversal of one node (Net transport format, section 13), without clock or socket: probes,
 * classification, rendezvous, punching and `connectDirect`. The node hands in what arrives and the
 * time, and implements `TraversalPort`.
 */
export class Traversal {
  readonly #port: TraversalPort;
  readonly #timers = new Timers();
  readonly #prober: ReflexProber;
  readonly #coordinator: PunchCoordinator;
  readonly #endpoint: PunchEndpoint;
  readonly #connector: DirectConnector;
  #view: NatView = { natClass: "unknown", reflex: undefined };
  #override: string | undefined;

  /** @param reflexOverride an address the operator knows the node is reached at: class open from the start */
  constructor(port: TraversalPort, reflexOverride?: string) {
    this.#port = port;
    this.#prober = new ReflexProber(port, this.#timers);
    this.#coordinator = new PunchCoordinator(port);
    this.#endpoint = new PunchEndpoint(port, this.#timers);
    this.#connector = new DirectConnector(port, this.#timers, this.#endpoint);
    this.#override = reflexOverride;
    if (reflexOverride !== undefined) {
      this.#view = { natClass: "open", reflex: reflexOverride };
    }
  }

  get view(): NatView {
    return this.#view;
  }

  get stats(): TraversalStats {
    return this.#connector.stats;
  }

  /** When `tick` is wanted next; infinity for never. */
  deadline(): number {
    return this.#timers.deadline();
  }

  tick(now: number): void {
    this.#timers.tick(now);
  }

  /** Declares the address this node is reached at: class open, announced at once. */
  setReflexOverride(address: string): void {
    this.#override = address;
    this.#view = { natClass: "open", reflex: address };
    this.#port.reflexChanged(true);
  }

  /** Takes the declared address back: class unknown until the next classification. Does nothing when none was set. */
  clearReflexOverride(): void {
    if (this.#override !== undefined) {
      this.#override = undefined;
      this.#view = { natClass: "unknown", reflex: undefined };
      this.#port.reflexChanged(true);
    }
  }

  /** Asks `peer` at which address it sees this node. */
  probeReflex(peer: bigint, now: number, done: (outcome: ReflexOutcome) => void): void {
    this.#prober.probe(peer, now, done);
  }

  /**
   * Classifies this node anew by asking two peers, and calls `done` with the result. With an
   * override, or with fewer than two peers, or when nobody answers, the view stays as it is.
   */
  reclassify(now: number, done: (view: NatView) => void): void {
    const peers = this.#port.peers().slice(0, CLASSIFICATION_PROBES);
    if (this.#override !== undefined || peers.length < CLASSIFICATION_PROBES) {
      done(this.#view);
      return;
    }
    const answers: string[] = [];
    let open = peers.length;
    for (const peer of peers) {
      this.#prober.probe(peer, now, (outcome) => {
        if (outcome.ok) {
          answers.push(outcome.address);
        }
        open -= 1;
        if (open === 0) {
          this.#conclude(answers);
          done(this.#view);
        }
      });
    }
  }

  /** Reaches `peer` by the best path; `coordinator` is a peer of both. */
  connectDirect(
    peer: bigint,
    publicKey: Uint8Array,
    coordinator: bigint,
    now: number,
    done: (outcome: ConnectOutcome) => void,
  ): void {
    this.#connector.connect(this.#view, { peer, publicKey, coordinator, done }, now);
  }

  /**
   * Takes one event of a traversal subprotocol from the session with `peer`.
   *
   * @param source the address the datagram came from, which is what a probe asks for
   * @returns whether `subprotocolId` is one of traversal's
   */
  receive(
    peer: bigint,
    subprotocolId: number,
    event: Uint8Array,
    source: string,
    now: number,
    wallClock: number,
  ): boolean {
    if (subprotocolId === REFLEX_SUBPROTOCOL) {
      this.#receiveReflex(peer, event, source);
      return true;
    }
    if (subprotocolId === RENDEZVOUS_SUBPROTOCOL) {
      this.#receiveRendezvous(peer, event, now, wallClock);
      return true;
    }
    return false;
  }

  /** A keep-alive datagram arrived from `source`. */
  keepAlive(source: string): void {
    this.#endpoint.keepAliveFrom(source);
  }

  #receiveReflex(peer: bigint, event: Uint8Array, source: string): void {
    if (event.length === 0) {
      this.#port.sendControl(peer, REFLEX_SUBPROTOCOL, encodeReflex(source));
      return;
    }
    const address = decodeReflex(event);
    if (address !== undefined) {
      this.#prober.answered(peer, address);
    }
  }

  #receiveRendezvous(peer: bigint, event: Uint8Array, now: number, wallClock: number): void {
    const message = decodeRendezvous(event);
    switch (message?.kind) {
      case "request":
        this.#coordinator.requested(peer, message, wallClock);
        return;
      case "introduce":
        this.#endpoint.introduced(peer, message, now, wallClock);
        return;
      case "ack":
        if (message.toPeer === this.#port.nodeId) {
          this.#endpoint.acknowledged(message.fromPeer, peer);
        } else {
          this.#coordinator.forward(peer, message);
        }
        return;
      case undefined:
        return;
    }
  }

  #conclude(answers: readonly string[]): void {
    const reflex = answers.at(-1);
    if (reflex === undefined || this.#override !== undefined) {
      return;
    }
    const natClass =
      answers.length < CLASSIFICATION_PROBES
        ? "unknown"
        : classifyNat(this.#prober.reflexes(), this.#port.boundAddress());
    if (natClass !== this.#view.natClass || reflex !== this.#view.reflex) {
      this.#view = { natClass, reflex };
      this.#port.reflexChanged(false);
    }
  }
}
