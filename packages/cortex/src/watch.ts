import { aborted, type CortexError } from "./cortex-error.js";
import { sameValue } from "./same-value.js";

/** What a watch needs to know of the fold behind it. */
export interface Watched {
  /** Grows with every event processed. */
  readonly version: number;
  readonly closed: boolean;
  /** Why no further change will come, if the fold has failed. */
  readonly failure: CortexError | undefined;
}

/**
 * A query's result, and each later one that differs from the one before (CortEX format, section
 * 10.2). Between two calls of `next` any number of changes become one: the newest result is computed
 * when it is asked for, so nothing is buffered and a slow reader holds up nobody.
 */
export class Watch<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #watched: Watched;
  readonly #read: () => T;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: (watch: Watch<T>) => void;
  #evaluated: { readonly version: number; readonly value: T } | undefined;
  #ended = false;
  #wake: (() => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param seen the result that the reader already has, which is not repeated */
  constructor(
    watched: Watched,
    read: () => T,
    options: {
      readonly seen?: { readonly value: T };
      readonly signal?: AbortSignal | undefined;
      readonly onEnd: (watch: Watch<T>) => void;
    },
  ) {
    this.#watched = watched;
    this.#read = read;
    this.#signal = options.signal;
    this.#onEnd = options.onEnd;
    if (options.seen !== undefined) {
      this.#evaluated = { version: watched.version, value: options.seen.value };
    }
    this.#signal?.addEventListener("abort", this.changed, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next result; one call at a time is answered, in the order of the calls. */
  next(): Promise<IteratorResult<T, undefined>> {
    const result = this.#turn.then(() => this.#advance());
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Ends the watch, and with it a `next` that waits. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
  }

  /** Called by the adapter when there may be something new. */
  readonly changed = (): void => {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  };

  async #advance(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      if (this.#ended) return { done: true, value: undefined };
      if (this.#signal?.aborted === true) {
        this.#end();
        throw aborted(this.#signal, "watch");
      }
      const { version } = this.#watched;
      if (this.#evaluated?.version !== version) {
        const value = this.#read();
        const isNew = this.#evaluated === undefined || !sameValue(this.#evaluated.value, value);
        this.#evaluated = { version, value };
        if (isNew) return { done: false, value };
      }
      const { failure } = this.#watched;
      if (failure !== undefined || this.#watched.closed) {
        this.#end();
        if (failure !== undefined) throw failure;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#signal?.removeEventListener("abort", this.changed);
    this.#onEnd(this);
    this.changed();
  }
}
