/** What went wrong; `NetMeshError.code`. */
export type NetMeshErrorCode =
  /** An option or an argument outside what is allowed. */
  | "INVALID_OPTION"
  /** The node was shut down. */
  | "CLOSED"
  /** No session with that peer. */
  | "NOT_CONNECTED"
  /** No answer came in time. */
  | "TIMEOUT"
  /** A handshake did not come about. */
  | "HANDSHAKE"
  /** More is queued than the window or the buffer takes; nothing of it was sent. */
  | "BACKPRESSURE"
  /** The other side, or a rule of the channel, refused. */
  | "REFUSED"
  /** NAT traversal failed. */
  | "TRAVERSAL"
  /** The socket could not be opened or failed for good. */
  | "SOCKET";

/** Every failure of this package. Where Net 0.19.0 has a text for it, the message begins with that text. */
export class NetMeshError extends Error {
  override readonly name = "NetMeshError";
  readonly code: NetMeshErrorCode;

  constructor(code: NetMeshErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
