import type { DeliveryContext, DeliveryCounters, DeliveryFailure } from "./delivery.js";
import { EventBatch } from "./event-batch.js";
import { aborted, EventBusError } from "./event-bus-error.js";
import type { EventBusSettings } from "./event-bus-options.js";
import { Intake } from "./intake.js";
import { Lane } from "./lane.js";
import type { ProducerIdentity } from "./producer-identity.js";

interface DispatcherEvents {
  readonly onFailure: (failure: DeliveryFailure) => void;
  readonly onRecovery: (shardId: number) => void;
}

/** Somebody waits until `isMet`. */
interface Waiter {
  readonly isMet: () => boolean;
  readonly done: () => void;
}

/** Moves events from the rings through the lanes to the adapter, and knows what is still to do. */
export class Dispatcher {
  readonly intake: Intake;
  readonly counters: DeliveryCounters = {
    delivered: 0,
    failed: 0,
    retries: 0,
    spilled: 0,
    inFlight: 0,
    undelivered: 0,
    uncertain: 0,
  };
  /** Events that an earlier process left in the spill. */
  recovered = 0;
  /** Readers that wait for news: they get it at the end of the turn instead of the next one. */
  watchers = 0;
  readonly #settings: EventBusSettings;
  readonly #identity: ProducerIdentity;
  readonly #lanes: (Lane | undefined)[];
  readonly #context: DeliveryContext;
  readonly #stop: AbortController = new AbortController();
  readonly #waiters: Set<Waiter> = new Set();
  #opening: Promise<void> | undefined;
  #isClosing = false;

  constructor(
    settings: EventBusSettings,
    identity: ProducerIdentity,
    clock: () => bigint,
    events: DispatcherEvents,
  ) {
    this.#settings = settings;
    this.#identity = identity;
    const { numShards, ringBufferCapacity, spill } = settings;
    const usable = ringBufferCapacity - 1;
    this.intake = new Intake({
      shards: numShards,
      usable,
      backpressure: settings.backpressure,
      maxEventBytes: settings.maxEventBytes,
      clock,
      onPending: () => this.#schedule(),
      onFull: () => this.pump(),
    });
    this.#lanes = Array.from({ length: numShards });
    this.#context = {
      adapter: settings.adapter,
      nonce: identity.nonce,
      retry: settings.retry,
      appendTimeoutMs: settings.appendTimeoutMs,
      spill,
      spillAfter: settings.spillAfterAttempts,
      counters: this.counters,
      stop: this.#stop.signal,
      isClosing: () => this.#isClosing,
      take: (shard) => this.intake.take(shard),
      passedOf: (shard) => this.intake.passedOf(shard),
      isFilling: (shard) => this.intake.isFilling(shard),
      nextSequence: (shard, count) => identity.take(shard, count),
      onFailure: events.onFailure,
      onRecovery: events.onRecovery,
      onProgress: () => this.#progress(),
    };
    if (spill !== undefined) this.#opening = this.#openSpill(spill);
  }

  /** Groups what came in by shard and hands over what can be handed over at once. */
  pump(): void {
    this.intake.seal();
    if (this.#opening !== undefined) return;
    for (const shard of this.intake.takeDirty()) this.#lane(shard).kick();
  }

  /** Rejects when the spill cannot be read. */
  async opened(): Promise<void> {
    await this.#opening;
  }

  get failingShards(): number[] {
    return this.#lanes.flatMap((lane, shard) => (lane?.failing ? [shard] : []));
  }

  /** Resolves when every event accepted before the call was stored or given up. */
  async flush(signal: AbortSignal | undefined): Promise<void> {
    await this.opened();
    this.pump();
    const failedBefore = this.counters.failed;
    const marks = this.#lanes.map((_, shard) => this.intake.acceptedOf(shard));
    await this.#until(
      () => marks.every((mark, shard) => this.#isThrough(shard, mark)),
      signal,
      "flush",
    );
    const failed = this.counters.failed - failedBefore;
    if (failed > 0) {
      throw new EventBusError(
        "UNDELIVERED",
        `${failed} events were given up while the bus was flushed; see stats().failed and the "error" events`,
      );
    }
  }

  /** Resolves when every ring is at least half empty. */
  writable(signal: AbortSignal | undefined): Promise<void> {
    this.pump();
    const shards = [...this.#lanes.keys()];
    return this.#until(
      () => !shards.some((shard) => this.intake.isFilling(shard)),
      signal,
      "waiting",
    );
  }

  /** Delivers what is left, for at most `milliseconds`; the rest is spilled or counted. */
  async close(milliseconds: number): Promise<void> {
    this.#isClosing = true;
    await this.opened().catch(() => undefined);
    this.pump();
    for (const lane of this.#lanes) lane?.hurry();
    const timer = setTimeout(() => this.#halt(), milliseconds);
    try {
      await this.#allIdle();
    } finally {
      clearTimeout(timer);
    }
    this.#halt();
    await this.#allIdle();
    for (const shard of this.#lanes.keys()) await this.#leave(shard);
  }

  #lane(shard: number): Lane {
    const lane = this.#lanes[shard] ?? new Lane(shard, this.#context);
    this.#lanes[shard] = lane;
    return lane;
  }

  #halt(): void {
    this.#stop.abort();
    for (const lane of this.#lanes) lane?.hurry();
  }

  async #allIdle(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane?.idle()));
  }

  /** What is still in the ring of a shard when the lanes have stopped. */
  async #leave(shard: number): Promise<void> {
    const { spill } = this.#settings;
    for (let taken = this.intake.take(shard); taken; taken = this.intake.take(shard)) {
      const { chunk, from } = taken;
      const count = chunk.count - from;
      const sequence = this.#identity.take(shard, count);
      const batch = new EventBatch(shard, this.#identity.nonce, sequence, chunk, from);
      const spilled = (): void => {
        this.counters.spilled += count;
      };
      const left = (): void => {
        this.counters.undelivered += count;
      };
      if (spill === undefined) left();
      else await spill.append(batch, spilled).catch(left);
    }
  }

  async #openSpill(spill: NonNullable<EventBusSettings["spill"]>): Promise<void> {
    await spill.open(this.#settings.numShards);
    this.recovered = spill.pending;
    this.#opening = undefined;
    for (const shard of this.#lanes.keys()) if (spill.has(shard)) this.#lane(shard).kick();
    this.pump();
  }

  #schedule(): void {
    if (this.watchers > 0) queueMicrotask(() => this.pump());
    else setImmediate(() => this.pump());
  }

  /** Whether everything up to event number `mark` of the shard has left the rings for good. */
  #isThrough(shard: number, mark: number): boolean {
    const lane = this.#lanes[shard];
    const first = lane?.firstInHand ?? this.intake.passedOf(shard);
    return first >= mark && !this.#settings.spill?.has(shard);
  }

  #until(isMet: () => boolean, signal: AbortSignal | undefined, doing: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(aborted(signal, doing));
        return;
      }
      if (isMet()) {
        resolve();
        return;
      }
      const end = (): void => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener("abort", onAbort);
      };
      const onAbort = (): void => {
        end();
        reject(aborted(signal as AbortSignal, doing));
      };
      const done = (): void => {
        end();
        resolve();
      };
      const waiter: Waiter = { isMet, done };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", onAbort);
    });
  }

  #progress(): void {
    for (const waiter of this.#waiters) if (waiter.isMet()) waiter.done();
  }
}
