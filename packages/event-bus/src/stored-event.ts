/** An event as an adapter gives it back (event bus format, section 2.3). */
export interface StoredEvent {
  /** The adapter's id: `ms-seq` on Redis, a decimal number in memory and on JetStream. */
  readonly id: string;
  /** The event's JSON text, exactly as it was ingested but for white space around it. */
  readonly raw: string;
  /** Nanoseconds since the producing bus was created; grows strictly within a shard of one bus. */
  readonly insertionTs: bigint;
  readonly shardId: number;
  /** Names the event across retries; null where the adapter has none. */
  readonly dedupId: string | null;
  /** The event as a JavaScript value. Numbers beyond 2^53 lose digits, as with JSON.parse. */
  parse<T = unknown>(): T;
}

/** The JSON text of a stored event; `raw` verbatim, fields in the order of the reference. */
export function encodeStoredEvent(event: StoredEvent): string {
  const id = JSON.stringify(event.id);
  const dedupId = JSON.stringify(event.dedupId);
  return `{"id":${id},"raw":${event.raw},"insertion_ts":${event.insertionTs},"shard_id":${event.shardId},"dedup_id":${dedupId}}`;
}
