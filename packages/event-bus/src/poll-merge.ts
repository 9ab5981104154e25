import type { ShardPage } from "./adapter.js";
import { compareIds, idClass } from "./event-id.js";
import type { StoredEvent } from "./stored-event.js";

type Ordering = "none" | "insertion_ts" | null | undefined;

/** What one shard contributes to a poll. */
export interface Share {
  readonly shardId: number;
  readonly page: ShardPage;
  /** The events of the page that pass the filter, in the order of the stream. */
  readonly candidates: readonly StoredEvent[];
  /** How many of `candidates`, from the first, are returned. */
  taken: number;
}

export interface Merged {
  readonly events: readonly StoredEvent[];
  readonly positions: Map<number, string>;
  readonly hasProgress: boolean;
  readonly hasMore: boolean;
  readonly stalled: readonly number[];
  /** Shards whose position in the cursor is of another shape than the adapter's ids. */
  readonly foreign: readonly Share[];
}

/**
 * Cuts to the limit so that every shard contributes a prefix of what was read, and moves each
 * position to the end of what was returned or ruled out: nothing is skipped, and nothing that
 * cannot be read holds a position up (event bus format, sections 6.5 and 6.6).
 */
export function merge(
  shares: readonly Share[],
  start: ReadonlyMap<number, string>,
  request: {
    readonly limit: number;
    readonly filtered: boolean;
    readonly ordering: Ordering;
  },
): Merged {
  const isForeign = ({ shardId, page }: Share): boolean => {
    const from = start.get(shardId);
    return (
      from !== undefined && page.position !== undefined && idClass(from) !== idClass(page.position)
    );
  };
  const foreign = shares.filter(isForeign);
  let wasCut = cut(shares, request);
  let usable = shares.filter((share) => !foreign.includes(share));
  if (usable.every(({ taken }) => taken === 0) && foreign.length > 0) {
    // Shards that cannot be used must not keep the others from being read.
    wasCut = cut(usable, request) || wasCut;
    usable = [...usable];
  }
  const positions = new Map(start);
  const stalled: number[] = [];
  for (const { shardId, page, candidates, taken } of usable) {
    const position = taken === candidates.length ? page.position : candidates[taken - 1]?.id;
    if (position !== undefined) positions.set(shardId, position);
    const hasMore = page.more || taken < candidates.length;
    if (hasMore && positions.get(shardId) === start.get(shardId)) stalled.push(shardId);
  }
  const events = usable.flatMap(({ candidates, taken }) => candidates.slice(0, taken));
  if (request.ordering === "insertion_ts") sortByTime(events);
  const hasAdvanced = usable.some(({ shardId }) => positions.get(shardId) !== start.get(shardId));
  const hasProgress = events.length > 0 || hasAdvanced;
  const mayHaveMore =
    wasCut ||
    usable.some(({ page }) => page.more) ||
    (request.filtered && events.length === 0 && hasAdvanced);
  return { events, positions, hasProgress, hasMore: hasProgress && mayHaveMore, stalled, foreign };
}

/** Decides how many events of each shard are returned; true when some are not. */
function cut(
  shares: readonly Share[],
  { limit, ordering }: { readonly limit: number; readonly ordering: Ordering },
): boolean {
  const total = sum(shares, ({ candidates }) => candidates.length);
  for (const share of shares) share.taken = share.candidates.length;
  if (total <= limit) return false;
  let left = limit;
  if (ordering !== "insertion_ts") {
    for (const share of shares) {
      share.taken = Math.min(left, share.candidates.length);
      left -= share.taken;
    }
    return true;
  }
  // A shard's times fall when its producer restarts. An event is therefore never due before those
  // that lie before it in its shard: otherwise the position would have to skip them.
  const keys: { readonly share: Share; readonly time: bigint }[] = [];
  for (const share of shares) {
    let time = -1n;
    for (const { insertionTs } of share.candidates) {
      if (insertionTs > time) time = insertionTs;
      keys.push({ share, time });
    }
    share.taken = 0;
  }
  keys.sort((a, b) => compareTimes(a.time, b.time) || a.share.shardId - b.share.shardId);
  for (const { share } of keys.slice(0, left)) share.taken += 1;
  return true;
}

function sortByTime(events: StoredEvent[]): void {
  const keyed = events.map((event) => ({ event, time: event.insertionTs }));
  keyed.sort(
    (a, b) =>
      compareTimes(a.time, b.time) ||
      a.event.shardId - b.event.shardId ||
      compareIds(a.event.id, b.event.id),
  );
  for (const [index, { event }] of keyed.entries()) events[index] = event;
}

function compareTimes(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
