import type { EventStore } from "./event-store.js";
import { RedexError } from "./redex-error.js";
import type { RedexEvent } from "./redex-event.js";

const BATCH_EVENTS = 128;
const BATCH_BYTES = 262_144;

interface Parked {
  resolve(result: IteratorResult<RedexEvent, undefined>): void;
  reject(error: unknown): void;
}

/** How a tail ended, or that it has not. */
type TailEnd = { readonly error: unknown } | "closed" | undefined;

/**
 * Follows a log from a sequence number on: first what is retained, then each event as it is
 * appended, without a gap in between. It buffers a batch at most, since the log itself is the
 * buffer: a slow reader reads on from where it is, and is told (`LAGGED`) where retention evicted
 * what it had not read. It ends without an error only when the log is closed (after the last
 * event) or when its reader ends it.
 */
export class RedexTail implements AsyncIterableIterator<RedexEvent, undefined> {
  readonly #store: EventStore;
  readonly #from: bigint;
  readonly #detach: () => void;
  #position: number;
  #batch: RedexEvent[] = [];
  #taken = 0;
  #parked: Parked[] = [];
  #end: TailEnd;
  #logClosed = false;
  #logFailure: RedexError | undefined;

  /** @internal `RedexFile.tail` makes tails; `detach` is called once, when the tail has ended. */
  constructor(store: EventStore, from: bigint, detach: () => void) {
    this.#store = store;
    this.#from = from;
    this.#detach = detach;
    this.#position = store.runs.lowerBound(from, store.start);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<RedexEvent, undefined>> {
    const now = this.#take();
    if (now !== undefined) return now;
    return new Promise((resolve, reject) => this.#parked.push({ resolve, reject }));
  }

  /**
   * The next event where it is there already, without a promise; undefined where the tail would
   * wait, has ended or has failed, which `next` tells.
   */
  poll(): RedexEvent | undefined {
    while (this.#end === undefined && this.#parked.length === 0) {
      const event = this.#batch[this.#taken];
      if (event !== undefined) {
        this.#taken += 1;
        return event;
      }
      if (!this.#fill()) break;
    }
    return undefined;
  }

  /** Ends the tail; `for await` calls it when the loop is left. */
  return(): Promise<IteratorResult<RedexEvent, undefined>> {
    this.#finish("closed");
    return Promise.resolve({ done: true, value: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  /** @internal An event was appended at `position`. */
  appended(position: number, event: () => RedexEvent): void {
    if (this.#parked.length === 0 || this.#end !== undefined) return;
    if (position === this.#position && this.#taken === this.#batch.length) {
      this.#position += 1;
      const next = event();
      if (next.seq >= this.#from) this.#parked.shift()?.resolve({ done: false, value: next });
      return;
    }
    this.serve();
  }

  /** @internal The log was closed: the tail ends once it has given all that was appended. */
  logClosed(): void {
    this.#logClosed = true;
    this.serve();
  }

  /** @internal The log takes no more events: the tail says so once it has given all it has. */
  logFailed(error: RedexError): void {
    this.#logFailure = error;
    this.serve();
  }

  /** @internal Ends the tail with an error at once, as an abort does. */
  abort(error: unknown): void {
    this.#finish({ error });
  }

  /** @internal Gives waiting readers what is there. */
  serve(): void {
    while (this.#parked.length > 0) {
      const next = this.#take();
      if (next === undefined) return;
      const parked = this.#parked.shift();
      next.then(parked?.resolve, parked?.reject);
    }
    if (this.#logClosed && this.#isAtEnd()) this.#finish("closed");
  }

  /** The next event, the end, or undefined where there is nothing yet. */
  #take(): Promise<IteratorResult<RedexEvent, undefined>> | undefined {
    while (this.#end === undefined) {
      const event = this.#batch[this.#taken];
      if (event !== undefined) {
        this.#taken += 1;
        return Promise.resolve({ done: false, value: event });
      }
      if (!this.#fill()) break;
    }
    if (this.#end === undefined) return undefined;
    if (this.#end === "closed") return Promise.resolve({ done: true, value: undefined });
    // Told once; whoever goes on asking is at the end.
    const { error } = this.#end;
    this.#end = "closed";
    return Promise.reject(error);
  }

  #isAtEnd(): boolean {
    return this.#taken === this.#batch.length && this.#position >= this.#store.end;
  }

  /** Reads the next batch; false where nothing is there, and the tail waits or has ended. */
  #fill(): boolean {
    const { start, end } = this.#store;
    if (this.#position < start) {
      this.#finish({ error: lagged() });
      return true;
    }
    if (this.#position >= end) {
      if (this.#logFailure !== undefined) this.#finish({ error: this.#logFailure });
      else if (this.#logClosed) this.#finish("closed");
      else return false;
      return true;
    }
    let to = this.#position;
    for (let bytes = 0; to < end && to - this.#position < BATCH_EVENTS; to += 1) {
      bytes += this.#store.weightAt(to);
      if (bytes > BATCH_BYTES && to > this.#position) break;
    }
    const events = this.#store.read(this.#position, to);
    this.#position = to;
    this.#batch = this.#store.runs.ascending
      ? events
      : events.filter((event) => event.seq >= this.#from);
    // Of an ascending log, only the first events can lie before `from`, where it lies in the future.
    while ((this.#batch[0]?.seq ?? this.#from) < this.#from) this.#batch.shift();
    this.#taken = 0;
    return true;
  }

  #finish(end: Exclude<TailEnd, undefined>): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#batch = [];
    this.#taken = 0;
    this.#detach();
    for (let parked = this.#parked.shift(); parked !== undefined; parked = this.#parked.shift()) {
      this.#take()?.then(parked.resolve, parked.reject);
    }
  }
}

/** A reader wants events that are no longer retained (section 6.1). */
export function lagged(): RedexError {
  return new RedexError("LAGGED", "tail", "tail subscriber lagged; stream disconnected");
}
