import type {
  AdapterContext,
  EventAdapter,
  GroupMember,
  GroupOptions,
  ReadRequest,
  ShardPage,
} from "./adapter.js";
import type { EventBatch } from "./event-batch.js";
import { EventBusError } from "./event-bus-error.js";
import { MemoryGroup } from "./memory-group.js";
import { MemoryShard, type Segment } from "./memory-shard.js";

/** How much a memory store keeps. The oldest events are given up, and counted, beyond it. */
export interface MemoryStoreOptions {
  /** Events of all shards together; default 1,000,000. */
  readonly maxEvents?: number;
  /** Bytes of payload of all shards together; default 256 MiB. */
  readonly maxBytes?: number;
  /** Default: no limit. */
  readonly maxAgeMs?: number;
}

export interface MemoryStoreStats {
  readonly events: number;
  readonly bytes: number;
  /** Given up because of a limit. */
  readonly evicted: number;
}

const POSITION = /^(?:0|[1-9][0-9]{0,15})$/;

/** Keeps events in this process. They can be polled as long as the limits keep them. */
export class MemoryStore implements EventAdapter {
  readonly name = "memory";
  readonly #maxEvents: number;
  readonly #maxBytes: number;
  readonly #maxAge: bigint | undefined;
  #shards: MemoryShard[] = [];
  #clock: () => bigint = () => 0n;
  /** Segments of all shards, oldest first. */
  #segments: Segment[] = [];
  #events = 0;
  #bytes = 0;
  #evicted = 0;
  #waiting: Set<() => void> = new Set();
  readonly #groups: Map<string, MemoryGroup> = new Map();

  constructor(options: MemoryStoreOptions = {}) {
    this.#maxEvents = limit("maxEvents", options.maxEvents, 1_000_000);
    this.#maxBytes = limit("maxBytes", options.maxBytes, 268_435_456);
    const age = options.maxAgeMs;
    this.#maxAge =
      age === undefined ? undefined : BigInt(Math.round(limit("maxAgeMs", age, 0) * 1e6));
  }

  open(context: AdapterContext): void {
    if (this.#shards.length > 0) {
      throw new EventBusError(
        "INVALID_OPTION",
        "a memory store serves one bus; make another for another bus",
      );
    }
    this.#clock = context.clock;
    this.#shards = Array.from({ length: context.shards }, (_, shard) => new MemoryShard(shard));
  }

  stats(): MemoryStoreStats {
    this.#expire();
    return { events: this.#events, bytes: this.#bytes, evicted: this.#evicted };
  }

  append(batch: EventBatch): void {
    const shard = this.#shards[batch.shardId] as MemoryShard;
    const begun = shard.add(batch);
    if (begun !== undefined) this.#segments.push(begun);
    this.#events += batch.count;
    this.#bytes += batch.size;
    if (this.#maxAge !== undefined) this.#expire();
    if (this.#events > this.#maxEvents || this.#bytes > this.#maxBytes) this.#shrink();
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  read({ shardId, after, limit, filter }: ReadRequest): ShardPage {
    if (this.#maxAge !== undefined) this.#expire();
    const shard = this.#shards[shardId] as MemoryShard;
    if (after !== undefined && !POSITION.test(after)) {
      throw new EventBusError(
        "FATAL",
        `${JSON.stringify(after)} is no position of a memory store`,
        {
          shardId,
        },
      );
    }
    const found = shard.read(Number(after ?? 0), limit, filter);
    const { events, more, missed, last } = found;
    const moved = last > Number(after ?? 0);
    return { events, position: moved ? String(last) : undefined, more, unreadable: 0, missed };
  }

  news(positions: ReadonlyMap<number, string | undefined>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      for (const [shard, id] of positions) {
        if ((this.#shards[shard] as MemoryShard).nextId - 1 > Number(id ?? 0)) {
          resolve();
          return;
        }
      }
      if (signal.aborted) {
        resolve();
        return;
      }
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }

  join(options: GroupOptions): Promise<GroupMember> {
    let group = this.#groups.get(options.group);
    if (group === undefined) {
      const starts = this.#shards.map((shard) => (options.from === "start" ? 0 : shard.nextId - 1));
      group = new MemoryGroup(this, starts, options.redeliverAfterMs);
      this.#groups.set(options.group, group);
    }
    return Promise.resolve(group.member());
  }

  close(): Promise<void> {
    for (const wake of this.#waiting) wake();
    return Promise.resolve();
  }

  #shrink(): void {
    while (this.#events > this.#maxEvents || this.#bytes > this.#maxBytes) {
      const segment = this.#segments[0];
      if (segment === undefined) return;
      const { chunk, head } = segment;
      let next = Math.min(chunk.count, head + Math.max(0, this.#events - this.#maxEvents));
      const excess = this.#bytes - this.#maxBytes;
      if (excess > 0) {
        const byte = chunk.start(head) + excess - 1;
        next = Math.max(next, byte >= chunk.size ? chunk.count : chunk.indexAt(byte) + 1);
      }
      this.#dropUntil(segment, next);
    }
  }

  #expire(): void {
    if (this.#maxAge === undefined) return;
    const oldest = this.#clock() - this.#maxAge;
    for (const shard of this.#shards) {
      for (let segment = shard.oldest; segment !== undefined; segment = shard.oldest) {
        const next = segment.chunk.indexOfTime(oldest, segment.head);
        if (next === segment.head) break;
        this.#dropUntil(segment, next);
      }
    }
  }

  /** Gives up the events of the oldest segment of a shard before index `next`. */
  #dropUntil(segment: Segment, next: number): void {
    const { chunk, head } = segment;
    this.#events -= next - head;
    this.#evicted += next - head;
    this.#bytes -= (next === chunk.count ? chunk.size : chunk.start(next)) - chunk.start(head);
    if (next < chunk.count) {
      segment.head = next;
      return;
    }
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    (this.#shards[segment.shardId] as MemoryShard).dropOldest();
  }
}

/** A store of this process's memory for a bus: what a bus uses when it is given no adapter. */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  return new MemoryStore(options);
}

function limit(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (value > 0 && !Number.isNaN(value)) return value;
  throw new EventBusError("INVALID_OPTION", `${name} must be > 0; it is ${value}`);
}
