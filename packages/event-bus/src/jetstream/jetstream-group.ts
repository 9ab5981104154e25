import { Buffer } from "node:buffer";
import { AckPolicy, type ConsumerMessages, DeliverPolicy, type JsMsg } from "@nats-io/jetstream";
import type { GroupDelivery, GroupMember, GroupOptions } from "../adapter.js";
import { sleep } from "../backoff.js";
import { EnvelopeReader } from "../envelope.js";
import { EventBusError } from "../event-bus-error.js";
import type { StoredEvent } from "../stored-event.js";
import { isNotFound, jetStreamFailure } from "./jetstream-failure.js";
import type { JetStreamLink } from "./jetstream-link.js";

export interface JetStreamGroupContext {
  readonly link: JetStreamLink;
  readonly shards: number;
  readonly options: GroupOptions;
  readonly requestTimeoutMs: number;
  readonly onClose: () => Promise<void>;
}

const MS = 1_000_000;
/** How long to wait before a consumer that cannot be reached is looked for again. */
const RETRY_MS = 250;

/** One member of a group: a durable pull consumer on every stream, shared by all members. */
export class JetStreamGroupMember implements GroupMember {
  #unreadable = 0;
  readonly #context: JetStreamGroupContext;
  readonly #reader: EnvelopeReader = new EnvelopeReader();
  readonly #end: AbortController = new AbortController();
  /** Messages that came and were not pulled yet. */
  #arrived: JsMsg[] = [];
  #wake: () => void = () => undefined;
  /** Shards whose messages have to wait until some were pulled. */
  #waiting: (() => void)[] = [];
  readonly #lent: Map<StoredEvent, JsMsg> = new Map();
  #consuming: Promise<unknown> | undefined;
  #limit = 0;
  #failure: EventBusError | undefined;

  constructor(context: JetStreamGroupContext) {
    this.#context = context;
    if (!/^[^\s.*>/\\]+$/.test(context.options.group)) {
      throw new EventBusError(
        "INVALID_OPTION",
        `group ${JSON.stringify(context.options.group)} cannot be the name of a consumer: no white space, . * > / or \\`,
      );
    }
  }

  get unreadable(): number {
    return this.#unreadable;
  }

  async pull(limit: number, signal: AbortSignal): Promise<readonly GroupDelivery[]> {
    this.#limit = limit;
    this.#consuming ??= Promise.all(
      Array.from({ length: this.#context.shards }, (_, shard) => this.#consume(shard)),
    );
    while (!signal.aborted && !this.#end.signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure;
      const deliveries: GroupDelivery[] = [];
      for (const message of this.#arrived.splice(0, limit)) {
        const delivery = this.#deliver(message);
        if (delivery !== undefined) deliveries.push(delivery);
      }
      this.#goOn();
      if (deliveries.length > 0) return deliveries;
      await this.#arrival(signal);
    }
    return [];
  }

  acknowledge(deliveries: readonly GroupDelivery[]): Promise<void> {
    const { requestTimeoutMs: timeout, options } = this.#context;
    return this.#settle(deliveries, `acknowledging for the group ${options.group}`, (message) =>
      message.ackAck({ timeout }),
    );
  }

  release(deliveries: readonly GroupDelivery[]): Promise<void> {
    const { group } = this.#context.options;
    return this.#settle(deliveries, `releasing for the group ${group}`, (message) => {
      message.nak();
      return Promise.resolve(true);
    });
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#wake();
    this.#goOn();
    for (const message of [...this.#lent.values(), ...this.#arrived]) message.nak();
    this.#lent.clear();
    this.#arrived = [];
    await this.#consuming;
    const session = await this.#context.link.session().catch(() => undefined);
    await session?.connection.flush().catch(() => undefined);
    await this.#context.onClose();
  }

  /** Receives the messages of one shard until the member is closed, whatever happens meanwhile. */
  async #consume(shardId: number): Promise<void> {
    const { link, options } = this.#context;
    const stop = this.#end.signal;
    while (!stop.aborted) {
      let messages: ConsumerMessages | undefined;
      const end = (): void => messages?.stop();
      try {
        messages = await this.#subscribe(shardId);
        stop.addEventListener("abort", end);
        if (stop.aborted) end();
        for await (const message of messages) {
          this.#arrived.push(message);
          this.#wake();
          // What this member fetches and does not handle, no other can have.
          if (this.#arrived.length >= this.#limit) await this.#room();
        }
      } catch (error) {
        const doing = `reading ${link.streamOf(shardId)} for the group ${options.group}`;
        const failure = jetStreamFailure(error, doing);
        if (!failure.retryable) this.#failure = failure;
        this.#wake();
        if (this.#failure !== undefined) return;
      } finally {
        stop.removeEventListener("abort", end);
      }
      await sleep(RETRY_MS, stop);
    }
  }

  async #subscribe(shardId: number): Promise<ConsumerMessages> {
    const { link, options, requestTimeoutMs } = this.#context;
    const stream = link.streamOf(shardId);
    const signal = this.#end.signal;
    return await link.run(shardId, signal, requestTimeoutMs * 2, async ({ js, jsm }) => {
      try {
        await jsm.consumers.info(stream, options.group);
      } catch (error) {
        if (!isNotFound(error)) throw error;
        await jsm.consumers.add(stream, {
          durable_name: options.group,
          ack_policy: AckPolicy.Explicit,
          ack_wait: options.redeliverAfterMs * MS,
          deliver_policy: options.from === "start" ? DeliverPolicy.All : DeliverPolicy.New,
          max_ack_pending: -1,
        });
      }
      const consumer = await js.consumers.get(stream, options.group);
      const share = Math.max(1, Math.ceil(this.#limit / this.#context.shards));
      return await consumer.consume({ max_messages: share });
    });
  }

  /** Resolves when something was pulled, or the member ends. */
  #room(): Promise<void> {
    if (this.#end.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #goOn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #deliver(message: JsMsg): GroupDelivery | undefined {
    const { data, seq, headers, info } = message;
    const dedupId = headers?.get("Nats-Msg-Id") ?? "";
    const envelope = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const event = this.#reader.read(String(seq), envelope, dedupId === "" ? null : dedupId);
    if (event === undefined) {
      // Nobody could do anything with it.
      message.ack();
      this.#unreadable += 1;
      return undefined;
    }
    this.#lent.set(event, message);
    return { event, attempt: info.deliveryCount };
  }

  async #settle(
    deliveries: readonly GroupDelivery[],
    doing: string,
    settle: (message: JsMsg) => Promise<boolean>,
  ): Promise<void> {
    const settled = deliveries.map(async ({ event }) => {
      const message = this.#lent.get(event);
      if (message !== undefined) await settle(message);
      this.#lent.delete(event);
    });
    try {
      await Promise.all(settled);
    } catch (error) {
      throw jetStreamFailure(error, doing);
    }
  }

  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (this.#arrived.length > 0 || this.#failure !== undefined) {
        resolve();
        return;
      }
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#wake = () => undefined;
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener("abort", wake);
    });
  }
}
