/** Why a cell cannot start, stop or answer. */
export type CellErrorCode =
  /** `cell.toml` or an argument cannot be used. */
  | "CONFIGURATION"
  /** A file with a secret has the wrong size or may be read by others. */
  | "SECRET_FILE"
  /** A broker's port is taken by something that is not a NATS server, or no broker may be started. */
  | "BROKER"
  /** No cell runs in this home. */
  | "NOT_RUNNING"
  /** A cell did not become ready, or did not end, in time. */
  | "TIMEOUT";

/** Misconfiguration or a host that does not permit what was asked; the message says what to do next. */
export class CellError extends Error {
  override readonly name = "CellError";
  readonly code: CellErrorCode;

  constructor(code: CellErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
