import type { Timers } from "./timers.js";
import { type TraversalFailure, traversalFailure } from "./traversal-failure.js";
import type { TraversalPort } from "./traversal-port.js";

/** How long an answer to a probe may take, in milliseconds (Net transport format, section 13.2). */
const REFLEX_TIMEOUT_MS = 3000;

export const REFLEX_SUBPROTOCOL = 0x0d00;

export type ReflexOutcome =
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly failure: TraversalFailure };

interface Outstanding {
  readonly finish: (outcome: ReflexOutcome) => void;
}

/** Asks peers at which address they see this node, and remembers the latest answer of each. */
export class ReflexProber {
  readonly #port: TraversalPort;
  readonly #timers: Timers;
  readonly #outstanding = new Map<bigint, Outstanding>();
  readonly #latest = new Map<bigint, string>();

  constructor(port: TraversalPort, timers: Timers) {
    this.#port = port;
    this.#timers = timers;
  }

  /** The addresses the present peers last reported. */
  reflexes(): readonly string[] {
    const peers = new Set(this.#port.peers());
    for (const peer of this.#latest.keys()) {
      if (!peers.has(peer)) {
        this.#latest.delete(peer);
      }
    }
    return [...this.#latest.values()];
  }

  /** Probes `peer`; a probe under way to the same peer gives way to this one and times out. */
  probe(peer: bigint, now: number, done: (outcome: ReflexOutcome) => void): void {
    if (this.#port.addressOf(peer) === undefined) {
      done({ ok: false, failure: traversalFailure("peer-not-reachable") });
      return;
    }
    this.#outstanding.get(peer)?.finish({ ok: false, failure: traversalFailure("reflex-timeout") });
    const cancel = this.#timers.set(now + REFLEX_TIMEOUT_MS, () => {
      outstanding.finish({ ok: false, failure: traversalFailure("reflex-timeout") });
    });
    const outstanding: Outstanding = {
      finish: (outcome) => {
        cancel();
        this.#outstanding.delete(peer);
        done(outcome);
      },
    };
    this.#outstanding.set(peer, outstanding);
    if (!this.#port.sendControl(peer, REFLEX_SUBPROTOCOL, new Uint8Array(0))) {
      outstanding.finish({
        ok: false,
        failure: traversalFailure("transport", "connection error: unknown peer"),
      });
    }
  }

  /** An answer from `peer`; one that nobody asked for is ignored. */
  answered(peer: bigint, address: string): void {
    const outstanding = this.#outstanding.get(peer);
    if (outstanding !== undefined) {
      this.#latest.set(peer, address);
      outstanding.finish({ ok: true, address });
    }
  }
}
