/** Why a node cannot be run or driven. */
export type NetControlErrorCode =
  /** No node runs here. */
  | "NOT_RUNNING"
  /** A node runs here, and takes too long to say so. */
  | "NOT_ANSWERING"
  /** A node runs here already. */
  | "ALREADY_RUNNING"
  /** The keys of a node have not been made yet. */
  | "NO_KEYS"
  /** Keys are there already, and are not replaced. */
  | "KEYS_EXIST"
  /** A key file holds something else, or others can read it. */
  | "KEY_FILE"
  /** A ticket, a node id or another argument that cannot be used. */
  | "ARGUMENT"
  /** The node refused, or could not do, what was asked. */
  | "FAILED"
  /** The socket could not be made or used. */
  | "SOCKET";

/** The error of this package; `message` says what was expected, what was found and what to do. */
export class NetControlError extends Error {
  override readonly name = "NetControlError";
  readonly code: NetControlErrorCode;

  constructor(code: NetControlErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
