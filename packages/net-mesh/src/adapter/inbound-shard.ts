import type { ShardPage, StoredEvent } from "@gaiaftcl/event-bus";

/** A received event, kept for polling. */
class ReceivedEvent implements StoredEvent {
  readonly id: string;
  readonly raw: string;
  readonly insertionTs: bigint;
  readonly shardId: number;
  readonly dedupId = null;

  constructor(id: number, raw: string, insertionTs: bigint, shardId: number) {
    this.id = String(id);
    this.raw = raw;
    this.insertionTs = insertionTs;
    this.shardId = shardId;
  }

  parse<T = unknown>(): T {
    return JSON.parse(this.raw) as T;
  }
}

/** What the peer sent on the stream of one shard, oldest first. Ids count from 1 and never repeat. */
export class InboundShard {
  readonly #shardId: number;
  #events: ReceivedEvent[] = [];
  /** Index in `#events` of the oldest event still kept. */
  #head = 0;
  #nextId = 1;

  constructor(shardId: number) {
    this.#shardId = shardId;
  }

  get size(): number {
    return this.#events.length - this.#head;
  }

  /** The id the next event gets. */
  get nextId(): number {
    return this.#nextId;
  }

  add(raw: string, insertionTs: bigint): void {
    this.#events.push(new ReceivedEvent(this.#nextId, raw, insertionTs, this.#shardId));
    this.#nextId += 1;
  }

  /** Gives the oldest event up. */
  dropOldest(): void {
    this.#head += 1;
    if (this.#head > 1_024 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  /** At most `limit` events behind the id `after`. */
  read(after: number, limit: number): ShardPage {
    const oldestId = this.#nextId - this.size;
    const start = Math.max(after + 1, oldestId);
    const from = this.#head + start - oldestId;
    const events = this.#events.slice(from, from + limit);
    return {
      events,
      position: events.at(-1)?.id,
      more: from + events.length < this.#events.length,
      unreadable: 0,
      missed: start - after - 1,
    };
  }
}
