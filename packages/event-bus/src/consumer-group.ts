import type { GroupDelivery, GroupMember } from "./adapter.js";
import { EventBusError } from "./event-bus-error.js";
import type { StoredEvent } from "./stored-event.js";

export interface GroupConsumerOptions {
  /** This member's name; two members of a group need different ones. */
  readonly consumer: string;
  /** Where a group that does not exist yet begins; default `start`. */
  readonly from?: "start" | "end";
  /** Most events fetched and not yet handed out; default 100. */
  readonly prefetch?: number;
  /** After how long without an acknowledgement an event goes to another member; default 30,000. */
  readonly redeliverAfterMs?: number;
  readonly signal?: AbortSignal;
}

/** One event in the hands of a member, which has to acknowledge it. */
export interface Delivery {
  readonly event: StoredEvent;
  /** How often the event has been handed out, this time included. */
  readonly attempt: number;
  /** The event is done with. Acknowledgements made together travel together. */
  acknowledge(): Promise<void>;
  /** The event goes to another member, or to this one again, at once. */
  release(): Promise<void>;
}

export interface GroupConsumerStats {
  readonly delivered: number;
  /** Of `delivered`, those that had been handed out before. */
  readonly redelivered: number;
  readonly acknowledged: number;
}

/**
 * One member of a group that shares the events of a bus: each goes to one member and, until one
 * acknowledges it, to another after a while. At least once, therefore; in order within a shard only
 * while nothing is redelivered and one member reads the shard.
 */
export class GroupConsumer implements AsyncIterableIterator<Delivery>, AsyncDisposable {
  readonly #member: Promise<GroupMember>;
  readonly #prefetch: number;
  readonly #end: AbortController = new AbortController();
  readonly #stop: AbortSignal;
  readonly #deliveries: AsyncGenerator<Delivery, undefined, undefined>;
  #acknowledging: { readonly items: GroupDelivery[]; readonly done: Promise<void> } | undefined;
  #delivered = 0;
  #redelivered = 0;
  #acknowledged = 0;

  constructor(
    member: Promise<GroupMember>,
    options: { readonly prefetch: number; readonly signals: readonly AbortSignal[] },
  ) {
    this.#member = member;
    // Whoever iterates or closes meets the failure; nobody may do either for a while.
    member.catch(() => undefined);
    this.#prefetch = options.prefetch;
    this.#stop = AbortSignal.any([this.#end.signal, ...options.signals]);
    this.#deliveries = this.#read();
  }

  stats(): GroupConsumerStats {
    return {
      delivered: this.#delivered,
      redelivered: this.#redelivered,
      acknowledged: this.#acknowledged,
    };
  }

  next(): Promise<IteratorResult<Delivery, undefined>> {
    return this.#deliveries.next();
  }

  async return(): Promise<IteratorResult<Delivery, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  /** Ends the iteration, gives back what was fetched and not handed out, and leaves the group. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#deliveries.return(undefined);
    await this.#acknowledging?.done.catch(() => undefined);
    const member = await this.#member.catch(() => undefined);
    await member?.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#read(): AsyncGenerator<Delivery, undefined, undefined> {
    const member = await this.#member;
    while (!this.#stop.aborted) {
      const pulled = await member.pull(this.#prefetch, this.#stop);
      let handedOut = 0;
      try {
        for (const delivery of pulled) {
          if (this.#stop.aborted) return undefined;
          handedOut += 1;
          this.#delivered += 1;
          if (delivery.attempt > 1) this.#redelivered += 1;
          yield this.#delivery(member, delivery);
        }
      } finally {
        const left = pulled.slice(handedOut);
        if (left.length > 0) await member.release(left);
      }
    }
    return undefined;
  }

  #delivery(member: GroupMember, delivery: GroupDelivery): Delivery {
    let isSettled = false;
    const once = (): void => {
      if (isSettled) {
        throw new EventBusError("CLOSED", "the event has been acknowledged or released before");
      }
      isSettled = true;
    };
    return {
      event: delivery.event,
      attempt: delivery.attempt,
      acknowledge: async () => {
        once();
        await this.#acknowledge(member, delivery);
      },
      release: async () => {
        once();
        await member.release([delivery]);
      },
    };
  }

  /** Collects what is acknowledged until the call stack is empty and sends it in one piece. */
  #acknowledge(member: GroupMember, delivery: GroupDelivery): Promise<void> {
    if (this.#acknowledging === undefined) {
      const items: GroupDelivery[] = [];
      const done = Promise.resolve().then(async () => {
        this.#acknowledging = undefined;
        await member.acknowledge(items);
        this.#acknowledged += items.length;
      });
      this.#acknowledging = { items, done };
    }
    this.#acknowledging.items.push(delivery);
    return this.#acknowledging.done;
  }
}
