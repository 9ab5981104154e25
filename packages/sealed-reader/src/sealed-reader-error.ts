const CODES = [
  "FILE_MISSING",
  "FILE_NOT_REGULAR",
  "FILE_EMPTY",
  "FILE_REPLACED",
  "NOT_A_DATABASE",
  "CORRUPT",
  "IO",
  "PERMISSION",
  "WAL_UNREADABLE",
  "IMMUTABLE_UNSAFE",
  "BUSY",
  "GUARD_INEFFECTIVE",
  "ENCODING",
  "SCHEMA_REFUSED",
  "TABLE_MISSING",
  "TABLE_NOT_REAL",
  "TABLE_UNSUPPORTED",
  "VALUE_TOO_LARGE",
  "ROWS_REMOVED",
  "ROW_MISSING",
  "DEADLINE",
  "CHILD_FAILED",
  "WORKER_FAILED",
  "OPTION_INVALID",
  "CHECKPOINT_INVALID",
  "EVIDENCE_INVALID",
  "CLOSED",
] as const;

/** Why a sealed database could not be read. */
export type SealedReaderErrorCode = (typeof CODES)[number];

/**
 * The file could not be read, or the caller asked for something that cannot be. A row that fails
 * its verification is never an error: it comes with a report that says so.
 */
export class SealedReaderError extends Error {
  override readonly name = "SealedReaderError";
  readonly code: SealedReaderErrorCode;

  constructor(code: SealedReaderErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}

const known: ReadonlySet<string> = new Set(CODES);

/** For a code that arrives as text from another thread or process. */
export function isSealedReaderErrorCode(code: unknown): code is SealedReaderErrorCode {
  return typeof code === "string" && known.has(code);
}
