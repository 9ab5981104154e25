import type { EventAdapter, ShardPage } from "./adapter.js";
import { decodeCursor, encodeCursor } from "./cursor.js";
import { EventBusError, toEventBusError } from "./event-bus-error.js";
import { Filter, type FilterInput } from "./filter.js";
import { merge, type Share, sum } from "./poll-merge.js";
import type { StoredEvent } from "./stored-event.js";

/** One poll never asks a shard for more than this (event bus format, section 6.4). */
const MOST_PER_SHARD = 10_000;

export interface PollOptions {
  /** The most events to return; 0 returns none and looks at nothing. */
  readonly limit: number;
  /** The `nextId` of an earlier poll; from the start when absent. */
  readonly cursor?: string | null;
  /** The JSON text of a filter, or the same as a value. */
  readonly filter?: string | FilterInput | Filter | null;
  /** `insertion_ts`: oldest first over all shards. Default `none`: shard by shard. */
  readonly ordering?: "none" | "insertion_ts" | null;
  readonly signal?: AbortSignal;
}

export interface FailedShard {
  readonly shardId: number;
  readonly error: EventBusError;
}

export interface PollResponse {
  readonly events: readonly StoredEvent[];
  /** The cursor for the next poll; null when there is nothing to remember. */
  readonly nextId: string | null;
  /** Whether polling again at once may return more. */
  readonly hasMore: boolean;
  /** Shards that could not be read. When the others have nothing new, the poll throws instead. */
  readonly failedShards: readonly FailedShard[];
  /** Shards with more to read whose position this poll could not move. */
  readonly stalledShards: readonly number[];
  /** Whether a shard was asked for fewer events than the limit called for. */
  readonly truncatedAtPerShardCap: boolean;
  /** Entries that were passed because they are not events. */
  readonly unreadable: number;
  /** Events that a bounded store had given up before this poll reached them. */
  readonly missed: number;
}

const EMPTY: Omit<PollResponse, "nextId"> = {
  events: [],
  hasMore: false,
  failedShards: [],
  stalledShards: [],
  truncatedAtPerShardCap: false,
  unreadable: 0,
  missed: 0,
};

/** One poll over all shards of a bus (event bus format, section 6). */
export async function poll(
  adapter: EventAdapter,
  shards: number,
  options: PollOptions,
  closing: AbortSignal,
): Promise<PollResponse> {
  const { limit, cursor, ordering, signal } = options;
  if (!Number.isSafeInteger(limit) || limit < 0) {
    throw new EventBusError("INVALID_OPTION", `limit must be an integer >= 0; it is ${limit}`);
  }
  if (ordering != null && ordering !== "none" && ordering !== "insertion_ts") {
    throw new EventBusError(
      "INVALID_OPTION",
      `Invalid ordering: ${String(ordering)}. Use 'none' or 'insertion_ts'`,
    );
  }
  const { filter: wanted } = options;
  const filter = wanted == null || wanted instanceof Filter ? wanted : Filter.parse(wanted);
  const positions = cursor == null ? new Map<number, string>() : decodeCursor(cursor);
  if (limit === 0) return { ...EMPTY, nextId: null };

  const asked = Math.ceil(limit / shards) * (filter == null ? 2 : 3);
  // Without a filter a shard cannot contribute more than the limit, so more is not asked for.
  const needed = filter == null ? Math.min(asked, limit) : asked;
  const perShard = Math.min(needed, MOST_PER_SHARD);
  const stop = signal === undefined ? closing : AbortSignal.any([signal, closing]);
  const failedShards: FailedShard[] = [];
  const shares: Share[] = [];
  const common = { limit: perShard, signal: stop, goesOn: cursor != null };
  const reads = Array.from({ length: shards }, (_, shardId) =>
    readShard(adapter, { shardId, after: positions.get(shardId), ...common }, filter),
  );
  for (const [shardId, read] of reads.entries()) {
    const page = read instanceof Promise ? await read : read;
    if (page instanceof EventBusError) {
      failedShards.push({ shardId, error: page });
      continue;
    }
    const candidates =
      filter == null ? page.events : page.events.filter(({ raw }) => filter.matches(raw));
    shares.push({ shardId, page, candidates, taken: candidates.length });
  }
  // A position that an adapter cannot use is no outage: the others are read, and it is told.
  const unread = shares.length === 0 ? failedShards[0] : failedShards.find(isOutage);
  const merged = merge(shares, positions, { limit, filtered: filter != null, ordering });
  if (unread !== undefined && !merged.hasProgress) {
    // An empty answer would say that there is nothing to read.
    const { error, shardId } = unread;
    const what =
      shares.length === 0
        ? "no shard could be read; the first"
        : `shard ${shardId} could not be read, and the others have nothing new`;
    throw new EventBusError(error.code, `${what}: ${error.message}`, { cause: error });
  }
  for (const { shardId, page } of merged.foreign) {
    const message = `the cursor's position ${JSON.stringify(positions.get(shardId))} of shard ${shardId} is no id of ${adapter.name}, whose ids are like ${JSON.stringify(page.position)}`;
    failedShards.push({
      shardId,
      error: new EventBusError("INVALID_CURSOR", message, { shardId }),
    });
  }
  return {
    events: merged.events,
    nextId: merged.hasProgress ? encodeCursor(merged.positions) : (cursor ?? null),
    hasMore: merged.hasMore,
    failedShards,
    stalledShards: merged.stalled,
    truncatedAtPerShardCap: needed > perShard && shares.some(({ page }) => page.more),
    unreadable: sum(shares, ({ page }) => page.unreadable),
    missed: sum(shares, ({ page }) => page.missed),
  };
}

function isOutage({ error }: FailedShard): boolean {
  return error.retryable;
}

/** A page, or why there is none. Starts at once, so that all shards are read side by side. */
function readShard(
  adapter: EventAdapter,
  request: Parameters<EventAdapter["read"]>[0],
  filter: Filter | null | undefined,
): ShardPage | EventBusError | Promise<ShardPage | EventBusError> {
  const failed = (thrown: unknown): EventBusError =>
    toEventBusError(thrown, `reading shard ${request.shardId} of ${adapter.name}`);
  try {
    const page = adapter.read(filter == null ? request : { ...request, filter });
    return page instanceof Promise ? page.catch(failed) : page;
  } catch (thrown) {
    return failed(thrown);
  }
}
