/** What went wrong; `RedexError.code`. */
export type RedexErrorCode =
  /** A channel name that the format does not allow. */
  | "INVALID_NAME"
  /** An option, or an argument, outside what is allowed. */
  | "INVALID_OPTION"
  /** The log, or the manager, was closed. */
  | "CLOSED"
  /** A reader asked for, or fell behind to, events that are no longer retained. */
  | "LAGGED"
  /** The payload would exceed what one log may hold. */
  | "TOO_LARGE"
  /** The payload would lie beyond what a record's 32-bit offset can name. */
  | "OFFSET_OVERFLOW"
  /** No sequence number is left. */
  | "SEQUENCE_EXHAUSTED"
  /** Another writer holds the directory. */
  | "LOCKED"
  /** The file system failed; the cause is attached. */
  | "IO"
  /** A write or an fsync failed before, and what the files hold is unknown until they are opened again. */
  | "POISONED";

/** Every failure of this package. The message is `redex: {context}: {text}` (log format, section 13). */
export class RedexError extends Error {
  override readonly name = "RedexError";
  readonly code: RedexErrorCode;

  constructor(code: RedexErrorCode, context: string, text: string, options?: ErrorOptions) {
    super(`redex: ${context === "" ? "" : `${context}: `}${text}`, options);
    this.code = code;
  }
}

/** `io` failures carry what the system said. */
export function ioError(context: string, what: string, cause: unknown): RedexError {
  if (cause instanceof RedexError) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  return new RedexError("IO", context, `io: ${what}: ${said}`, { cause });
}
