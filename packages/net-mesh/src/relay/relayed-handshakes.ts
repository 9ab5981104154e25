import type { SessionEnd } from "./relayed-sessions.js";

export interface RelayedHandshakesOptions {
  /** A handshake no packet of which, or of a session that may be its, was seen for this long is forgotten, in milliseconds. */
  readonly maxAgeMs: number;
  /** Handshakes remembered; the oldest goes first. */
  readonly capacity?: number;
}

/** An end whose node is known. */
export interface KnownEnd extends SessionEnd {
  readonly nodeId: bigint;
}

interface Handshake {
  readonly ends: readonly [KnownEnd, KnownEnd];
  usedAt: number;
}

const DEFAULT_CAPACITY = 1024;
/** So many nodes are tried for a session nobody knows. */
const MAX_PARTNERS = 4;

/**
 * Handshakes that passed through this node and whose session has not shown its id in a routed packet.
 *
 * Between two 0.19.0 nodes none ever does: only their handshakes, which carry no id, are routed, and
 * question and answer may take different ways. What they send afterwards comes without a routing
 * header and in a session this node does not know. Until both ends were seen to use its id, it goes
 * to each node that `from` shook hands with, of which all but one cannot read it.
 */
export class RelayedHandshakes {
  readonly #maxAgeMs: number;
  readonly #capacity: number;
  /** By the ids of both nodes, oldest first. */
  readonly #handshakes = new Map<string, Handshake>();
  readonly #byAddress = new Map<string, Set<Handshake>>();
  /** Where a session id was seen first. */
  readonly #sightings = new Map<bigint, string>();

  constructor({ maxAgeMs, capacity = DEFAULT_CAPACITY }: RelayedHandshakesOptions) {
    this.#maxAgeMs = maxAgeMs;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#handshakes.size;
  }

  /** Notes a handshake message that was forwarded: the question or the answer. */
  note(sender: KnownEnd, receiver: KnownEnd, now: number): void {
    const key = keyOf(sender.nodeId, receiver.nodeId);
    const known = this.#handshakes.get(key);
    if (known !== undefined && isBetween(known, sender, receiver)) {
      known.usedAt = now;
      return;
    }
    this.#forget(key);
    const handshake: Handshake = { ends: [sender, receiver], usedAt: now };
    this.#handshakes.set(key, handshake);
    for (const { address } of handshake.ends) {
      const here = this.#byAddress.get(address) ?? new Set();
      this.#byAddress.set(address, here.add(handshake));
    }
    if (this.#handshakes.size > this.#capacity) {
      const [oldest] = this.#handshakes.keys();
      this.#forget(oldest as string);
    }
  }

  /** The session of these two nodes is known. */
  settled(left: bigint, right: bigint): void {
    if (this.#handshakes.size > 0) {
      this.#forget(keyOf(left, right));
    }
  }

  /** Who may be at the other end of a session nobody knows, a packet of which came from `from`. */
  partners(from: string, now: number): KnownEnd[] {
    const latest = this.#fresh(from, now).slice(-MAX_PARTNERS);
    return latest.map((handshake) => {
      handshake.usedAt = now;
      const [left, right] = handshake.ends;
      return left.address === from ? right : left;
    });
  }

  /**
   * Notes that a packet of an unknown session came from `from`, and gives both ends once the other
   * one was seen to use it too.
   */
  sighted(sessionId: bigint, from: string, now: number): readonly [KnownEnd, KnownEnd] | undefined {
    const first = this.#sightings.get(sessionId);
    if (first === undefined || first === from) {
      this.#sightings.set(sessionId, from);
      if (this.#sightings.size > this.#capacity) {
        const [oldest] = this.#sightings.keys();
        this.#sightings.delete(oldest as bigint);
      }
      return undefined;
    }
    for (const { ends } of this.#fresh(from, now)) {
      if (ends.some(({ address }) => address === first)) {
        this.#sightings.delete(sessionId);
        return ends;
      }
    }
    return undefined;
  }

  #fresh(from: string, now: number): Handshake[] {
    const here = this.#byAddress.get(from);
    return here === undefined
      ? []
      : [...here].filter(({ usedAt }) => now - usedAt <= this.#maxAgeMs);
  }

  #forget(key: string): void {
    const handshake = this.#handshakes.get(key);
    if (handshake === undefined) {
      return;
    }
    this.#handshakes.delete(key);
    for (const { address } of handshake.ends) {
      const here = this.#byAddress.get(address);
      here?.delete(handshake);
      if (here?.size === 0) {
        this.#byAddress.delete(address);
      }
    }
  }
}

function isBetween({ ends }: Handshake, left: KnownEnd, right: KnownEnd): boolean {
  return [left, right].every((end) =>
    ends.some(({ nodeId, address }) => nodeId === end.nodeId && address === end.address),
  );
}

function keyOf(left: bigint, right: bigint): string {
  return left < right ? `${left} ${right}` : `${right} ${left}`;
}
