import { EventBusError } from "./event-bus-error.js";

/** Something that is opened when it is first needed, shared, and opened anew after it failed. */
export class Renewable<T> {
  readonly #open: () => Promise<T>;
  readonly #destroy: (item: T) => unknown;
  #current: Promise<T> | undefined;
  #isClosed = false;

  constructor(open: () => Promise<T>, destroy: (item: T) => unknown) {
    this.#open = open;
    this.#destroy = destroy;
  }

  /** @throws EventBusError `CLOSED` after `close`; whatever opening throws. */
  get(): Promise<T> {
    if (this.#isClosed) {
      return Promise.reject(new EventBusError("CLOSED", "the adapter is shut down"));
    }
    this.#current ??= this.#begin();
    return this.#current;
  }

  /** Destroys what `get` returned; the next `get` opens another. */
  async drop(item: T): Promise<void> {
    const current = this.#current;
    if ((await current?.catch(() => undefined)) === item && this.#current === current) {
      this.#current = undefined;
    }
    await this.#destroy(item);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const current = this.#current;
    this.#current = undefined;
    const item = await current?.catch(() => undefined);
    if (item !== undefined) await this.#destroy(item);
  }

  async #begin(): Promise<T> {
    try {
      const item = await this.#open();
      if (!this.#isClosed) return item;
      await this.#destroy(item);
      throw new EventBusError("CLOSED", "the adapter is shut down");
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }
}
