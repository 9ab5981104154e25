/** Why a subscription could not be made or go on. */
export type NatsSubscribeErrorCode =
  | "SUBJECT_INVALID"
  | "QUEUE_INVALID"
  | "OPTION_INVALID"
  | "BUFFER_FULL"
  | "CONNECTION_CLOSED"
  | "CLOSED";

/**
 * A subscription was asked for something that cannot be, or cannot go on as it was told to. A
 * message that does not verify is never an error: it comes with a report that says so.
 */
export class NatsSubscribeError extends Error {
  override readonly name = "NatsSubscribeError";
  readonly code: NatsSubscribeErrorCode;

  constructor(code: NatsSubscribeErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}
