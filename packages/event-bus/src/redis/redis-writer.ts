import type { EventBatch } from "../event-batch.js";
import { RedisAppend } from "./redis-append.js";
import { isAnswer, redisFailure } from "./redis-failure.js";
import type { RedisLink, RedisReply } from "./redis-link.js";

/** Entries looked at per request when a batch is searched for. */
const SEARCH_PAGE = 1_000;

/** What is known of the end of one stream. */
interface Tail {
  /** The id of an entry before which nothing of a batch under way can be. */
  readonly id: string;
  /** Whether an attempt to write behind it went unanswered. */
  isUncertain: boolean;
}

/** Appends batches to streams, each as a whole and none twice (event bus format, section 9.1). */
export class RedisWriter {
  readonly #link: RedisLink;
  readonly #keyOf: (shard: number) => string;
  readonly #append: RedisAppend;
  readonly #tails: Map<number, Tail> = new Map();

  constructor(
    link: RedisLink,
    keyOf: (shard: number) => string,
    options: { readonly maxStreamLength: number | undefined; readonly scripts: boolean },
  ) {
    this.#link = link;
    this.#keyOf = keyOf;
    this.#append = new RedisAppend(link, options.maxStreamLength, options.scripts);
  }

  async append(batch: EventBatch, signal: AbortSignal): Promise<void> {
    const { shardId, count } = batch;
    if (count === 0) return;
    const key = this.#keyOf(shardId);
    try {
      const tail = this.#tails.get(shardId) ?? (await this.#findTail(shardId, signal));
      if (tail.isUncertain && (await this.#isStored(batch, tail.id, signal))) {
        tail.isUncertain = false;
        return;
      }
      tail.isUncertain = true;
      try {
        const id = await this.#append.append(key, batch, signal);
        this.#tails.set(shardId, { id, isUncertain: false });
      } catch (error) {
        tail.isUncertain = !isAnswer(error);
        throw error;
      }
    } catch (error) {
      throw redisFailure(error, `writing ${count} events to ${key}`);
    }
  }

  async #findTail(shardId: number, signal: AbortSignal): Promise<Tail> {
    const key = this.#keyOf(shardId);
    const command = ["XREVRANGE", key, "+", "-", "COUNT", "1"];
    const reply = await this.#link.send(key, command, signal);
    const [last] = reply as readonly (readonly RedisReply[])[];
    const tail = { id: last === undefined ? "0-0" : String(last[0]), isUncertain: false };
    this.#tails.set(shardId, tail);
    return tail;
  }

  /** Whether an attempt that went unanswered was carried out after all. */
  async #isStored(batch: EventBatch, after: string, signal: AbortSignal): Promise<boolean> {
    await this.#link.fence(signal);
    const wanted = batch.dedupId(0);
    const key = this.#keyOf(batch.shardId);
    let start = `(${after}`;
    for (;;) {
      const command = ["XRANGE", key, start, "+", "COUNT", String(SEARCH_PAGE)];
      const reply = await this.#link.send(key, command, signal);
      const entries = reply as readonly (readonly [RedisReply, readonly RedisReply[]])[];
      for (const [, fields] of entries) {
        const at = fields.findIndex((field, i) => i % 2 === 0 && String(field) === "dedup_id");
        if (at !== -1 && String(fields[at + 1]) === wanted) return true;
      }
      const last = entries.at(-1);
      if (last === undefined || entries.length < SEARCH_PAGE) return false;
      start = `(${String(last[0])}`;
    }
  }
}
