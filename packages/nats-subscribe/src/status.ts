import type { Broker } from "@gaiaftcl/cell-layout";

/** The substrate's broker, Franklin's, or one that is both. */
export type BrokerName = Broker | "shared";

/** What happens to a subscription beside its messages. */
export type SubscriptionStatus =
  /** A broker could not be reached; it is tried again for as long as it takes. */
  | { readonly type: "unreachable"; readonly broker: BrokerName; readonly error: Error }
  | { readonly type: "connected"; readonly broker: BrokerName; readonly server: string }
  | { readonly type: "disconnected"; readonly broker: BrokerName }
  | { readonly type: "reconnected"; readonly broker: BrokerName; readonly server: string }
  /** The broker or the client complained, for example about permissions. */
  | { readonly type: "error"; readonly broker: BrokerName; readonly error: Error }
  /** Rows of these tables come from the database now. */
  | {
      readonly type: "database";
      readonly broker: BrokerName;
      readonly tables: readonly string[];
      readonly reason: "no connection" | "messages dropped" | "catching up";
    }
  /** The database gave all it had up to the connection; rows come from the broker again. */
  | { readonly type: "bus"; readonly broker: BrokerName; readonly tables: readonly string[] }
  /** The database could not be read; it is tried again. */
  | { readonly type: "databaseError"; readonly table: string; readonly error: Error }
  /** Messages that found no room since the last status of this type. */
  | { readonly type: "dropped"; readonly count: number; readonly total: number }
  /** Messages that the broker should not have delivered here since the last status of this type. */
  | { readonly type: "misdelivered"; readonly count: number; readonly subject: string }
  | { readonly type: "closed" };

const MAX_WAITING = 256;

/** Hands statuses to a callback and to any number of iterators, none of which can hold it up. */
export class StatusFeed {
  readonly #callback: ((status: SubscriptionStatus) => void) | undefined;
  readonly #listeners = new Set<StatusQueue>();
  #ended = false;

  constructor(callback: ((status: SubscriptionStatus) => void) | undefined) {
    this.#callback = callback;
  }

  emit(status: SubscriptionStatus): void {
    if (this.#ended) return;
    for (const listener of this.#listeners) listener.push(status);
    try {
      this.#callback?.(status);
    } catch (cause) {
      // The listener's fault must not end the subscription, nor be hidden.
      process.emitWarning(`onStatus failed: ${String(cause)}`, "NatsSubscribeWarning");
    }
  }

  end(): void {
    this.emit({ type: "closed" });
    this.#ended = true;
    for (const listener of this.#listeners) listener.end();
  }

  /** Statuses from now on; of more than 256 that nobody takes, the oldest are left out. */
  listen(): AsyncIterableIterator<SubscriptionStatus> {
    const queue = new StatusQueue(() => this.#listeners.delete(queue));
    if (this.#ended) queue.end();
    else this.#listeners.add(queue);
    return queue;
  }
}

class StatusQueue implements AsyncIterableIterator<SubscriptionStatus> {
  readonly #waiting: SubscriptionStatus[] = [];
  readonly #takers: ((result: IteratorResult<SubscriptionStatus, undefined>) => void)[] = [];
  readonly #onReturn: () => void;
  #ended = false;

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  push(status: SubscriptionStatus): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      taker({ done: false, value: status });
      return;
    }
    this.#waiting.push(status);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift();
  }

  end(): void {
    this.#ended = true;
    for (const taker of this.#takers.splice(0)) taker({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<SubscriptionStatus, undefined>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  return(): Promise<IteratorResult<SubscriptionStatus, undefined>> {
    this.#onReturn();
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
