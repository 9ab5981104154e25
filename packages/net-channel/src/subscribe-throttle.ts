/** The bounds of a throttle, in milliseconds and failures. */
export interface ThrottleLimits {
  readonly failures: number;
  readonly windowMs: number;
  readonly throttleMs: number;
  /** How many nodes are remembered at most; the one longest known is forgotten first. */
  readonly nodes: number;
}

/** Those of Net 0.19.0 (Net identity format, section 7.2). */
export const THROTTLE_LIMITS: ThrottleLimits = {
  failures: 16,
  windowMs: 60_000,
  throttleMs: 30_000,
  nodes: 65_536,
};

interface Failures {
  readonly since: number;
  count: number;
  throttledUntil: number | undefined;
}

/**
 * Counts each node's refused subscriptions (Net identity format, section 7.2): the last of too many
 * within a window starts a time in which none of its requests is looked at.
 */
export class SubscribeThrottle {
  readonly #limits: ThrottleLimits;
  readonly #nodes = new Map<bigint, Failures>();

  constructor(limits: ThrottleLimits = THROTTLE_LIMITS) {
    this.#limits = limits;
  }

  /** How many nodes are remembered. */
  get size(): number {
    return this.#nodes.size;
  }

  isThrottled(node: bigint, now: number): boolean {
    const until = this.#nodes.get(node)?.throttledUntil;
    return until !== undefined && now < until;
  }

  /** A subscription was refused. */
  fail(node: bigint, now: number): void {
    const known = this.#nodes.get(node);
    if (known === undefined || this.#isOver(known, now)) {
      this.#nodes.delete(node);
      this.#makeRoom();
      this.#nodes.set(node, { since: now, count: 1, throttledUntil: this.#throttledAfter(1, now) });
      return;
    }
    known.count++;
    known.throttledUntil = this.#throttledAfter(known.count, now);
  }

  /** A subscription was accepted: the node starts over. */
  succeed(node: bigint): void {
    this.#nodes.delete(node);
  }

  /** Forgets what no longer counts. */
  sweep(now: number): void {
    for (const [node, failures] of this.#nodes) {
      if (this.#isOver(failures, now)) this.#nodes.delete(node);
    }
  }

  #isOver(failures: Failures, now: number): boolean {
    const { since, throttledUntil } = failures;
    return now >= (throttledUntil ?? since + this.#limits.windowMs);
  }

  #throttledAfter(count: number, now: number): number | undefined {
    return count >= this.#limits.failures ? now + this.#limits.throttleMs : undefined;
  }

  #makeRoom(): void {
    if (this.#nodes.size < this.#limits.nodes) return;
    for (const oldest of this.#nodes.keys()) {
      this.#nodes.delete(oldest);
      return;
    }
  }
}
