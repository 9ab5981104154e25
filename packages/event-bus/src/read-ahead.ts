import type { ReadRequest, ShardPage } from "./adapter.js";
import { compareIds } from "./event-id.js";
import type { StoredEvent } from "./stored-event.js";

/** A page as it came from the backend. */
export interface FetchedPage extends ShardPage {
  /** What its entries take, about. */
  readonly bytes: number;
}

type Fetch = (request: ReadRequest) => Promise<FetchedPage>;

/** How many entries are read at a time for somebody who reads on and on. */
const PAGE = 1_024;
/** How many bytes that may be, going by the page before. */
const PAGE_BYTES = 1_048_576;

/** The page of a shard that was read last. */
interface Ahead {
  /** Behind which id it was read. */
  readonly start: string | undefined;
  readonly page: FetchedPage;
  /** How many of its events the last reader got. */
  given: number;
  /** The page behind it, when somebody will probably want it; undefined when it failed. */
  following?: Promise<FetchedPage | undefined>;
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

  /** A page at once when it is there already. */
  read(request: ReadRequest): ShardPage | Promise<ShardPage> {
    const ahead = this.#ahead.get(request.shardId);
    const from = ahead && firstOf(ahead, request);
    if (ahead === undefined || from === undefined) return this.#begin(request);
    const { page } = ahead;
    const { limit } = request;
    const rest = page.events.length - from;
    if (rest > limit || (rest === limit && page.more)) {
      this.#prepare(request, ahead);
      ahead.given = from + limit;
      const events = page.events.slice(from, from + limit);
      const position = rest > limit ? events.at(-1)?.id : page.position;
      return { events, position, more: true, unreadable: 0, missed: 0 };
    }
    return this.#goOn(request, ahead, page.events.slice(from));
  }

  async #begin(request: ReadRequest): Promise<ShardPage> {
    const page = await this.#fetch(request);
    if (page.position !== undefined) {
      const given = page.events.length;
      this.#ahead.set(request.shardId, { start: request.after, page, given });
    }
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
    const missing = limit - rest.length;
    const ready = await ahead.following;
    // That there was no more behind a page may have changed since it was read.
    const next = ready?.more
      ? ready
      : await this.#fetch({
          ...request,
          after: page.position,
          limit: Math.max(missing, readableAtOnce(page)),
        });
    if (next.position === undefined) {
      const { position } = page;
      return { events: rest, position, more: false, unreadable: 0, missed: 0 };
    }
    const given = Math.min(missing, next.events.length);
    const following: Ahead = { start: page.position, page: next, given };
    this.#ahead.set(shardId, following);
    this.#prepare(request, following);
    if (given === next.events.length) return { ...next, events: [...rest, ...next.events] };
    const taken = next.events.slice(0, given);
    const position = taken.at(-1)?.id ?? page.position;
    return { ...next, events: [...rest, ...taken], position, more: true };
  }

  /** Reads the page behind `ahead` already, if there is one. */
  #prepare(request: ReadRequest, ahead: Ahead): void {
    const { page } = ahead;
    if (!page.more || ahead.following !== undefined) return;
    const limit = Math.max(request.limit, readableAtOnce(page));
    const behind = { ...request, after: page.position, limit, signal: this.#signal };
    ahead.following = this.#fetch(behind).catch(() => undefined);
  }
}

/** How many entries like those of `page` may be read at a time. */
function readableAtOnce({ events, bytes }: FetchedPage): number {
  const each = bytes / Math.max(1, events.length);
  return Math.max(1, Math.min(PAGE, Math.floor(PAGE_BYTES / Math.max(1, each))));
}

/** The index of the first event behind the id `after`; undefined when the page has no such place. */
function firstOf(
  { start, page, given }: Ahead,
  { after, goesOn = false }: ReadRequest,
): number | undefined {
  const { events, position } = page;
  if (after === position) return events.length;
  // Whoever begins at the start wants what is there now; streams are cut off at their start.
  if (after === undefined) return goesOn && start === undefined ? 0 : undefined;
  if (after === start) return 0;
  // Most readers go on where they stopped.
  if (given > 0 && events[given - 1]?.id === after) return given;
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareIds((events[middle] as StoredEvent).id, after) < 0) low = middle + 1;
    else high = middle;
  }
  return events[low]?.id === after ? low + 1 : undefined;
}
