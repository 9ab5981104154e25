import type { RowReport } from "@gaiaftcl/sealed-row";

/** Why a Franklin connection, request, configuration or daemon failed. */
export type FranklinErrorCode =
  /** An option or argument of this package cannot be used. */
  | "OPTION_INVALID"
  /** `operators.toml` cannot be used. */
  | "OPERATORS_INVALID"
  /** An operator key is, or once was, a federation key. */
  | "FEDERATION_KEY"
  /** Unix sockets with owners and modes are what the protocol rests on; this system has none. */
  | "PLATFORM_UNSUPPORTED"
  /** The socket path does not fit the address structure of the system. */
  | "PATH_TOO_LONG"
  /** A symlink, another owner, another kind of file, or a directory open to others. */
  | "SOCKET_UNSAFE"
  /** Nothing stands at the socket path. */
  | "SOCKET_MISSING"
  /** A socket file without a server behind it, or a server that went away. */
  | "SERVER_GONE"
  | "PERMISSION_DENIED"
  /** Another daemon serves this home. */
  | "ALREADY_RUNNING"
  /** The lock file cannot be created, written or locked. */
  | "LOCK_UNUSABLE"
  /** The socket cannot be bound. */
  | "BIND_FAILED"
  /** All places for connections are taken; try again. */
  | "BUSY"
  | "FRAME_EMPTY"
  | "FRAME_TOO_LARGE"
  /** The payload of a frame is not strict JSON. */
  | "FRAME_INVALID"
  /** A frame that was begun does not arrive at the minimum rate. */
  | "FRAME_SLOW"
  /** A message that does not belong where it came. */
  | "PROTOCOL_VIOLATION"
  /** The peer spoke before it said who it is. */
  | "ANONYMOUS"
  | "OPERATOR_UNKNOWN"
  | "SIGNATURE_INVALID"
  | "HANDSHAKE_TIMEOUT"
  /** The client will not sign this challenge. */
  | "CHALLENGE_REFUSED"
  /** The server did not accept the operator; the message carries its reason. */
  | "HANDSHAKE_REFUSED"
  /** The server took back its acceptance, with a reason, and closed. */
  | "WITHDRAWN"
  /** Nothing was asked for too long. */
  | "IDLE"
  /** The peer does not read what it is sent. */
  | "STALLED"
  /** The connection or the server is closed. */
  | "CLOSED"
  | "TIMEOUT"
  /** Arguments that have no strict JSON form. */
  | "ARGS_INVALID"
  | "REQUEST_TOO_LARGE"
  /** A response to nothing that was asked. */
  | "RESPONSE_UNKNOWN"
  /** A response whose seal does not cover this request and outcome; `report` says what failed. */
  | "RESPONSE_UNVERIFIED"
  /** The server ran the request but could not seal it. */
  | "SEAL_FAILED";

/** The one error of this package. */
export class FranklinError extends Error {
  override readonly name = "FranklinError";
  readonly code: FranklinErrorCode;
  /** With `RESPONSE_UNVERIFIED`: every check of the response. */
  readonly report?: RowReport;

  constructor(
    code: FranklinErrorCode,
    message: string,
    details: { readonly cause?: unknown; readonly report?: RowReport } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.report !== undefined) this.report = details.report;
  }
}

/** Writes an untrusted text into a message: quoted, control characters escaped, cut to a line. */
export function quote(text: string, limit = 80): string {
  return JSON.stringify(text.length > limit ? `${text.slice(0, limit)}…` : text);
}

/** The system's code of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** The message of whatever was thrown, fit to be sent: well-formed and of bounded length. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.slice(0, 2000).toWellFormed();
}
