import { types } from "node:util";
import { RedexError } from "./redex-error.js";

/** Refuses what is no bytes, which would be logged as zeros. */
export function ensurePayload(context: string, payload: unknown): void {
  if (payload instanceof Uint8Array || types.isUint8Array(payload)) return;
  throw new RedexError(
    "INVALID_OPTION",
    context,
    `a payload must be a Uint8Array, not ${typeof payload}; encode it first`,
  );
}

/** The log was closed. */
export function closed(context: string): RedexError {
  return new RedexError("CLOSED", context, "file closed");
}

/** The last number was used. */
export function exhausted(context: string): RedexError {
  return new RedexError(
    "SEQUENCE_EXHAUSTED",
    context,
    "no sequence number is left after 2^64 - 1; start a log of another name",
  );
}
