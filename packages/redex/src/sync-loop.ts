import type { DiskStore } from "./disk-store.js";
import { ioError, type RedexError } from "./redex-error.js";

/** When a log is fsynced without being asked (log format, section 4.1). */
export interface SyncPolicy {
  /** After this many events. */
  readonly everyEvents?: number | undefined;
  /** After this many milliseconds. */
  readonly everyMs?: number | undefined;
  /** After this many bytes. */
  readonly everyBytes?: number | undefined;
}

interface Waiter {
  readonly position: number;
  resolve(): void;
  reject(error: RedexError): void;
}

/**
 * Fsyncs a log in the background, one run at a time: whoever asks while one runs is served by the
 * next, all together, which is what makes a group commit. A failed fsync is final, since the system
 * forgets the pages it could not write: the log takes no more events, and who waits is told.
 */
export class SyncLoop {
  readonly #store: DiskStore;
  readonly #policy: SyncPolicy;
  readonly #timer: NodeJS.Timeout | undefined;
  #waiters: Waiter[] = [];
  /** What a killed process had written may not be on the platter yet, so nothing is at first. */
  #durable = 0;
  #events = 0;
  #bytes = 0;
  #requested = false;
  #running: Promise<void> | undefined;
  #held = false;
  #runs = 0;

  constructor(store: DiskStore, policy: SyncPolicy) {
    this.#store = store;
    this.#policy = policy;
    if (policy.everyMs !== undefined) {
      // It keeps no process alive: what was written outlives the process anyway.
      this.#timer = setInterval(() => this.#tick(), policy.everyMs).unref();
    }
  }

  /** One past the newest event that survives a power cut. */
  get durable(): number {
    return this.#durable;
  }

  /** How many times the files were fsynced. */
  get runs(): number {
    return this.#runs;
  }

  /** Counts what was appended, and starts an fsync where the policy says so. */
  appended(events: number, bytes: number): void {
    const { everyEvents, everyBytes } = this.#policy;
    if (everyEvents === undefined && everyBytes === undefined) return;
    this.#events += events;
    this.#bytes += bytes;
    const due =
      (everyEvents !== undefined && this.#events >= everyEvents) ||
      (everyBytes !== undefined && this.#bytes >= everyBytes);
    if (due) this.request();
  }

  /** Resolves once the event before `position` and all before it survive a power cut. */
  wait(position: number): Promise<void> {
    if (this.#store.failure !== undefined) return Promise.reject(this.#store.failure);
    if (position <= this.#durable) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ position, resolve, reject });
      this.request();
    });
  }

  /** Starts a run, or another one after the one that runs. */
  request(): void {
    this.#events = 0;
    this.#bytes = 0;
    this.#requested = true;
    if (this.#held || this.#running !== undefined) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Runs `work` while nothing is fsynced here; `work` may make everything durable by itself. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#held = true;
    try {
      await this.#running;
      return await work();
    } finally {
      this.#held = false;
      if (this.#requested) this.request();
    }
  }

  /** Everything before `position` was made durable otherwise. */
  advance(position: number): void {
    this.#durable = Math.max(this.#durable, position);
    const served = this.#waiters.filter((waiter) => waiter.position <= this.#durable);
    this.#waiters = this.#waiters.filter((waiter) => waiter.position > this.#durable);
    for (const waiter of served) waiter.resolve();
  }

  /** Tells everyone who waits that it will not be. */
  reject(error: RedexError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.reject(error);
  }

  /** Stops the timer and waits for the run under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  #tick(): void {
    if (this.#durable < this.#store.end) this.request();
  }

  async #run(): Promise<void> {
    while (this.#requested && !this.#held && this.#store.failure === undefined) {
      this.#requested = false;
      // All that is appended in this turn of the event loop goes along.
      await Promise.resolve();
      const position = this.#store.end;
      try {
        await this.#store.files.sync();
      } catch (cause) {
        // Tells the waiters too, through the log.
        this.#store.poison(ioError("sync", "fsync failed", cause));
        return;
      }
      this.#runs += 1;
      this.advance(position);
    }
  }
}
