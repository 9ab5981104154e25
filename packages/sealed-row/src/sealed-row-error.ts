export type SealedRowErrorCode =
  | "TABLE_UNKNOWN"
  | "COLUMN_MISSING"
  | "COLUMN_UNKNOWN"
  | "COLUMN_INVALID"
  | "IDENTITY_INVALID"
  | "TIME_INVALID"
  | "HASH_INVALID"
  | "EVENT_INVALID"
  | "EVENT_TOO_LARGE"
  | "COMMAND_INVALID";

/**
 * Thrown when a row cannot be sealed, or an event cannot be encoded or decoded. A row that fails
 * its verification is no error: see `RowReport`.
 */
export class SealedRowError extends Error {
  override readonly name = "SealedRowError";
  readonly code: SealedRowErrorCode;

  constructor(code: SealedRowErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
