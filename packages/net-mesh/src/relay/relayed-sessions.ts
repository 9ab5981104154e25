/** One end of a session that passes through this node. */
export interface SessionEnd {
  /** Full node id, when it is known. */
  readonly nodeId: bigint | undefined;
  /** Where its datagrams come from and go to. */
  readonly address: string;
}

export interface RelayedSessionsOptions {
  /** A session no packet of which was seen for this long is forgotten, in milliseconds. */
  readonly maxAgeMs: number;
  /** Sessions remembered; the one used least lately goes first. */
  readonly capacity?: number;
}

interface Relayed {
  /** Of the first packet seen: its sender and its receiver. Only silence lets others take their place. */
  readonly ends: [SessionEnd, SessionEnd];
  usedAt: number;
}

const DEFAULT_CAPACITY = 4096;

/**
 * Sessions whose routed packets passed through this node.
 *
 * A 0.19.0 node sends everything but handshakes to a peer behind a relay without a routing header,
 * to the relay's address, where another 0.19.0 node drops it. Knowing the session ids of both ends,
 * this node hands such packets on. The packets stay sealed: who lies about a session id can misroute
 * what nobody else can read, and only while the true ends are silent.
 */
export class RelayedSessions {
  readonly #maxAgeMs: number;
  readonly #capacity: number;
  /** In the order of last use, oldest first. */
  readonly #sessions = new Map<bigint, Relayed>();

  constructor(options: RelayedSessionsOptions) {
    this.#maxAgeMs = options.maxAgeMs;
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Notes the ends of a routed packet that was forwarded. */
  learn(sessionId: bigint, sender: SessionEnd, receiver: SessionEnd, now: number): void {
    const known = this.#sessions.get(sessionId);
    if (known === undefined || now - known.usedAt > this.#maxAgeMs) {
      this.#touch(sessionId, { ends: [sender, receiver], usedAt: now });
      return;
    }
    const { ends } = known;
    for (const index of [0, 1] as const) {
      const [end, other] = [ends[index], ends[1 - index] as SessionEnd];
      if (sender.address === end.address && receiver.address === other.address) {
        ends[index] = { ...end, nodeId: end.nodeId ?? sender.nodeId };
        ends[1 - index] = { ...other, nodeId: other.nodeId ?? receiver.nodeId };
        known.usedAt = now;
        this.#touch(sessionId, known);
        return;
      }
    }
  }

  /** The end across from `from`, for a packet of that session that came without a routing header. */
  otherEnd(sessionId: bigint, from: string, now: number): SessionEnd | undefined {
    const known = this.#sessions.get(sessionId);
    if (known === undefined) {
      return undefined;
    }
    if (now - known.usedAt > this.#maxAgeMs) {
      this.#sessions.delete(sessionId);
      return undefined;
    }
    const [left, right] = known.ends;
    const other = left.address === from ? right : right.address === from ? left : undefined;
    if (other !== undefined && other.address !== from) {
      known.usedAt = now;
      this.#touch(sessionId, known);
      return other;
    }
    return undefined;
  }

  #touch(sessionId: bigint, relayed: Relayed): void {
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, relayed);
    if (this.#sessions.size > this.#capacity) {
      const [oldest] = this.#sessions.keys();
      this.#sessions.delete(oldest as bigint);
    }
  }
}
