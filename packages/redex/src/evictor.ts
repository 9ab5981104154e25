import { compact } from "./compaction.js";
import { DiskStore } from "./disk-store.js";
import type { EventStore } from "./event-store.js";
import { firstKept, isBounded, type RetentionPolicy } from "./retention.js";
import type { Storage } from "./storage.js";
import type { SyncLoop } from "./sync-loop.js";

/** Evicted bytes below this are not worth a new generation. */
const SMALLEST_RECLAIM = 65_536;
/** A payload file this long is rewritten for any evicted byte, since offsets end at 4 GiB. */
const LONG_PAYLOAD_FILE = 3.5 * 1024 ** 3;

/** What an evictor works on. */
export interface Evictable {
  readonly store: EventStore;
  readonly retention: RetentionPolicy;
  readonly now: () => bigint;
  readonly disk?: { readonly storage: Storage; readonly directory: string };
  readonly loop?: SyncLoop | undefined;
  /** Called after events were evicted. */
  readonly evicted: () => void;
}

/**
 * Enforces retention: by events and bytes at each append, by age on a timer (a quarter of the age,
 * 30 s at most), all of it when the log is opened and at `sweep`. Evicted events are gone for
 * readers at once; their room on disk is given back when it is as much as what is retained, at
 * `sweep` and at the close, so that rewriting costs no more than appending did.
 */
export class Evictor {
  /** Whether `append` has anything to enforce. */
  readonly isBounded: boolean;
  readonly #parts: Evictable;
  readonly #perAppend: RetentionPolicy;
  readonly #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failure: unknown;
  #evictedBytes = 0;
  /** How much must be evicted before the next attempt to reclaim it. */
  #reclaimAt = SMALLEST_RECLAIM;
  #isStopped = false;

  constructor(parts: Evictable) {
    this.#parts = parts;
    const { maxAgeMs, ...perAppend } = parts.retention;
    this.#perAppend = perAppend;
    this.isBounded = isBounded(perAppend);
    if (maxAgeMs === undefined) return;
    const period = Math.min(Math.max(maxAgeMs / 4, 20), 30_000);
    this.#timer = setInterval(() => this.enforce(), period).unref();
  }

  /** Why the last attempt to reclaim evicted events failed; it is made again later. */
  get failure(): unknown {
    return this.#failure;
  }

  /** What each append enforces. */
  appended(): void {
    this.#retain(this.#perAppend);
  }

  /** Enforces every bound. */
  enforce(): void {
    try {
      this.#retain(this.#parts.retention);
    } catch (error) {
      // Append times could not be read: the next turn tries again.
      this.#failure = error;
    }
  }

  /** Reclaims what is evicted at once, unless the log is being closed. @throws RedexError `IO` */
  async reclaim(): Promise<void> {
    // One generation is written at a time: nothing may run between the last look and the start.
    while (this.#running !== undefined) await this.#running;
    if (!this.#isStopped) await this.#start();
  }

  /** Stops the timer, and reclaims what is left where that is possible. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    while (this.#running !== undefined) await this.#running;
    if (this.#evictedBytes > 0) await this.#start().catch(() => undefined);
  }

  #retain(policy: RetentionPolicy): void {
    const { store, now, disk } = this.#parts;
    const first = firstKept(store, policy, now);
    if (first <= store.start) return;
    const before = store.weight;
    store.evictBefore(first);
    this.#evictedBytes += before - store.weight;
    this.#parts.evicted();
    if (disk === undefined || this.#isStopped || this.#running !== undefined) return;
    const isDue =
      this.#evictedBytes >= Math.max(this.#reclaimAt, store.weight) ||
      (store instanceof DiskStore && store.files.payloadSize > LONG_PAYLOAD_FILE);
    if (isDue) this.#start().catch(() => undefined);
  }

  /** Starts to reclaim; nothing is being rewritten when this is called. */
  #start(): Promise<void> {
    const attempt = this.#reclaim();
    this.#running = attempt.then(
      () => {
        this.#running = undefined;
      },
      (error: unknown) => {
        this.#running = undefined;
        this.#failure = error;
        this.#reclaimAt = this.#evictedBytes * 2;
      },
    );
    return attempt;
  }

  async #reclaim(): Promise<void> {
    const { store, disk, loop } = this.#parts;
    if (disk === undefined || loop === undefined || !(store instanceof DiskStore)) return;
    if (store.failure !== undefined) return;
    const reclaimed = this.#evictedBytes;
    await compact(disk.storage, disk.directory, store, loop);
    this.#evictedBytes -= reclaimed;
    this.#reclaimAt = SMALLEST_RECLAIM;
    this.#failure = undefined;
  }
}
