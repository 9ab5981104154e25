/** One thing in a feed, and what it weighs. */
export interface FeedItem {
  readonly bytes: number;
  /** Dropped when the feed is full; what is not is held back at its sender by unreturned credit. */
  readonly isDroppable: boolean;
}

export interface FeedOptions<T extends FeedItem> {
  /** Bytes of droppable items held; further ones are dropped. */
  readonly maxBytes: number;
  /** Called once for each item that was taken or given up. */
  readonly release: (item: T) => void;
  /** Called once when the feed ends, for whatever reason. */
  readonly ended?: () => void;
}

interface Waiting<T> {
  readonly resolve: (result: IteratorResult<T, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What has arrived and was not taken yet. A taken item counts as used up when the next one is asked
 * for. When it is full, the newest droppable items are dropped, and counted.
 */
export class Feed<T extends FeedItem> implements AsyncIterableIterator<T, undefined> {
  readonly #options: FeedOptions<T>;
  #items: T[] = [];
  #head = 0;
  #waiting: Waiting<T>[] = [];
  #inUse: T | undefined;
  #bytes = 0;
  #dropped = 0;
  #failure: unknown;
  #isOpen = true;

  constructor(options: FeedOptions<T>) {
    this.#options = options;
  }

  /** Items dropped since the beginning. */
  get dropped(): number {
    return this.#dropped;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  push(item: T): void {
    if (!this.#isOpen) {
      this.#options.release(item);
      return;
    }
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      this.#used();
      this.#inUse = item;
      waiting.resolve({ done: false, value: item });
    } else if (item.isDroppable && this.#bytes + item.bytes > this.#options.maxBytes) {
      this.#dropped += 1;
      this.#options.release(item);
    } else {
      this.#bytes += item.isDroppable ? item.bytes : 0;
      this.#items.push(item);
    }
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    this.#used();
    const item = this.#shift();
    if (item !== undefined) {
      this.#inUse = item;
      return { done: false, value: item };
    }
    if (!this.#isOpen) {
      if (this.#failure !== undefined) {
        throw this.#failure;
      }
      return { done: true, value: undefined };
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }

  /** Gives up what is held and ends the iteration, with an error if one is given. */
  end(failure?: unknown): void {
    if (!this.#isOpen) {
      return;
    }
    this.#isOpen = false;
    this.#failure = failure;
    this.#used();
    for (let item = this.#shift(); item !== undefined; item = this.#shift()) {
      this.#options.release(item);
    }
    for (const waiting of this.#waiting.splice(0)) {
      if (failure === undefined) {
        waiting.resolve({ done: true, value: undefined });
      } else {
        waiting.reject(failure);
      }
    }
    this.#options.ended?.();
  }

  #used(): void {
    const item = this.#inUse;
    if (item !== undefined) {
      this.#inUse = undefined;
      this.#options.release(item);
    }
  }

  #shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) {
      return undefined;
    }
    this.#head += 1;
    if (this.#head === this.#items.length) {
      this.#items = [];
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    this.#bytes -= item.isDroppable ? item.bytes : 0;
    return item;
  }
}
