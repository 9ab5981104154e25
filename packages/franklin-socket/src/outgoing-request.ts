import { CanonicalJsonError, decode, encode, type JsonValue } from "@gaiaftcl/canonical-json";
import { FRAME_BYTES } from "./frame.js";
import { FranklinError, quote } from "./franklin-error.js";
import { requestText } from "./message.js";

/** A request as this client sends it. */
export interface OutgoingRequest {
  readonly requestId: string;
  readonly method: string;
  /** The arguments as the server will read them: a copy, which nobody changes afterwards. */
  readonly args: JsonValue;
  readonly text: string;
}

/**
 * Writes a request down, after checking that the server can read it.
 *
 * @throws FranklinError `ARGS_INVALID`, `REQUEST_TOO_LARGE`
 */
export function writeRequest(requestId: string, method: string, args: unknown): OutgoingRequest {
  try {
    const argsJson = encode(args);
    // One level less than the server allows: in the frame the arguments stand inside an object.
    const copy = decode(argsJson, { maxDepth: 63, maxBytes: FRAME_BYTES });
    const text = requestText(method, argsJson, requestId);
    if (Buffer.byteLength(text) <= FRAME_BYTES) {
      return { requestId, method, args: copy, text };
    }
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    if (cause.code !== "TOO_LARGE") {
      throw new FranklinError(
        "ARGS_INVALID",
        `the arguments of ${quote(method)} cannot be sent: ${cause.message}`,
        { cause },
      );
    }
  }
  throw new FranklinError(
    "REQUEST_TOO_LARGE",
    `expected a request of at most ${FRAME_BYTES} bytes: give ${quote(method)} less at a time`,
  );
}
