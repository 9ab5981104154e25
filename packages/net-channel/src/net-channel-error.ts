/** Why this package refused something, or what a publisher answered. */
export type NetChannelErrorCode =
  /** Not a channel name. */
  | "NAME"
  | "VISIBILITY"
  | "RELIABILITY"
  | "ON_FAILURE"
  /** A queue group that is empty, longer than 255 bytes, or no Unicode text. */
  | "QUEUE_GROUP"
  /** A number outside the range of its field. */
  | "RANGE"
  /** An argument of the wrong type, or two that contradict each other. */
  | "ARGUMENT"
  /** More requests wait for an answer than may. */
  | "BUSY"
  /** The publisher refused the subscription, each for its reason. */
  | "UNAUTHORIZED"
  | "UNKNOWN_CHANNEL"
  | "RATE_LIMITED"
  | "TOO_MANY_CHANNELS"
  | "REJECTED"
  /** The publisher did not answer in time. */
  | "ACK_TIMEOUT"
  /** There is no session with the publisher. */
  | "NO_SESSION"
  /** The channel's own rules do not let this node publish. */
  | "PUBLISH_DENIED"
  /** Not one subscriber could be sent to. */
  | "ALL_FAILED";

/**
 * The one error of this package. Where Net 0.19.0 has a text for the failure, the message is that text
 * (`channel: unknown channel`), since programs compare it.
 */
export class NetChannelError extends Error {
  readonly code: NetChannelErrorCode;

  constructor(code: NetChannelErrorCode, message: string) {
    super(message);
    this.name = "NetChannelError";
    this.code = code;
  }
}
