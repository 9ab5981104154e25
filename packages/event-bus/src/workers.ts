import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { sleep } from "./backoff.js";
import { encodeCursor } from "./cursor.js";
import type { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import { within } from "./event-bus-options.js";
import type { EventStream, StreamOptions } from "./event-stream.js";
import { SharedRing } from "./shared-ring.js";

export interface WorkerPoolOptions extends Pick<StreamOptions, "cursor" | "filter"> {
  /** A module that exports `handle(event)`; it may return a promise. */
  readonly handler: URL;
  /** Threads; default: the processor cores available less one, at most one for each shard. */
  readonly workers?: number;
  /** Shared memory between this thread and each worker: a power of two; default 4 MiB. */
  readonly ringBytes?: number;
  /** Called for every event that `handle` threw on, or that its thread died of three times. */
  readonly onFailure?: (failure: WorkerFailure) => void;
}

export interface WorkerFailure {
  readonly shardId: number;
  readonly id: string;
  readonly reason: string;
}

export interface WorkerPoolStats {
  /** Events handed to the workers. */
  readonly dispatched: number;
  /** Events the workers are done with, failed ones included. */
  readonly processed: number;
  readonly failed: number;
  /** Threads that died and were started again. */
  readonly restarts: number;
}

/** What a worker's thread is started with. */
export interface WorkerStart {
  readonly handler: string;
  readonly ring: SharedArrayBuffer;
}

/** What a worker's thread tells. */
export type WorkerMessage =
  | { readonly kind: "unusable"; readonly reason: string }
  | ({ readonly kind: "failed" } & WorkerFailure);

/** How often a thread may die of the same event. */
const MOST_DEATHS = 3;
const RESTART_MS = 20;

/**
 * Consumes the events of a bus in threads, for handlers that keep a processor busy. The events go
 * through shared memory; those of a shard always to the same thread, one after the other, in order.
 * Each is handled once, unless its thread dies of it: then a new thread gets it again.
 */
export class WorkerPool implements AsyncDisposable {
  readonly #lanes: readonly WorkerLane[];

  constructor(bus: EventBus, options: WorkerPoolOptions) {
    const most = Math.min(bus.numShards, Math.max(1, availableParallelism() - 1));
    const count = within("workers", options.workers ?? most, 1, bus.numShards);
    const ringBytes = within("ringBytes", options.ringBytes ?? 2 ** 22, 4_096, 2 ** 30);
    if ((ringBytes & (ringBytes - 1)) !== 0) {
      throw new EventBusError(
        "INVALID_OPTION",
        `ringBytes must be a power of 2; it is ${ringBytes}`,
      );
    }
    this.#lanes = Array.from({ length: count }, (_, worker) => {
      const shards = Array.from({ length: bus.numShards }, (_each, shard) => shard).filter(
        (shard) => shard % count === worker,
      );
      const { cursor, filter } = options;
      const stream = bus.events({
        shards,
        ...(cursor === undefined ? {} : { cursor }),
        ...(filter === undefined ? {} : { filter }),
      });
      return new WorkerLane(stream, options, ringBytes);
    });
  }

  /** Behind the last events that were handled: where another consumer would go on. */
  get cursor(): string {
    for (const lane of this.#lanes) lane.settle();
    return encodeCursor(new Map(this.#lanes.flatMap((lane) => [...lane.positions])));
  }

  stats(): WorkerPoolStats {
    const total = { dispatched: 0, processed: 0, failed: 0, restarts: 0 };
    for (const lane of this.#lanes) {
      lane.settle();
      total.dispatched += lane.dispatched;
      total.processed += lane.processed;
      total.failed += lane.failed;
      total.restarts += lane.restarts;
    }
    return total;
  }

  /**
   * Resolves when the events end, because the bus was closed, and all were handled. Rejects when
   * they cannot be read or the handler cannot be used.
   */
  async finished(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.done));
  }

  /**
   * Takes no more events, waits for those the workers have, and ends the threads: after
   * `timeoutMs`, default 10,000, also in the middle of an event. `stats()` and `cursor` tell how far
   * they came.
   */
  async close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    const timeoutMs = within("timeoutMs", options.timeoutMs ?? 10_000, 0, 2 ** 31 - 1);
    await Promise.all(this.#lanes.map((lane) => lane.close(timeoutMs)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** An event in the ring: where it ends, and what it was. */
interface Dispatched {
  readonly end: number;
  readonly shardId: number;
  readonly id: string;
}

/** One thread, the ring to it, and the stream that fills the ring. */
class WorkerLane {
  dispatched = 0;
  processed = 0;
  failed = 0;
  restarts = 0;
  readonly positions: Map<number, string> = new Map();
  readonly done: Promise<void>;
  readonly #stream: EventStream;
  readonly #options: WorkerPoolOptions;
  readonly #ring: SharedRing;
  readonly #inRing: Dispatched[] = [];
  readonly #end: AbortController = new AbortController();
  #worker: Worker | undefined;
  #unusable: EventBusError | undefined;
  #deaths = 0;
  #diedAt = -1;
  #reason = "";
  #isEnding = false;

  constructor(stream: EventStream, options: WorkerPoolOptions, ringBytes: number) {
    this.#stream = stream;
    this.#options = options;
    this.#ring = SharedRing.allocate(ringBytes);
    this.#start();
    this.done = this.#run();
    // Whoever waits meets the failure; nobody may wait.
    this.done.catch(() => undefined);
  }

  async close(timeoutMs: number): Promise<void> {
    await this.#stream.close();
    const timer = setTimeout(() => {
      this.#end.abort();
      this.#ring.wake();
    }, timeoutMs);
    await this.done.catch(() => undefined);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    try {
      for await (const event of this.#stream) await this.#dispatch(event);
      while (this.#inRing.length > 0 && !this.#isHalted) await this.#progress();
    } finally {
      await this.#stop();
    }
    if (this.#unusable !== undefined) throw this.#unusable;
  }

  async #dispatch(event: Parameters<SharedRing["write"]>[0]): Promise<void> {
    const { shardId, id } = event;
    if (event.raw.length * 3 > this.#ring.largestText) {
      throw new EventBusError(
        "EVENT_TOO_LARGE",
        `event ${id} of shard ${shardId} does not fit the shared ring; choose larger ringBytes`,
      );
    }
    for (;;) {
      if (this.#unusable !== undefined) throw this.#unusable;
      const end = this.#ring.write(event, this.#ring.written);
      if (end !== undefined) {
        this.#inRing.push({ end, shardId, id });
        this.#ring.publish(end);
        this.dispatched += 1;
        this.settle();
        return;
      }
      if (this.#end.signal.aborted) return;
      await this.#progress();
    }
  }

  get #isHalted(): boolean {
    return this.#unusable !== undefined || this.#end.signal.aborted;
  }

  /** Waits until the worker is done with something. */
  async #progress(): Promise<void> {
    const before = this.#ring.processed;
    if (!this.settle()) await this.#ring.untilProcessed(before);
    this.settle();
  }

  /** Takes note of what the worker has done; false when that is nothing. */
  settle(): boolean {
    const { processed } = this.#ring;
    let count = 0;
    for (const { end, shardId, id } of this.#inRing) {
      // Positions overflow, so they are compared by their distance.
      if (((processed - end) | 0) < 0) break;
      this.positions.set(shardId, id);
      count += 1;
    }
    if (count === 0) return false;
    this.#inRing.splice(0, count);
    this.processed += count;
    return true;
  }

  #start(): void {
    const workerData: WorkerStart = {
      handler: this.#options.handler.href,
      ring: this.#ring.shared,
    };
    const worker = new Worker(new URL("./worker-main.js", import.meta.url), { workerData });
    this.#worker = worker;
    this.#reason = "its thread ended";
    worker.on("message", (message: WorkerMessage) => this.#hear(message));
    worker.on("error", (error: Error) => {
      this.#reason = error.stack ?? error.message;
    });
    worker.on("exit", () => {
      if (this.#isEnding || this.#unusable !== undefined) return;
      void this.#restart();
    });
  }

  #hear(message: WorkerMessage): void {
    if (message.kind === "unusable") {
      this.#giveUp(message.reason);
      return;
    }
    const { shardId, id, reason } = message;
    this.#fail({ shardId, id, reason });
  }

  #giveUp(reason: string): void {
    this.#unusable = new EventBusError("INVALID_OPTION", reason);
    this.#ring.wake();
    void this.#stream.close();
  }

  #fail(failure: WorkerFailure): void {
    this.failed += 1;
    try {
      this.#options.onFailure?.(failure);
    } catch (thrown) {
      process.emitWarning(`onFailure of a worker pool threw: ${String(thrown)}`);
    }
  }

  /** A new thread goes on with the event the last one died of, or behind it when it is too much. */
  async #restart(): Promise<void> {
    this.settle();
    const at = this.#ring.processed;
    this.#deaths = at === this.#diedAt ? this.#deaths + 1 : 1;
    this.#diedAt = at;
    this.restarts += 1;
    const [current] = this.#inRing;
    if (this.#deaths >= MOST_DEATHS) {
      if (current === undefined) {
        this.#giveUp(`the worker cannot run: ${this.#reason}`);
        return;
      }
      this.#fail({ shardId: current.shardId, id: current.id, reason: this.#reason });
      this.#ring.process(current.end);
    }
    await sleep(RESTART_MS, this.#end.signal);
    if (!this.#isEnding) this.#start();
  }

  async #stop(): Promise<void> {
    this.#isEnding = true;
    this.settle();
    await this.#worker?.terminate();
  }
}

/** Consumes the events of `bus` in worker threads. */
export function workerPool(bus: EventBus, options: WorkerPoolOptions): WorkerPool {
  return new WorkerPool(bus, options);
}
