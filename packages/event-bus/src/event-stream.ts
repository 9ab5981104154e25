import type { EventAdapter, ShardPage } from "./adapter.js";
import { delayAfter, type RetryPolicy, sleep } from "./backoff.js";
import { decodeCursor, encodeCursor } from "./cursor.js";
import { type EventBusError, toEventBusError } from "./event-bus-error.js";
import { within } from "./event-bus-options.js";
import { Filter, type FilterInput } from "./filter.js";
import { RedisStreamDedup } from "./redis-stream-dedup.js";
import type { StoredEvent } from "./stored-event.js";

export interface StreamOptions {
  /** Where to begin: the oldest event kept (default), or behind a cursor. */
  readonly cursor?: string;
  readonly filter?: string | FilterInput | Filter;
  /** Only these shards; default all. */
  readonly shards?: readonly number[];
  /** Most events read from one shard at a time; default 1,000. */
  readonly pageSize?: number;
  /** Dedup ids remembered, to pass over what a retry stored twice; default 65,536, 0 for none. */
  readonly dedupWindow?: number;
  /** Ends the iteration; it returns, it does not throw. */
  readonly signal?: AbortSignal;
}

interface StreamContext {
  readonly adapter: EventAdapter;
  readonly shards: number;
  readonly retry: RetryPolicy;
  readonly closing: AbortSignal;
  /** Makes what was just ingested readable. */
  readonly settle: () => void;
  /** Counts readers that wait for news. */
  readonly watch: (change: 1 | -1) => void;
  readonly onReadFailure: (shardId: number, error: EventBusError, retryInMs: number) => void;
}

/** How long a reader sleeps when its adapter cannot tell of news: longer while nothing comes. */
const IDLE_MS = { least: 1, most: 50 } as const;

/**
 * All events of a bus, each once, those of a shard in order; waits for new ones. One reader has one
 * stream; the stream remembers its positions, the backend does not.
 */
export class EventStream implements AsyncIterableIterator<StoredEvent>, AsyncDisposable {
  readonly #context: StreamContext;
  readonly #filter: Filter | undefined;
  readonly #pageSize: number;
  readonly #shards: readonly number[];
  readonly #dedup: RedisStreamDedup | undefined;
  readonly #end: AbortController = new AbortController();
  /** The reader wants no more. */
  readonly #stop: AbortSignal;
  /** Nothing is waited for any more: the reader wants no more, or the bus closes. */
  readonly #halt: AbortSignal;
  readonly #positions: Map<number, string>;
  readonly #events: AsyncGenerator<StoredEvent, undefined, undefined>;
  /** The event handed out last, and the shard it was read from. */
  #last: { readonly shardId: number; readonly event: StoredEvent } | undefined;
  #missed = 0;
  #unreadable = 0;
  #duplicates = 0;

  constructor(context: StreamContext, options: StreamOptions) {
    this.#context = context;
    const { filter, cursor, dedupWindow = 65_536 } = options;
    this.#filter = filter === undefined || filter instanceof Filter ? filter : Filter.parse(filter);
    this.#pageSize = within("pageSize", options.pageSize ?? 1_000, 1, 1_000_000);
    this.#shards = options.shards ?? [...Array(context.shards).keys()];
    for (const shard of this.#shards) within("shards", shard, 0, context.shards - 1);
    this.#dedup = dedupWindow > 0 ? new RedisStreamDedup(dedupWindow) : undefined;
    this.#positions = cursor === undefined ? new Map() : decodeCursor(cursor);
    const { signal } = options;
    this.#stop = signal ? AbortSignal.any([this.#end.signal, signal]) : this.#end.signal;
    this.#halt = AbortSignal.any([this.#stop, context.closing]);
    this.#events = this.#read();
  }

  /** The cursor behind the last event handed out: a later stream can go on from there. */
  get cursor(): string {
    const last = this.#last;
    if (last !== undefined) this.#positions.set(last.shardId, last.event.id);
    return encodeCursor(this.#positions);
  }

  /** Events that a bounded store gave up before this stream reached them. */
  get missed(): number {
    return this.#missed;
  }

  /** Entries passed over because they are not events. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Events passed over because their dedup id had been seen. */
  get duplicates(): number {
    return this.#duplicates;
  }

  next(): Promise<IteratorResult<StoredEvent, undefined>> {
    return this.#events.next();
  }

  async return(): Promise<IteratorResult<StoredEvent, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /** Ends the iteration and lets go of what it holds. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#events.return(undefined);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#read(): AsyncGenerator<StoredEvent, undefined, undefined> {
    const { adapter } = this.#context;
    let idle = 0;
    while (!this.#stop.aborted) {
      this.#context.settle();
      let found = 0;
      const reads = this.#shards.map((shardId) => this.#page(shardId));
      // One that fails while another is awaited must not count as unhandled; it is awaited below.
      for (const read of reads) if (read instanceof Promise) read.catch(() => undefined);
      for (const [i, read] of reads.entries()) {
        const shardId = this.#shards[i] as number;
        const page = await read;
        if (page === undefined) continue;
        found += page.position === undefined ? 0 : 1;
        this.#missed += page.missed;
        this.#unreadable += page.unreadable;
        for (const event of page.events) {
          if (this.#stop.aborted) return undefined;
          this.#last = { shardId, event };
          const { dedupId } = event;
          if (dedupId !== null && this.#dedup?.isDuplicate(dedupId)) {
            this.#duplicates += 1;
          } else if (this.#filter === undefined || this.#filter.matches(event.raw)) {
            yield event;
          }
        }
        this.#last = undefined;
        if (page.position !== undefined) this.#positions.set(shardId, page.position);
      }
      idle = found > 0 ? 0 : idle + 1;
      if (found > 0 || this.#stop.aborted) continue;
      // What a closed bus still has in memory is read to its end.
      if (this.#context.closing.aborted) return undefined;
      if (adapter.news !== undefined) await this.#news(adapter.news.bind(adapter));
      else await sleep(Math.min(IDLE_MS.most, IDLE_MS.least * 2 ** Math.min(idle, 6)), this.#halt);
    }
    return undefined;
  }

  /** The next page of a shard, however long it takes; undefined when the stream ends first. */
  #page(shardId: number): ShardPage | undefined | Promise<ShardPage | undefined> {
    const request = {
      shardId,
      after: this.#positions.get(shardId),
      limit: this.#pageSize,
      signal: this.#halt,
      ...(this.#filter === undefined ? {} : { filter: this.#filter }),
    };
    try {
      const page = this.#context.adapter.read(request);
      if (!(page instanceof Promise)) return page;
      return page.catch((thrown: unknown) => this.#retry(request, thrown));
    } catch (thrown) {
      return this.#retry(request, thrown);
    }
  }

  async #retry(
    request: Parameters<EventAdapter["read"]>[0],
    first: unknown,
  ): Promise<ShardPage | undefined> {
    const { adapter, retry, onReadFailure } = this.#context;
    let thrown = first;
    for (let attempt = 1; !this.#halt.aborted; attempt += 1) {
      const doing = `reading shard ${request.shardId} of ${adapter.name}`;
      const error = toEventBusError(thrown, doing);
      if (!error.retryable) throw error;
      const delay = delayAfter(retry, request.shardId, attempt);
      onReadFailure(request.shardId, error, delay);
      await sleep(delay, this.#halt);
      if (this.#halt.aborted) break;
      try {
        return await adapter.read(request);
      } catch (again) {
        thrown = again;
      }
    }
    return undefined;
  }

  async #news(news: NonNullable<EventAdapter["news"]>): Promise<void> {
    const positions = new Map<number, string | undefined>();
    for (const shard of this.#shards) positions.set(shard, this.#positions.get(shard));
    this.#context.watch(1);
    try {
      await news(positions, this.#halt);
    } catch {
      // The next read meets the same failure, and reports it.
      await sleep(IDLE_MS.most, this.#halt);
    } finally {
      this.#context.watch(-1);
    }
  }
}
