import { createHmac, timingSafeEqual } from "node:crypto";
import { CanonicalJsonError, decode, encode, type JsonValue } from "@gaiaftcl/canonical-json";
import { SubstrateCommandError } from "./substrate-command-error.js";

/** The length of the key that Franklin and the substrate service share, in bytes. */
export const commandKeyLength = 32;

const maxRequestBytes = 16 * 1024 * 1024;
const noncePattern = /^[0-9a-f]{32}$/;
const macPattern = /^[0-9a-f]{64}$/;

/** A command as Franklin forwards it. */
export interface CommandRequest {
  readonly method: string;
  readonly args: { readonly [name: string]: JsonValue };
  readonly requestId: string;
  readonly operatorContext: string;
  /** Unix time in milliseconds at which Franklin accepted the command. */
  readonly issuedAtMs: number;
  /** 32 lower-case hex digits, new for every command. */
  readonly nonce: string;
}

export type SealedRequest = Uint8Array;

export type RequestResult =
  | { readonly ok: true; readonly request: CommandRequest }
  | { readonly ok: false; readonly reason: string };

export type ReplyResult =
  | { readonly ok: true; readonly outcome: { readonly [name: string]: JsonValue } }
  | { readonly ok: false; readonly reason: string };

/**
 * The bytes of a command for the bus: canonical JSON with a `mac` member, HMAC-SHA-256 under the shared
 * key over a domain label and the canonical JSON of the other members. Whoever can publish on the
 * bus but does not hold the key cannot make the substrate seal anything.
 *
 * @throws SubstrateCommandError `KEY` or `NONCE` for a key or nonce of the wrong length
 */
export function sealRequest(key: Uint8Array, request: CommandRequest): SealedRequest {
  checkNonce(request.nonce);
  return seal(key, "request", {
    args: request.args,
    issued_at_ms: request.issuedAtMs,
    method: request.method,
    nonce: request.nonce,
    operator_context: request.operatorContext,
    request_id: request.requestId,
  });
}

/** Opens a command from the bus. Time and replay are judged by the caller's {@link ReplayWindow}. */
export function openRequest(key: Uint8Array, bytes: Uint8Array): RequestResult {
  const opened = open(key, "request", bytes);
  if (!opened.ok) return opened;
  const { args, issued_at_ms, method, nonce, operator_context, request_id } = opened.fields;
  if (
    !isObject(args) ||
    typeof issued_at_ms !== "number" ||
    typeof method !== "string" ||
    typeof nonce !== "string" ||
    !noncePattern.test(nonce) ||
    typeof operator_context !== "string" ||
    typeof request_id !== "string"
  ) {
    return { ok: false, reason: "a member is missing or has the wrong type" };
  }
  return {
    ok: true,
    request: {
      args,
      issuedAtMs: issued_at_ms,
      method,
      nonce,
      operatorContext: operator_context,
      requestId: request_id,
    },
  };
}

/** The bytes of the answer to the command with this nonce; only that command's sender accepts them. */
export function sealReply(
  key: Uint8Array,
  nonce: string,
  outcome: { readonly [name: string]: JsonValue },
): Uint8Array {
  checkNonce(nonce);
  return seal(key, "reply", { nonce, outcome });
}

/** Opens an answer and checks that it belongs to the command with this nonce. */
export function openReply(key: Uint8Array, nonce: string, bytes: Uint8Array): ReplyResult {
  const opened = open(key, "reply", bytes);
  if (!opened.ok) return opened;
  if (opened.fields["nonce"] !== nonce) {
    return { ok: false, reason: "the answer belongs to another command" };
  }
  const { outcome } = opened.fields;
  if (!isObject(outcome)) return { ok: false, reason: "the outcome is not an object" };
  return { ok: true, outcome };
}

/** The bytes by which the sender of the command with this nonce takes it back. */
export function sealCancellation(key: Uint8Array, nonce: string): Uint8Array {
  checkNonce(nonce);
  return seal(key, "cancellation", { nonce });
}

/** Whether the bytes take back the command with this nonce. */
export function opensCancellation(key: Uint8Array, nonce: string, bytes: Uint8Array): boolean {
  const opened = open(key, "cancellation", bytes);
  return opened.ok && opened.fields["nonce"] === nonce;
}

type Direction = "request" | "reply" | "cancellation";
type Fields = { readonly [name: string]: JsonValue };

function seal(key: Uint8Array, direction: Direction, fields: Fields): Uint8Array {
  return new TextEncoder().encode(encode({ ...fields, mac: mac(key, direction, fields) }));
}

function open(
  key: Uint8Array,
  direction: Direction,
  bytes: Uint8Array,
):
  | { readonly ok: true; readonly fields: Fields }
  | { readonly ok: false; readonly reason: string } {
  let value: JsonValue;
  try {
    value = decode(bytes, { maxBytes: maxRequestBytes });
  } catch (error) {
    if (!(error instanceof CanonicalJsonError)) throw error;
    return { ok: false, reason: error.message };
  }
  if (!isObject(value)) return { ok: false, reason: "expected an object" };
  const { mac: found, ...fields } = value;
  if (typeof found !== "string" || !macPattern.test(found)) {
    return { ok: false, reason: "no message authentication code" };
  }
  const expected = mac(key, direction, fields);
  if (!timingSafeEqual(Buffer.from(found), Buffer.from(expected))) {
    return { ok: false, reason: "the message authentication code does not match" };
  }
  return { ok: true, fields };
}

function mac(key: Uint8Array, direction: Direction, fields: Fields): string {
  if (key.length !== commandKeyLength) {
    throw new SubstrateCommandError(
      "KEY",
      `expected a key of ${commandKeyLength} bytes, found ${key.length}`,
    );
  }
  return createHmac("sha256", key)
    .update(`gaiaftcl.substrate.command.v1 ${direction}\n`)
    .update(encode(fields))
    .digest("hex");
}

function checkNonce(nonce: string): void {
  if (noncePattern.test(nonce)) return;
  throw new SubstrateCommandError("NONCE", "expected a nonce of 32 lower-case hex digits");
}

function isObject(value: JsonValue | undefined): value is { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
