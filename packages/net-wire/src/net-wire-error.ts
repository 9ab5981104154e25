/** Why something that was to be sent, or a setting, cannot be put on the wire. */
export type NetWireErrorCode =
  /** A value does not fit into its field. */
  | "FIELD_RANGE"
  /** A key, a pre-shared key or another fixed-size value has another length. */
  | "LENGTH"
  /** An address is not `ip:port` or `[ip]:port`. */
  | "ADDRESS"
  /** A handshake or session was used out of turn. */
  | "STATE"
  /** The counter of a session is used up; only a new handshake helps. */
  | "EXHAUSTED"
  /** A setting of a stream or of a set of streams is out of range. */
  | "OPTION"
  /** The opening of a stream has been closed, evicted or replaced. */
  | "NOT_CONNECTED"
  /** The peer does not take an event of this size. */
  | "EVENT_TOO_LARGE"
  /** Every stream that a session may have is in use. */
  | "TOO_MANY_STREAMS";

/** Thrown for misuse by the caller. What arrives from the network never throws: it is dropped. */
export class NetWireError extends Error {
  override readonly name = "NetWireError";
  readonly code: NetWireErrorCode;

  constructor(code: NetWireErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Gives `bytes` back when it has exactly `length` bytes. */
export function ensureLength(name: string, bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) {
    throw new NetWireError("LENGTH", `${name} must be ${length} bytes, got ${bytes.length}`);
  }
  return bytes;
}
