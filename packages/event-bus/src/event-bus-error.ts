/** What went wrong, for a program to decide on. */
export type EventBusErrorCode =
  /** An option or argument cannot be used. */
  | "INVALID_OPTION"
  /** An event that is not exactly one JSON value, or not Unicode text. */
  | "INVALID_EVENT"
  /** An event longer than `maxEventBytes`. */
  | "EVENT_TOO_LARGE"
  /** The ring of the event's shard is full (`failProducer`). */
  | "RING_FULL"
  /** The bus, stream or adapter has been closed. */
  | "CLOSED"
  /** A cursor that no poll returned. */
  | "INVALID_CURSOR"
  /** A filter that is not of the grammar. */
  | "INVALID_FILTER"
  /** A value that does not pass a channel's schema. */
  | "SCHEMA"
  /** The backend refused or could not be reached; may pass by itself. */
  | "TRANSIENT"
  /** The backend will not take this, however often it is tried. */
  | "FATAL"
  /** The backend did not answer in time; whether it did what was asked is not known. */
  | "TIMEOUT"
  /** `close` or `flush` could not deliver everything. */
  | "UNDELIVERED"
  /** The caller's signal was aborted. */
  | "ABORTED"
  /** The adapter cannot do this. */
  | "UNSUPPORTED"
  /** A file of the spill or of the producer nonce is not what it should be. */
  | "STORAGE";

interface Circumstances {
  readonly cause?: unknown;
  /** The shard concerned, when there is one. */
  readonly shardId?: number;
}

/** The only error this package throws. */
export class EventBusError extends Error {
  override readonly name = "EventBusError";
  readonly code: EventBusErrorCode;
  readonly shardId?: number;

  constructor(code: EventBusErrorCode, message: string, circumstances: Circumstances = {}) {
    super(message, circumstances.cause === undefined ? {} : { cause: circumstances.cause });
    this.code = code;
    if (circumstances.shardId !== undefined) this.shardId = circumstances.shardId;
  }

  /** Whether the same call may succeed later without anything being changed. */
  get retryable(): boolean {
    return this.code === "TRANSIENT" || this.code === "TIMEOUT";
  }
}

/** Whatever was thrown, as the error of this package; anything unknown from a backend may pass. */
export function toEventBusError(thrown: unknown, doing: string): EventBusError {
  if (thrown instanceof EventBusError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new EventBusError("TRANSIENT", `${doing}: ${reason}`, { cause: thrown });
}

export function aborted(signal: AbortSignal, doing: string): EventBusError {
  return new EventBusError("ABORTED", `${doing} was aborted by its caller`, {
    cause: signal.reason,
  });
}
