import { availableParallelism } from "node:os";
import type { EventAdapter } from "./adapter.js";
import type { RetryOptions, RetryPolicy } from "./backoff.js";
import type { Spill } from "./delivery.js";
import { EventBusError } from "./event-bus-error.js";
import type { Backpressure } from "./intake.js";
import { memoryStore } from "./memory-store.js";

export interface EventBusOptions {
  /** 1 to 65,535; default: the processor cores available. Fixed for the data's life. */
  readonly numShards?: number;
  /** Events per shard: a power of two, at least 1,024; one slot stays empty. Default 1,048,576. */
  readonly ringBufferCapacity?: number;
  /** What happens to an event whose ring is full; default `dropOldest`. Each one is counted. */
  readonly backpressure?: Backpressure;
  /** Where events go; default: a memory store. */
  readonly adapter?: EventAdapter;
  /** The largest event taken, in bytes of UTF-8; default 16 MiB. */
  readonly maxEventBytes?: number;
  /** How failed deliveries are tried again; default: without end, 100 ms to 3.2 s apart. */
  readonly retry?: RetryOptions;
  /** How long the adapter may take over one batch; default 30,000 ms. */
  readonly appendTimeoutMs?: number;
  /** Where batches go that the adapter does not take; default: they wait in memory. */
  readonly spill?: Spill;
  /** Failed attempts after which a batch is spilled; default 3. */
  readonly spillAfterAttempts?: number;
  /** A file that gives the producer the same nonce in every run; default: a new one per bus. */
  readonly producerNoncePath?: string;
}

export interface EventBusSettings {
  readonly numShards: number;
  readonly ringBufferCapacity: number;
  readonly backpressure: Backpressure;
  readonly adapter: EventAdapter;
  readonly maxEventBytes: number;
  readonly retry: RetryPolicy;
  readonly appendTimeoutMs: number;
  readonly spill: Spill | undefined;
  readonly spillAfterAttempts: number;
  readonly producerNoncePath: string | undefined;
}

const MODES: readonly string[] = ["dropOldest", "dropNewest", "failProducer"];
const LEAST_CAPACITY = 1_024;
const LARGEST_CAPACITY = 2 ** 30;
const LARGEST_EVENT = 512 * 1_024 * 1_024;

/**
 * Checks options and fills in defaults.
 *
 * @throws EventBusError `INVALID_OPTION`, naming the option, what it is and what it may be.
 */
export function settingsOf(options: EventBusOptions): EventBusSettings {
  const shards = options.numShards ?? availableParallelism();
  if (!Number.isSafeInteger(shards)) throw invalid(`numShards must be an integer; it is ${shards}`);
  if (shards <= 0) throw invalid(`numShards must be > 0; it is ${shards}`);
  if (shards > 65_535) throw invalid(`numShards must be at most 65535; it is ${shards}`);
  const capacity = options.ringBufferCapacity ?? 1_048_576;
  if (!isPowerOfTwo(capacity)) {
    throw invalid(`ringBufferCapacity must be a power of 2; it is ${capacity}`);
  }
  if (capacity < LEAST_CAPACITY) {
    throw invalid(`ringBufferCapacity must be >= ${LEAST_CAPACITY}; it is ${capacity}`);
  }
  const mode = options.backpressure ?? "dropOldest";
  if (!MODES.includes(mode)) {
    throw invalid(
      `Invalid backpressure mode: ${String(mode)}; it must be one of ${MODES.join(", ")}`,
    );
  }
  const { retry = {} } = options;
  return {
    numShards: shards,
    ringBufferCapacity: capacity,
    backpressure: mode,
    adapter: options.adapter ?? memoryStore(),
    maxEventBytes: within("maxEventBytes", options.maxEventBytes ?? 16_777_216, 1, LARGEST_EVENT),
    retry: {
      attempts: within("retry.attempts", retry.attempts ?? Infinity, 1, Infinity),
      baseDelayMs: within("retry.baseDelayMs", retry.baseDelayMs ?? 100, 1, 3_600_000),
      maxDelayMs: within("retry.maxDelayMs", retry.maxDelayMs ?? 3_200, 1, 3_600_000),
    },
    appendTimeoutMs: within("appendTimeoutMs", options.appendTimeoutMs ?? 30_000, 1, 2 ** 31 - 1),
    spill: options.spill,
    spillAfterAttempts: within("spillAfterAttempts", options.spillAfterAttempts ?? 3, 1, Infinity),
    producerNoncePath: options.producerNoncePath,
  };
}

function isPowerOfTwo(value: number): boolean {
  return (
    Number.isSafeInteger(value) &&
    value > 0 &&
    value <= LARGEST_CAPACITY &&
    (value & (value - 1)) === 0
  );
}

/** A number of an option, or the error that says what it must be. */
export function within(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw invalid(`${name} must be from ${least} to ${most}; it is ${value}`);
}

function invalid(what: string): EventBusError {
  return new EventBusError("INVALID_OPTION", `invalid configuration: ${what}`);
}
