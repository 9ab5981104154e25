export type StreamErrorCode =
  | "not_connected"
  | "event_too_large"
  | "invalid_option"
  | "too_many_streams";

/** Misuse of a stream. Backpressure is a return value, not an error. */
export class StreamError extends Error {
  override readonly name = "StreamError";
  readonly code: StreamErrorCode;

  constructor(code: StreamErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Text of the reference for a send that would exceed window or buffer (section 9). */
export const BACKPRESSURE_MESSAGE = "stream would block (queue full)";
/** Text of the reference for a handle that is closed, evicted or replaced (section 9). */
export const NOT_CONNECTED_MESSAGE = "stream not connected";
