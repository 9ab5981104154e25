import type { ReadRequest, ShardPage } from "./adapter.js";
import { compareIds } from "./event-id.js";
import type { StoredEvent } from "./stored-event.js";

type Fetch = (request: ReadRequest) => Promise<ShardPage>;

/** The page a shard's reader got last, and the one that probably comes next. */
interface Ahead {
  readonly page: ShardPage;
  readonly following: Promise<ShardPage | undefined> | undefined;
  readonly limit: number;
}

/**
 * Keeps what a read brought and its caller did not use. A poll over many shards asks each for more
 * than it can return, and asks again where it stopped; a reader that reads on and on finds the next
 * page under way. An event store only grows at its end, so what was read once may be given later.
 */
export class ReadAhead {
  readonly #fetch: Fetch;
  readonly #signal: AbortSignal;
  readonly #ahead: Map<number, Ahead> = new Map();

  /** @param signal ends what is read ahead */
  constructor(fetch: Fetch, signal: AbortSignal) {
    this.#fetch = fetch;
    this.#signal = signal;
  }

  async read(request: ReadRequest): Promise<ShardPage> {
    const { shardId, after, limit } = request;
    const ahead = this.#ahead.get(shardId);
    const isNext = after !== undefined && ahead?.page.position === after;
    if (ahead !== undefined && after !== undefined && !isNext) {
      const rest = remainder(ahead.page, after);
      if (rest !== undefined) return await this.#fromRest(request, ahead.page, rest);
    }
    this.#ahead.delete(shardId);
    const expected = isNext && ahead.limit === limit ? await ahead.following : undefined;
    // That there was no more may have changed since.
    if (expected?.more === false) return await this.#fromRest(request, expected, expected.events);
    const page = expected ?? (await this.#fetch(request));
    this.#remember(request, page, isNext);
    return page;
  }

  /** What is left of a page, and what follows it when that is too little. */
  async #fromRest(
    request: ReadRequest,
    page: ShardPage,
    rest: readonly StoredEvent[],
  ): Promise<ShardPage> {
    const { limit } = request;
    const events = rest.slice(0, limit);
    if (events.length === limit && rest.length > limit) {
      const position = events.at(-1)?.id;
      return { events, position, more: true, unreadable: 0, missed: 0 };
    }
    if (events.length === limit && page.more) {
      return { ...page, events, unreadable: 0, missed: 0 };
    }
    const after = page.position;
    const missing = Math.max(1, limit - events.length);
    const following = await this.#fetch({ ...request, after, limit: missing });
    if (events.length === limit) {
      const more = following.position !== undefined;
      return { ...page, events, more, unreadable: 0, missed: 0 };
    }
    const joined = {
      ...following,
      events: [...events, ...following.events],
      position: following.position ?? after,
    };
    this.#remember(request, joined, false);
    return joined;
  }

  #remember(request: ReadRequest, page: ShardPage, isSequential: boolean): void {
    const { shardId, limit } = request;
    if (page.position === undefined) return;
    const next = { ...request, after: page.position, signal: this.#signal };
    // Two pages in a row make a third likely.
    const following =
      isSequential && page.more ? this.#fetch(next).catch(() => undefined) : undefined;
    this.#ahead.set(shardId, { page, following, limit });
  }
}

/** The events of a page behind the one with the id `after`; undefined when it is not in there. */
function remainder({ events }: ShardPage, after: string): readonly StoredEvent[] | undefined {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareIds((events[middle] as StoredEvent).id, after) < 0) low = middle + 1;
    else high = middle;
  }
  if (events[low]?.id !== after) return undefined;
  return events.slice(low + 1);
}
