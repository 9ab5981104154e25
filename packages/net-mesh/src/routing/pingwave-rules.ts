import { RecentSet } from "../limits/recent-set.js";

/** The parts of a pingwave that decide what happens to it. */
export interface Wave {
  readonly origin: bigint;
  readonly sequence: bigint;
  readonly ttl: number;
  readonly hopCount: number;
}

/** What to do with a wave that came in. */
export type WaveVerdict =
  | { readonly kind: "drop" }
  | {
      readonly kind: "take";
      /** Of the route to the origin by the sender. */
      readonly metric: number;
      /** Seen for the first time, or going further than the copies before: to be recorded in the graph. */
      readonly isNew: boolean;
      /** What the copies for the other peers carry; undefined when it goes no further. */
      readonly onward: { readonly ttl: number; readonly hopCount: number } | undefined;
    };

export interface PingwaveRulesOptions {
  readonly nodeId: bigint;
  /** How long a wave is known again, in milliseconds. */
  readonly memoryMs: number;
  /** Waves remembered. */
  readonly capacity?: number;
}

/** How far a wave of ours goes. */
export const PINGWAVE_RADIUS = 3;
const MAX_HOPS = 16;
const DEFAULT_CAPACITY = 65_536;
const METRIC_BEYOND_HOPS = 2;
/** Waves that go further than this are alike in how far they go. */
const FURTHEST = 4;
/** What is learned lasts as long as waves are remembered; some ways are confirmed this many times meanwhile. */
const CONFIRMATIONS = 3;

/**
 * Decides what becomes of pingwaves (Net transport format, section 11). A copy that came the shorter
 * way may arrive after one that took a detour and is nearly used up; now and then it is sent on as well,
 * or the nodes at the edge of its reach would hear of its origin by luck only. Waves are neither encrypted
 * nor authenticated; they only ever give routes that a handshake then proves or does not.
 */
export class PingwaveRules {
  readonly #nodeId: bigint;
  readonly #seen: RecentSet<string>;
  /** Origins of which a copy that goes so far was sent on after one that does not. */
  readonly #extended: RecentSet<string>;
  #lastSequence = 0n;

  constructor(options: PingwaveRulesOptions) {
    this.#nodeId = options.nodeId;
    this.#seen = new RecentSet({
      memoryMs: options.memoryMs,
      capacity: options.capacity ?? DEFAULT_CAPACITY,
    });
    this.#extended = new RecentSet({
      memoryMs: options.memoryMs / CONFIRMATIONS,
      capacity: options.capacity ?? DEFAULT_CAPACITY,
    });
  }

  /**
   * The sequence of the next own wave. It starts from the clock: a node that came again with
   * sequence 1 would be taken for its former self by nodes that never forget.
   *
   * @param wallClock Unix time in milliseconds
   */
  nextSequence(wallClock: number): bigint {
    const fromClock = BigInt(Math.floor(wallClock));
    this.#lastSequence = fromClock > this.#lastSequence ? fromClock : this.#lastSequence + 1n;
    return this.#lastSequence;
  }

  /** @param isFromPeer whether the datagram came from the address of a peer */
  judge(wave: Wave, isFromPeer: boolean, now: number): WaveVerdict {
    if (wave.origin === this.#nodeId || wave.hopCount >= MAX_HOPS || !isFromPeer) {
      return { kind: "drop" };
    }
    const isNew = this.#isNew(wave, now);
    const onward =
      isNew && wave.ttl > 0 ? { ttl: wave.ttl - 1, hopCount: wave.hopCount + 1 } : undefined;
    return { kind: "take", metric: wave.hopCount + METRIC_BEYOND_HOPS, isNew, onward };
  }

  #isNew({ origin, sequence, ttl }: Wave, now: number): boolean {
    const wave = `${origin}:${sequence}`;
    const reach = Math.min(ttl, FURTHEST);
    if (!this.#seen.add(`${wave}:${reach}`, now)) {
      return false;
    }
    let isFirst = true;
    for (let other = 0; other <= FURTHEST; other += 1) {
      if (other !== reach && this.#seen.has(`${wave}:${other}`)) {
        if (other > reach) {
          return false;
        }
        isFirst = false;
      }
    }
    return isFirst || this.#extended.add(`${origin}:${reach}`, now);
  }
}
