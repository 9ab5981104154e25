import { type Chunk, chunkOf } from "./chunk.js";
import type { EventBatch } from "./event-batch.js";
import type { Filter } from "./filter.js";
import type { StoredEvent } from "./stored-event.js";

/** Chunks of at least this many bytes are kept as they are; smaller ones are put together. */
const WORTH_KEEPING = 8_192;

/** A chunk in the store: which of its events are still there, and their numbers. */
export interface Segment {
  readonly shardId: number;
  readonly chunk: Chunk;
  /** The number, counted from 1, of the chunk's first event. */
  readonly firstId: number;
  /** The index in the chunk of the oldest event still kept. */
  head: number;
}

/** What one read of a memory shard found. */
export interface MemoryRead {
  readonly events: StoredEvent[];
  /** The number of the last event looked at. */
  readonly last: number;
  readonly more: boolean;
  readonly missed: number;
}

/** The events of one shard in memory, numbered from 1 without gaps. */
export class MemoryShard {
  /** The number the next event gets. */
  nextId = 1;
  readonly shardId: number;
  #segments: Segment[] = [];
  #open = false;

  constructor(shardId: number) {
    this.shardId = shardId;
  }

  /** The number of the oldest event still kept; `nextId` when there is none. */
  get firstId(): number {
    const segment = this.#segments[0];
    return segment === undefined ? this.nextId : segment.firstId + segment.head;
  }

  /** Adds a batch; returns the segment when a new one was begun. */
  add(batch: EventBatch): Segment | undefined {
    const first = this.nextId;
    this.nextId += batch.count;
    const isLarge = batch.size >= WORTH_KEEPING;
    const last = this.#segments.at(-1);
    if (!isLarge) {
      const run = batch.chunk.runFrom(batch.from);
      if (this.#open && last?.chunk.takes(run)) {
        last.chunk.add(run);
        return undefined;
      }
      if (this.#open) last?.chunk.close();
      this.#open = true;
      return this.#push(chunkOf(run), first, 0);
    }
    if (this.#open) last?.chunk.close();
    this.#open = false;
    batch.chunk.close();
    return this.#push(batch.chunk, first - batch.from, batch.from);
  }

  get oldest(): Segment | undefined {
    return this.#segments[0];
  }

  dropOldest(): void {
    this.#segments.shift();
    if (this.#segments.length === 0) this.#open = false;
  }

  read(after: number, limit: number, filter: Filter | undefined): MemoryRead {
    const start = Math.max(after + 1, this.firstId);
    const missed = after + 1 < start ? start - after - 1 : 0;
    const events: StoredEvent[] = [];
    let next = start;
    let looked = 0;
    for (let s = this.#segmentOf(start); s < this.#segments.length && looked < limit; s += 1) {
      const segment = this.#segments[s] as Segment;
      const from = next - segment.firstId;
      const to = Math.min(segment.chunk.count, from + limit - looked);
      looked += to - from;
      next = segment.firstId + to;
      collect(segment, from, to, filter, events);
    }
    return { events, last: next - 1, more: next < this.nextId, missed };
  }

  #push(chunk: Chunk, firstId: number, head: number): Segment {
    const segment = { shardId: this.shardId, chunk, firstId, head };
    this.#segments.push(segment);
    return segment;
  }

  #segmentOf(id: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const segment = this.#segments[middle] as Segment;
      if (segment.firstId + segment.chunk.count <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The events at `from` up to `to`, without those that a filter rules out by their bytes alone. */
function collect(
  segment: Segment,
  from: number,
  to: number,
  filter: Filter | undefined,
  into: StoredEvent[],
): void {
  const { chunk } = segment;
  const scan = filter?.prefilter.scanner(chunk.bytes.subarray(0, chunk.end(to - 1)));
  if (scan === undefined) {
    for (let index = from; index < to; index += 1) into.push(new MemoryEvent(segment, index));
    return;
  }
  for (let at = scan(chunk.start(from)); at !== -1; ) {
    const index = chunk.indexAt(at);
    into.push(new MemoryEvent(segment, index));
    if (index + 1 >= to) return;
    at = scan(chunk.end(index));
  }
}

/** An event of the store, decoded when it is looked at. */
class MemoryEvent implements StoredEvent {
  readonly dedupId: null = null;
  readonly #segment: Segment;
  readonly #index: number;

  constructor(segment: Segment, index: number) {
    this.#segment = segment;
    this.#index = index;
  }

  get id(): string {
    return String(this.#segment.firstId + this.#index);
  }

  get raw(): string {
    return this.#segment.chunk.text(this.#index).trim();
  }

  get insertionTs(): bigint {
    return this.#segment.chunk.timestamp(this.#index);
  }

  get shardId(): number {
    return this.#segment.shardId;
  }

  parse<T = unknown>(): T {
    return JSON.parse(this.raw) as T;
  }
}
