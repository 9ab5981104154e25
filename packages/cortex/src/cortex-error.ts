/** What went wrong, for a program to decide on. */
export type CortexErrorCode =
  /** An argument, a field of an operation, a filter or a token cannot be used. */
  | "INVALID_ARGUMENT"
  /** A model's definition contradicts itself. */
  | "INVALID_MODEL"
  /** The adapter has been closed. */
  | "ADAPTER_CLOSED"
  /** The log beneath refused; the log's own error is the `cause`. */
  | "LOG"
  /** The fold ended before what was waited for. */
  | "FOLD_STOPPED"
  /** The deadline passed before the token's event was applied. */
  | "TIMEOUT"
  /** As many token waits as an adapter allows are under way. */
  | "SATURATED"
  /** A token of another origin. */
  | "WRONG_ORIGIN"
  /** Bytes that are not what they should be: a snapshot, a bundle, an event. */
  | "DECODE"
  /** The log ends before what the snapshot covers, so that a new event would never be folded. */
  | "LOG_BEHIND_SNAPSHOT"
  /** Events the fold still needs are no longer in the log. */
  | "EVENTS_GONE"
  /** The caller's signal was aborted. */
  | "ABORTED"
  /** The NetDb was opened without this model, or without any. */
  | "NO_MODEL";

/**
 * The error of this package. Its message reads `cortex: {context}: {text}`, the convention of the
 * format's Node binding (CortEX format, section 13).
 */
export class CortexError extends Error {
  override readonly name: string = "CortexError";
  readonly code: CortexErrorCode;
  /** The message without `cortex: ` before it. */
  readonly text: string;

  constructor(
    code: CortexErrorCode,
    text: string,
    options: { readonly cause?: unknown; readonly prefix?: "cortex" | "netdb" } = {},
  ) {
    super(
      `${options.prefix ?? "cortex"}: ${text}`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.code = code;
    this.text = text;
  }
}

/** What concerns a NetDb as a whole: its bundle, and which models it has. */
export class NetDbError extends CortexError {
  override readonly name: string = "NetDbError";

  constructor(code: CortexErrorCode, text: string, options: { readonly cause?: unknown } = {}) {
    super(code, text, { ...options, prefix: "netdb" });
  }
}

/** The text of whatever a log, a codec or a fold threw. */
export function reasonOf(thrown: unknown): string {
  if (thrown instanceof CortexError) return thrown.text;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The text of what the log threw, without the context that the log puts before it. */
export function logReasonOf(thrown: unknown): string {
  return reasonOf(thrown).replace(/^redex: (?:(?:append|open_file): )?/u, "");
}

/** What `step` throws, with where it happened put before it. */
export async function within<T>(context: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof CortexError)) throw error;
    throw new CortexError(error.code, `${context}: ${error.text}`, { cause: error });
  }
}

/** The caller's own abort, as the error of this package. */
export function aborted(signal: AbortSignal, doing: string): CortexError {
  return new CortexError("ABORTED", `${doing}: aborted by the caller`, { cause: signal.reason });
}
