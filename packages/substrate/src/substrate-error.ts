export type SubstrateErrorCode =
  /** The path is no place for a database: relative parts missing, a directory, a special file. */
  | "PATH_INVALID"
  /** The file is truncated, overwritten or not a database. */
  | "DATABASE_DAMAGED"
  /** No space is left, on the disk or within `maxBytes`. */
  | "DATABASE_FULL"
  /** The file, its directory or its disk refuses writing. */
  | "DATABASE_READ_ONLY"
  /** Another process held the database for longer than the busy timeout. */
  | "DATABASE_BUSY"
  /** The system refused for another reason; the message has SQLite's own words. */
  | "DATABASE_UNAVAILABLE"
  /** A newer release of this software wrote the database. */
  | "SCHEMA_NEWER"
  /** A table, index or trigger of this schema is missing or is another one. */
  | "SCHEMA_MISMATCH"
  /** The row cannot be sealed; `cause` is the `SealedRowError`. */
  | "ROW_INVALID"
  /** A row with this id is there already. */
  | "ROW_EXISTS"
  /** The database refused the row. */
  | "ROW_REFUSED"
  /** The cosignature is none, or there is no row it could belong to. */
  | "COSIGNATURE_INVALID"
  /** More rows are waiting than the queue takes. */
  | "QUEUE_FULL"
  /** The broker did not take or confirm an event; it is published again. */
  | "BROADCAST_FAILED"
  /** A row has no event, or one larger than the broker takes; it is in the database only. */
  | "BROADCAST_LEFT_OUT"
  /** More computations are waiting than there is room for. */
  | "COMPUTATION_BUSY"
  /** The worker thread of a computation failed. */
  | "COMPUTATION_FAILED"
  /** What was called has been closed. */
  | "CLOSED"
  /** An option has a value it cannot have. */
  | "OPTION_INVALID";

/** The one error of this package. */
export class SubstrateError extends Error {
  override readonly name = "SubstrateError";
  readonly code: SubstrateErrorCode;

  constructor(code: SubstrateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
