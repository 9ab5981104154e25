import type { EventAdapter } from "./adapter.js";
import type { RetryPolicy } from "./backoff.js";
import type { EventBatch } from "./event-batch.js";
import type { EventBusError } from "./event-bus-error.js";
import type { Taken } from "./shard-ring.js";

/** One failed attempt to hand a batch to the adapter. */
export interface DeliveryFailure {
  readonly shardId: number;
  readonly events: number;
  /** Which attempt at this batch it was; 1 is the first. */
  readonly attempt: number;
  readonly error: EventBusError;
  /** What becomes of the events: tried again, written to the spill, or given up and counted. */
  readonly outcome: "retry" | "spilled" | "failed";
  /** When it is tried again, for `retry`. */
  readonly retryInMs?: number;
}

/**
 * Keeps batches outside the process while the adapter fails. Batches of a shard come back in the
 * order they went in, with their ids, also in another process.
 */
export interface Spill {
  /** Reads what an earlier process left behind. */
  open(shards: number): Promise<void>;
  /** Whether there are batches of the shard that were not removed. */
  has(shardId: number): boolean;
  /** `settled` is called when the batch is safe and counts as pending, in the same step. */
  append(batch: EventBatch, settled: () => void): Promise<void>;
  /** The oldest batch of the shard; stays until `remove`. */
  oldest(shardId: number): Promise<EventBatch | undefined>;
  /** Forgets the oldest batch. `settled` is called when it no longer counts, in the same step. */
  remove(shardId: number, settled: () => void): Promise<void>;
  /** Events written and not removed. */
  readonly pending: number;
  close(): Promise<void>;
}

/** What became of the events that left the rings. */
export interface DeliveryCounters {
  delivered: number;
  failed: number;
  retries: number;
  /** Written to the spill, by this process. */
  spilled: number;
  /** In no ring and not settled: handed to the adapter, or waiting to be tried again. */
  inFlight: number;
  /** Left over when the bus was closed. */
  undelivered: number;
  /** Of `undelivered`, those of which an attempt was under way: they may have been stored. */
  uncertain: number;
}

/** What the lanes of a bus share. */
export interface DeliveryContext {
  readonly adapter: EventAdapter;
  readonly nonce: string;
  readonly retry: RetryPolicy;
  readonly appendTimeoutMs: number;
  readonly spill: Spill | undefined;
  /** Failed attempts after which a batch is spilled. */
  readonly spillAfter: number;
  readonly counters: DeliveryCounters;
  /** Aborted when the time to deliver what is left has run out. */
  readonly stop: AbortSignal;
  /** Whether the bus is closing: no long pauses then, and the spill at the first failure. */
  isClosing(): boolean;
  take(shardId: number): Taken | undefined;
  /** How many events of the shard have left its ring. */
  passedOf(shardId: number): number;
  /** Whether more than half of the ring is taken. */
  isFilling(shardId: number): boolean;
  nextSequence(shardId: number, count: number): number;
  onFailure(failure: DeliveryFailure): void;
  /** The adapter took a batch of a shard after failures. */
  onRecovery(shardId: number): void;
  /** Something was settled. */
  onProgress(): void;
}
