import type { EventStore } from "./event-store.js";

/** What a log keeps; events beyond any of the bounds are evicted, oldest first (section 5). */
export interface RetentionPolicy {
  readonly maxEvents?: number | undefined;
  /** Of the sum of 20 and the payload's length over all events. */
  readonly maxBytes?: number | undefined;
  readonly maxAgeMs?: number | undefined;
}

/** The position of the oldest event that `policy` keeps at `now` (Unix nanoseconds). */
export function firstKept(store: EventStore, policy: RetentionPolicy, now: () => bigint): number {
  const { maxEvents, maxBytes, maxAgeMs } = policy;
  let first = store.start;
  if (maxEvents !== undefined) first = Math.max(first, store.end - maxEvents);
  if (maxBytes !== undefined) {
    let weight = store.weight;
    for (let oldest = store.start; weight > maxBytes && oldest < store.end; ) {
      weight -= store.weightAt(oldest);
      oldest += 1;
      if (oldest > first) first = oldest;
    }
  }
  if (maxAgeMs !== undefined) {
    const cutoff = now() - BigInt(maxAgeMs) * 1_000_000n;
    // Exactly as old as allowed is kept.
    while (first < store.end && store.timeAt(first) < cutoff) first += 1;
  }
  return first;
}

/** Whether there is anything to enforce. */
export function isBounded(policy: RetentionPolicy): boolean {
  return (
    policy.maxEvents !== undefined || policy.maxBytes !== undefined || policy.maxAgeMs !== undefined
  );
}
