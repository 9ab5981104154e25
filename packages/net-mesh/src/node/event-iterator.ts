import type { ReceivedBatch, ReceivedEvent } from "./received.js";

type Step<T> = IteratorResult<T, undefined>;

/** An iteration that ends when it is left, returned or disposed of, even while it waits. */
export interface Iteration<T> extends AsyncIterableIterator<T, undefined>, AsyncDisposable {
  return(): Promise<Step<T>>;
}

const DONE: Step<never> = { done: true, value: undefined };

/**
 * Events one by one from batches. Not a generator: one that was never begun, or that waits, would not
 * let go of its batches when it is returned.
 */
export class EventIterator implements Iteration<ReceivedEvent> {
  readonly #batches: Iteration<ReceivedBatch>;
  #batch: ReceivedBatch | undefined;
  #events: readonly Uint8Array[] = [];
  #index = 0;
  /** The last of those who wait for a batch; each takes its event after the one before. */
  #last: Promise<unknown> | undefined;

  constructor(batches: Iteration<ReceivedBatch>) {
    this.#batches = batches;
  }

  async next(): Promise<Step<ReceivedEvent>> {
    const ready = this.#last === undefined ? this.#take() : undefined;
    if (ready !== undefined) {
      return ready;
    }
    const before = this.#last;
    const turn = (async (): Promise<Step<ReceivedEvent>> => {
      await before?.catch(() => undefined);
      return this.#advance();
    })();
    this.#last = turn;
    try {
      return await turn;
    } finally {
      if (this.#last === turn) {
        this.#last = undefined;
      }
    }
  }

  async return(): Promise<Step<ReceivedEvent>> {
    this.#events = [];
    await this.#batches.return();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #advance(): Promise<Step<ReceivedEvent>> {
    for (;;) {
      const ready = this.#take();
      if (ready !== undefined) {
        return ready;
      }
      const { done, value } = await this.#batches.next();
      if (done === true) {
        return DONE;
      }
      this.#batch = value;
      this.#events = value.events();
      this.#index = 0;
    }
  }

  #take(): Step<ReceivedEvent> | undefined {
    const payload = this.#events[this.#index];
    if (payload === undefined || this.#batch === undefined) {
      return undefined;
    }
    const { peer, streamId, sequence } = this.#batch;
    const id = `${sequence}:${this.#index}`;
    this.#index += 1;
    return { done: false, value: { peer, streamId, id, payload } };
  }
}
