import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { Measurement } from "./measurement.js";
import type { MeasurementReply, MeasurementTask } from "./measurement-worker.js";
import { ensureNumber } from "./option.js";
import { SubstrateError } from "./substrate-error.js";

/** How far a computation is, in nonces. */
export interface Progress {
  readonly completed: number;
  readonly total: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

export interface MeasurementPoolOptions {
  /** Worker threads at most; by default one less than there are processors, at least one. */
  readonly size?: number | undefined;
  /** Tasks that may wait for a thread; 32 unless given. */
  readonly maxWaiting?: number | undefined;
  /** Where the code of the thread is; for a bundler that moved it. */
  readonly workerUrl?: URL | undefined;
}

interface Job {
  readonly task: MeasurementTask;
  readonly onProgress: (progress: Progress) => void;
  readonly total: number;
  completed: number;
  readonly resolve: (measurements: readonly Measurement[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Measures in worker threads, which are kept for the next task and do not keep the process alive
 * between tasks. A task that is aborted takes its thread with it.
 */
export class MeasurementPool implements AsyncDisposable {
  readonly #size: number;
  readonly #maxWaiting: number;
  readonly #workerUrl: URL;
  readonly #idle: Worker[] = [];
  readonly #busy: Map<Worker, Job> = new Map();
  #waiting: Job[] = [];
  #isClosed = false;

  constructor(options: MeasurementPoolOptions = {}) {
    this.#size = ensureNumber("size", options.size ?? Math.max(1, availableParallelism() - 1), 1);
    this.#maxWaiting = ensureNumber("maxWaiting", options.maxWaiting ?? 32, 0);
    this.#workerUrl = options.workerUrl ?? new URL("./measurement-worker.js", import.meta.url);
  }

  /**
   * @returns one measurement for each range of the task, in order
   * @throws SubstrateError `COMPUTATION_BUSY`, `COMPUTATION_FAILED`, `CLOSED`, or the reason of the signal
   */
  async run(task: MeasurementTask, options: RunOptions = {}): Promise<readonly Measurement[]> {
    const { signal, onProgress = (): void => undefined } = options;
    signal?.throwIfAborted();
    if (this.#isClosed) throw new SubstrateError("CLOSED", "the computations were closed");
    if (this.#busy.size >= this.#size && this.#waiting.length >= this.#maxWaiting) {
      throw new SubstrateError(
        "COMPUTATION_BUSY",
        `${this.#waiting.length} computations wait already; try again later`,
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly Measurement[]>();
    const total = task.ranges.reduce((sum, range) => sum + range.nonceCount, 0);
    const job: Job = { task, onProgress, total, completed: 0, resolve, reject };
    const onAbort = (): void => this.#drop(job, signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#waiting.push(job);
    this.#assign();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Ends all threads; tasks under way or waiting are rejected with `CLOSED`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const error = new SubstrateError("CLOSED", "the computations were closed");
    const jobs = [...this.#busy.values(), ...this.#waiting];
    const workers = [...this.#busy.keys(), ...this.#idle];
    this.#busy.clear();
    this.#waiting = [];
    this.#idle.length = 0;
    for (const job of jobs) job.reject(error);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assign(): void {
    while (this.#waiting.length > 0 && this.#busy.size < this.#size) {
      const job = this.#waiting.shift() as Job;
      const worker = this.#idle.pop() ?? this.#start();
      this.#busy.set(worker, job);
      worker.ref();
      worker.postMessage(job.task);
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#workerUrl);
    worker.on("message", (reply: MeasurementReply) => this.#onReply(worker, reply));
    worker.on("error", (cause) => this.#onLost(worker, messageOf(cause), cause));
    worker.on("exit", (code) => this.#onLost(worker, `it exited with code ${code}`));
    return worker;
  }

  #onReply(worker: Worker, reply: MeasurementReply): void {
    const job = this.#busy.get(worker);
    if (job === undefined) return;
    if ("nonces" in reply) {
      job.completed += reply.nonces;
      job.onProgress({ completed: job.completed, total: job.total });
      return;
    }
    this.#busy.delete(worker);
    worker.unref();
    this.#idle.push(worker);
    if ("measurements" in reply) job.resolve(reply.measurements);
    else job.reject(failed(reply.failure));
    this.#assign();
  }

  #onLost(worker: Worker, said: string, cause?: unknown): void {
    const idleAt = this.#idle.indexOf(worker);
    if (idleAt >= 0) this.#idle.splice(idleAt, 1);
    const job = this.#busy.get(worker);
    this.#busy.delete(worker);
    job?.reject(failed(said, cause));
    this.#assign();
  }

  #drop(job: Job, reason: unknown): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== job);
    for (const [worker, running] of this.#busy) {
      if (running !== job) continue;
      this.#busy.delete(worker);
      void worker.terminate();
    }
    job.reject(reason);
    this.#assign();
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function failed(said: string, cause?: unknown): SubstrateError {
  return new SubstrateError("COMPUTATION_FAILED", `the worker thread failed: ${said}`, { cause });
}
