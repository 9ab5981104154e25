import type { StandardSchemaV1 } from "@standard-schema/spec";
import { Channel } from "./channel.js";
import { GroupConsumer, type GroupConsumerOptions } from "./consumer-group.js";
import { Dispatcher } from "./dispatcher.js";
import { EventBusError } from "./event-bus-error.js";
import {
  type EventBusOptions,
  type EventBusSettings,
  settingsOf,
  within,
} from "./event-bus-options.js";
import { EventStream, type StreamOptions } from "./event-stream.js";
import type { Intake, Verdict } from "./intake.js";
import { type EventBusEvents, Notifier } from "./notifier.js";
import { type PollOptions, type PollResponse, poll } from "./poll.js";
import { ProducerIdentity } from "./producer-identity.js";

/**
 * Exact counts since the bus was created. At any moment
 * `ingested + recovered = delivered + failed + evicted + queued + inFlight + spillPending + undelivered`.
 */
export interface EventBusStats {
  /** Events accepted. */
  readonly ingested: number;
  /** Refused by a full ring (`dropNewest`, `failProducer`). */
  readonly dropped: number;
  /** Refused: not one JSON value, not Unicode text, or too large. */
  readonly invalid: number;
  /** Accepted, then pushed out of a full ring by newer ones (`dropOldest`). */
  readonly evicted: number;
  /** Taken by the adapter, those from the spill included. */
  readonly delivered: number;
  /** Given up: the adapter refused them for good, or the attempts were used up. */
  readonly failed: number;
  /** Attempts that were made again. */
  readonly retries: number;
  /** Waiting in the rings. */
  readonly queued: number;
  readonly queuedBytes: number;
  /** With the adapter, or waiting to be tried again. */
  readonly inFlight: number;
  /** Written to the spill by this bus. */
  readonly spilled: number;
  /** Found in the spill when the bus was created. */
  readonly recovered: number;
  /** In the spill now. */
  readonly spillPending: number;
  /** Left over when the bus was closed. */
  readonly undelivered: number;
  /** Of `undelivered`, those that may nevertheless have been stored. */
  readonly uncertain: number;
  /** Shards whose last attempt failed. */
  readonly failingShards: readonly number[];
}

export interface CloseOptions {
  /** How long to try to deliver what is left; default 10,000 ms. */
  readonly timeoutMs?: number;
}

/** A sharded bus for JSON events between producers and consumers, in process or through a backend. */
export class EventBus implements AsyncDisposable {
  readonly #settings: EventBusSettings;
  readonly #identity: ProducerIdentity;
  readonly #dispatcher: Dispatcher;
  readonly #intake: Intake;
  readonly #notifier: Notifier = new Notifier();
  readonly #createdAt: bigint = process.hrtime.bigint();
  readonly #closing: AbortController = new AbortController();
  #isOpen = true;
  #closed: Promise<EventBusStats> | undefined;

  /** @throws EventBusError `INVALID_OPTION`; `STORAGE` when a nonce file cannot be used. */
  constructor(options: EventBusOptions = {}) {
    this.#settings = settingsOf(options);
    const { adapter, numShards } = this.#settings;
    const clock = (): bigint => process.hrtime.bigint() - this.#createdAt;
    this.#identity = new ProducerIdentity(this.#settings.producerNoncePath);
    adapter.open?.({ shards: numShards, clock });
    this.#dispatcher = new Dispatcher(this.#settings, this.#identity, clock, {
      onFailure: (failure) => this.#notifier.emit("error", failure),
      onRecovery: (shardId) => this.#notifier.emit("recovered", { shardId }),
    });
    this.#intake = this.#dispatcher.intake;
    this.#dispatcher.opened().catch(() => undefined);
  }

  get numShards(): number {
    return this.#settings.numShards;
  }

  /** Names this producer in dedup ids: lower-case hexadecimal. */
  get nonce(): string {
    return this.#identity.nonce;
  }

  /**
   * Takes in a value as its JSON text. False when its ring was full and the mode is `dropNewest`.
   *
   * @throws EventBusError `RING_FULL` (`failProducer`), `INVALID_EVENT` for a value without JSON
   * text, `EVENT_TOO_LARGE`, `CLOSED`
   */
  ingest(event: object): boolean {
    let text: string | undefined;
    try {
      text = JSON.stringify(event);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new EventBusError("INVALID_EVENT", `the event has no JSON text: ${reason}`, { cause });
    }
    if (typeof event !== "object" || text === undefined) {
      throw new EventBusError("INVALID_EVENT", `expected an object, found a ${typeof event}`);
    }
    return this.ingestRaw(text);
  }

  /**
   * Takes in one JSON value as text or UTF-8 bytes, which are kept as they are. Returns and throws
   * as `ingest`; `INVALID_EVENT` for anything that is not exactly one JSON value.
   */
  ingestRaw(event: string | Uint8Array): boolean {
    if (!this.#isOpen) throw closed();
    const verdict =
      typeof event === "string" ? this.#intake.text(event) : this.#intake.bytes(asBytes(event));
    return verdict === "accepted" ? true : this.#refused(verdict);
  }

  /**
   * Takes in many; returns how many were accepted. Full rings and invalid events are counted in
   * `stats()` and do not throw, so that the others of the batch are not lost.
   */
  ingestRawBatch(events: readonly (string | Uint8Array)[]): number {
    if (!this.#isOpen) throw closed();
    for (const event of events) if (typeof event !== "string") asBytes(event);
    return this.#intake.batch(events);
  }

  /** Resolves when every ring is at least half empty: what a producer waits for when one is full. */
  writable(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#isOpen ? this.#dispatcher.writable(options.signal) : Promise.reject(closed());
  }

  /** Reaches the backend and reads the spill now; rejects when that is not possible. */
  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (!this.#isOpen) throw closed();
    await this.#dispatcher.opened();
    const { signal } = options;
    const stop = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    await this.#settings.adapter.connect?.(stop);
  }

  /**
   * Reads stored events once, without waiting. What this bus accepted before the call is seen, as
   * far as the adapter has it already: at once in memory, after a round trip on a backend.
   *
   * @throws EventBusError `INVALID_CURSOR`, `INVALID_FILTER`, `INVALID_OPTION`, `CLOSED`, or the
   * adapter's error when shards could not be read and the others have nothing new
   */
  async poll(options: PollOptions): Promise<PollResponse> {
    if (!this.#isOpen) throw closed();
    this.#dispatcher.pump();
    return await poll(this.#settings.adapter, this.numShards, options, this.#closing.signal);
  }

  /** All events, those of a shard in order, each once; waits for new ones until it is closed. */
  events(options: StreamOptions = {}): EventStream {
    if (!this.#isOpen) throw closed();
    return new EventStream(
      {
        adapter: this.#settings.adapter,
        shards: this.numShards,
        retry: this.#settings.retry,
        closing: this.#closing.signal,
        settle: () => this.#dispatcher.pump(),
        watch: (watchers) => {
          this.#dispatcher.watchers += watchers;
        },
        onReadFailure: (shardId, error, retryInMs) =>
          this.#notifier.emit("readError", { shardId, error, retryInMs }),
      },
      options,
    );
  }

  /** Events of one type under a name, checked against a Standard Schema when one is given. */
  channel<T>(name: string): Channel<T>;
  channel<Input, Output>(
    name: string,
    schema: StandardSchemaV1<Input, Output>,
  ): Channel<Input, Output>;
  channel<Input, Output = Input>(
    name: string,
    schema?: StandardSchemaV1<Input, Output>,
  ): Channel<Input, Output> {
    const host = {
      ingestRaw: (text: string) => this.ingestRaw(text),
      events: (options: StreamOptions) => this.events(options),
      onInvalid: (
        channel: string,
        event: EventBusEvents["invalid"]["event"],
        error: EventBusError,
      ) => this.#notifier.emit("invalid", { channel, event, error }),
    };
    return new Channel<Input, Output>(host, name, schema);
  }

  /** Joins a group of consumers that share the events: each goes to one member. */
  consumerGroup(group: string, options: GroupConsumerOptions): GroupConsumer {
    if (!this.#isOpen) throw closed();
    const { adapter } = this.#settings;
    if (adapter.join === undefined) {
      throw new EventBusError("UNSUPPORTED", `${adapter.name} has no consumer groups`);
    }
    const member = adapter.join({
      group,
      consumer: options.consumer,
      from: options.from ?? "start",
      redeliverAfterMs: options.redeliverAfterMs ?? 30_000,
    });
    const signals = options.signal ? [options.signal] : [];
    return new GroupConsumer(member, {
      prefetch: within("prefetch", options.prefetch ?? 100, 1, 10_000),
      signals: [...signals, this.#closing.signal],
    });
  }

  stats(): EventBusStats {
    const { counters, recovered, failingShards } = this.#dispatcher;
    const { ingested, dropped, invalid, evicted, queued, queuedBytes } = this.#intake;
    const spillPending = this.#settings.spill?.pending ?? 0;
    return {
      ...{ ingested, dropped, invalid, evicted, queued, queuedBytes },
      ...counters,
      ...{ recovered, spillPending, failingShards },
    };
  }

  /** Calls `listener` for every such event; returns a function that takes it away again. */
  on<Name extends keyof EventBusEvents>(
    name: Name,
    listener: (event: EventBusEvents[Name]) => void,
  ): () => void {
    return this.#notifier.on(name, listener);
  }

  /**
   * Resolves when every event accepted before the call is stored. An outage of the backend is
   * waited out, unless `signal` ends it.
   *
   * @throws EventBusError `UNDELIVERED` when some were given up, `ABORTED`, `CLOSED`
   */
  async flush(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (!this.#isOpen) throw closed();
    await this.#dispatcher.flush(options.signal);
    await this.#settings.adapter.flush?.(options.signal ?? this.#closing.signal);
  }

  /**
   * Takes no more events, delivers what is left, and lets go of the backend. The final counts say
   * what could not be delivered: `undelivered` is 0 when all is well. Closing twice is fine.
   */
  close(options: CloseOptions = {}): Promise<EventBusStats> {
    this.#closed ??= this.#close(options.timeoutMs ?? 10_000);
    return this.#closed;
  }

  /** @throws EventBusError `UNDELIVERED` when something was left over. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { undelivered, uncertain } = await this.close();
    if (undelivered === 0) return;
    throw new EventBusError(
      "UNDELIVERED",
      `${undelivered} events were not delivered before the bus was closed (${uncertain} of them may have been stored); give close() more time, or the bus a spill`,
    );
  }

  async #close(timeoutMs: number): Promise<EventBusStats> {
    this.#isOpen = false;
    await this.#dispatcher.close(within("timeoutMs", timeoutMs, 0, 2 ** 31 - 1));
    this.#closing.abort();
    await this.#settings.adapter.close();
    const stats = this.stats();
    await this.#settings.spill?.close();
    return stats;
  }

  #refused(verdict: Verdict): boolean {
    if (verdict === "ringFull") {
      if (this.#settings.backpressure === "dropNewest") return false;
      throw new EventBusError(
        "RING_FULL",
        "backpressure: ring buffer full; wait for bus.writable(), or choose a larger ringBufferCapacity or another backpressure mode",
      );
    }
    if (verdict === "tooLarge") {
      throw new EventBusError(
        "EVENT_TOO_LARGE",
        `the event is larger than maxEventBytes, ${this.#settings.maxEventBytes}`,
      );
    }
    throw new EventBusError(
      "INVALID_EVENT",
      verdict === "notJson"
        ? "expected exactly one JSON value, found something else; JSON.stringify makes one"
        : "expected Unicode text, found a lone surrogate or bytes that are not UTF-8",
    );
  }
}

function asBytes(event: unknown): Uint8Array {
  if (event instanceof Uint8Array) return event;
  throw new EventBusError("INVALID_OPTION", `expected JSON text or bytes, found a ${typeof event}`);
}

function closed(): EventBusError {
  return new EventBusError("CLOSED", "the event bus has been closed");
}
