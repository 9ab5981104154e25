import type { ReadRequest, ShardPage } from "./adapter.js";
import { compareIds } from "./event-id.js";
import type { StoredEvent } from "./stored-event.js";

type Fetch = (request: ReadRequest) => Promise<ShardPage>;

/** Least that is read at a time for somebody who reads on and on. */
const PAGE = 512;

/** The page of a shard that was read last. */
interface Ahead {
  /** Behind which id it was read. */
  readonly start: string | undefined;
  readonly page: ShardPage;
  /** The page behind it, when somebody will probably want it; undefined when it failed. */
  following?: Promise<ShardPage | undefined>;
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
    const { shardId, after } = request;
    const ahead = this.#ahead.get(shardId);
    const rest = ahead && restOf(ahead, after);
    if (ahead !== undefined && rest !== undefined) return await this.#goOn(request, ahead, rest);
    const page = await this.#fetch(request);
    if (page.position !== undefined) this.#ahead.set(shardId, { start: after, page });
    return page;
  }

  /** What is left of a page, and as much of what follows it as is missing. */
  async #goOn(
    request: ReadRequest,
    ahead: Ahead,
    rest: readonly StoredEvent[],
  ): Promise<ShardPage> {
    const { shardId, limit } = request;
    const { page } = ahead;
    const known = { position: page.position, more: true, unreadable: 0, missed: 0 };
    if (rest.length > limit) {
      if (rest.length < limit * 2) this.#prepare(request, ahead);
      const events = rest.slice(0, limit);
      return { ...known, events, position: events.at(-1)?.id };
    }
    if (rest.length === limit && page.more) {
      this.#prepare(request, ahead);
      return { ...known, events: rest };
    }
    const ready = await ahead.following;
    const behind = { ...request, after: page.position, limit: Math.max(limit - rest.length, PAGE) };
    // That there was no more behind a page may have changed since it was read.
    const next = ready?.more ? ready : await this.#fetch(behind);
    if (next.position === undefined) return { ...known, events: rest, more: false };
    const following = { start: page.position, page: next };
    this.#ahead.set(shardId, following);
    const taken = next.events.slice(0, limit - rest.length);
    const isCut = taken.length < next.events.length;
    if (next.events.length - taken.length < limit) this.#prepare(request, following);
    const position = isCut ? (taken.at(-1)?.id ?? page.position) : next.position;
    return { ...next, events: [...rest, ...taken], position, more: isCut || next.more };
  }

  /** Reads the page behind `ahead` already, if there is one. */
  #prepare(request: ReadRequest, ahead: Ahead): void {
    const { page } = ahead;
    if (!page.more || ahead.following !== undefined) return;
    const limit = Math.max(request.limit, PAGE);
    const behind = { ...request, after: page.position, limit, signal: this.#signal };
    ahead.following = this.#fetch(behind).catch(() => undefined);
  }
}

/** The events of a page behind the id `after`; undefined when that is not where it was left. */
function restOf(
  { start, page }: Ahead,
  after: string | undefined,
): readonly StoredEvent[] | undefined {
  if (after === page.position) return [];
  if (after === undefined) return undefined;
  const { events } = page;
  if (after === start) return events;
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareIds((events[middle] as StoredEvent).id, after) < 0) low = middle + 1;
    else high = middle;
  }
  return events[low]?.id === after ? events.slice(low + 1) : undefined;
}
