import type { HandshakeOutcome } from "./handshake-attempts.js";
import type { MeshState } from "./mesh-state.js";
import type { Peer } from "./peer.js";

/** Begins one attempt to have a session; `done` is called once unless the returned function cancels before. */
export type Call = (done: (outcome: HandshakeOutcome) => void) => () => void;

export interface KeptConnectionsOptions {
  readonly state: MeshState;
  /** Asks a peer for a sign of life. */
  readonly probe: (peer: Peer) => void;
}

/** A node that a session is meant to be had with. */
export interface KeptConnection {
  readonly nodeId: bigint;
  /** Calls in vain since there was a session. */
  readonly failures: number;
  /** Whether it is being called at this moment. */
  readonly isCalled: boolean;
}

interface Kept {
  readonly call: Call;
  /** Calls in vain since there was a session. */
  failures: number;
  dueAt: number;
  /** Whether the silent peer was asked for a sign of life. */
  isProbed: boolean;
  /** Gives up the call that is under way. */
  cancel: (() => void) | undefined;
}

/** A 0.19.0 peer has failed after so many session timeouts; a new session costs it the old one's streams. */
const LEGACY_PATIENCE = 3;
/** How long a silent peer has to answer in its session before a new one is begun. */
const PROBE_MS = 1000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
/** Waits differ by so much either way, lest all that lost one peer call it at the same moment. */
const JITTER = 0.25;
const JITTER_BYTES = 2;

/**
 * Sessions this node means to have until it says otherwise. A peer that is lost, silent for a session
 * timeout or without a session, is called again, ever more rarely, for as long as it takes. A peer
 * that may only have been cut off is asked in its session first: if it answers, its streams go on.
 */
export class KeptConnections {
  readonly #options: KeptConnectionsOptions;
  readonly #kept = new Map<bigint, Kept>();
  #earliest = Number.POSITIVE_INFINITY;
  /** How many calls are under way. */
  #calling = 0;

  constructor(options: KeptConnectionsOptions) {
    this.#options = options;
  }

  deadline(): number {
    return this.#earliest;
  }

  entries(): KeptConnection[] {
    return [...this.#kept].map(([nodeId, { failures, cancel }]) => ({
      nodeId,
      failures,
      isCalled: cancel !== undefined,
    }));
  }

  /** Means to have a session with `nodeId`, by this call, from now on. */
  keep(nodeId: bigint, call: Call): void {
    this.release(nodeId);
    this.#kept.set(nodeId, {
      call,
      failures: 0,
      dueAt: this.#options.state.now,
      isProbed: false,
      cancel: undefined,
    });
    this.#earliest = Number.NEGATIVE_INFINITY;
  }

  /** Means so no longer; gives whether it did. */
  release(nodeId: bigint): boolean {
    this.#kept.get(nodeId)?.cancel?.();
    return this.#kept.delete(nodeId);
  }

  /** Somebody else begins a session with `nodeId` now: a call under way gives way to that. */
  giveWay(nodeId: bigint): void {
    const kept = this.#kept.get(nodeId);
    if (kept?.cancel !== undefined) {
      kept.cancel();
      this.#again(kept);
    }
  }

  /**
   * A peer spoke in its session. If it is being called, it was only cut off, and a strict one keeps
   * its session until it hears something of the new one. One of 0.19.0 may have left the old one
   * already with the call it got.
   */
  heard(peer: Peer): void {
    if (this.#calling > 0 && peer.session.strict) {
      this.giveWay(peer.nodeId);
    }
  }

  tick(): void {
    const { now } = this.#options.state;
    if (now < this.#earliest) {
      return;
    }
    for (const [nodeId, kept] of [...this.#kept]) {
      if (kept.dueAt <= now && this.#kept.get(nodeId) === kept) {
        this.#serve(nodeId, kept);
      }
    }
    this.#schedule();
  }

  #serve(nodeId: bigint, kept: Kept): void {
    const { state, probe } = this.#options;
    const peer = state.peers.get(nodeId);
    if (peer !== undefined) {
      const { sessionTimeoutMs } = state.around.tuning;
      const patience = peer.session.strict ? sessionTimeoutMs : LEGACY_PATIENCE * sessionTimeoutMs;
      if (state.now < peer.heardAt + patience) {
        kept.failures = 0;
        kept.isProbed = false;
        kept.dueAt = peer.heardAt + patience;
        return;
      }
      if (!kept.isProbed) {
        kept.isProbed = true;
        kept.dueAt = state.now + PROBE_MS;
        probe(peer);
        return;
      }
    }
    kept.isProbed = false;
    this.#call(nodeId, kept);
  }

  #call(nodeId: bigint, kept: Kept): void {
    const { state } = this.#options;
    let isOver = false;
    const end = (): void => {
      isOver = true;
      kept.cancel = undefined;
      this.#calling -= 1;
    };
    this.#calling += 1;
    kept.dueAt = Number.POSITIVE_INFINITY;
    state.counters.callsAgain += 1;
    const cancel = kept.call((outcome) => {
      if (isOver) {
        return;
      }
      end();
      if (outcome.ok) {
        kept.dueAt = state.now;
        this.#schedule();
        return;
      }
      kept.failures += 1;
      const inMs = this.#again(kept);
      state.around.emit({
        type: "call-failed",
        peer: nodeId,
        reason: outcome.reason,
        failures: kept.failures,
        nextInMs: inMs,
      });
    });
    if (!isOver) {
      kept.cancel = () => {
        end();
        cancel();
      };
    }
  }

  /** Sets when to call the next time; gives in how many milliseconds that is. */
  #again(kept: Kept): number {
    const { now, around } = this.#options.state;
    const [low = 0, high = 0] = around.randomBytes(JITTER_BYTES);
    const fraction = (low + 256 * high) / 65_536;
    const doubled = FIRST_WAIT_MS * 2 ** Math.max(0, kept.failures - 1);
    const wait = Math.min(doubled, LONGEST_WAIT_MS) * (1 - JITTER + 2 * JITTER * fraction);
    kept.dueAt = now + wait;
    this.#schedule();
    return wait;
  }

  #schedule(): void {
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#kept.values()) {
      this.#earliest = Math.min(this.#earliest, dueAt);
    }
  }
}
