export type NatsBrokerErrorCode =
  | "INVALID_OPTION"
  | "NOT_LOOPBACK"
  | "ADDRESS_IN_USE"
  | "LISTEN_FAILED"
  | "ABORTED";

/** The broker could not be started as asked; a client's misbehaviour never surfaces here. */
export class NatsBrokerError extends Error {
  override readonly name = "NatsBrokerError";
  readonly code: NatsBrokerErrorCode;

  constructor(code: NatsBrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
