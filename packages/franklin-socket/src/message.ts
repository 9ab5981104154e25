import { CanonicalJsonError, decode, encode, type JsonValue } from "@gaiaftcl/canonical-json";
import * as v from "valibot";
import { FranklinError } from "./franklin-error.js";

/** `{"op":"challenge",…}`: what the server sends first. */
export interface ChallengeMessage {
  readonly op: "challenge";
  readonly challenge: string;
}

/** `{"op":"handshake",…}`: the client's one answer to it. */
export interface HandshakeMessage {
  readonly op: "handshake";
  readonly operator_context: string;
  readonly signature: string;
}

/** `{"accepted":…}`: the server's verdict, and later the way it takes its acceptance back. */
export type VerdictMessage =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly reason: string };

/** A response, before its seal is verified. */
export interface ResponseMessage {
  readonly request_id: string;
  readonly outcome: unknown;
  readonly canonical_witness: string;
  readonly witness_hash: string;
  readonly signature_quintet: readonly string[];
}

const challengeSchema = v.object({ op: v.literal("challenge"), challenge: v.string() });

const handshakeSchema = v.object({
  op: v.literal("handshake"),
  operator_context: v.string(),
  signature: v.string(),
});

const verdictSchema = v.variant("accepted", [
  v.object({ accepted: v.literal(true) }),
  v.object({ accepted: v.literal(false), reason: v.string() }),
]);

const responseSchema = v.object({
  request_id: v.string(),
  outcome: v.unknown(),
  canonical_witness: v.string(),
  witness_hash: v.string(),
  signature_quintet: v.array(v.string()),
});

/**
 * Reads the payload of a frame: strict JSON in any order of keys and spacing. Neither side relies
 * on how the other wrote its text, since digests are computed from the values.
 *
 * @throws FranklinError `FRAME_INVALID` with the reason and byte offset
 */
export function decodeMessage(payload: Uint8Array): JsonValue {
  try {
    return decode(payload, { maxBytes: payload.length });
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    const where = cause.offset === undefined ? "" : ` (byte ${cause.offset})`;
    throw new FranklinError("FRAME_INVALID", `expected strict JSON${where}: ${cause.message}`, {
      cause,
    });
  }
}

export function challengeText(challenge: string): string {
  return encode({ op: "challenge", challenge });
}

export function handshakeText(operatorContext: string, signature: string): string {
  return encode({ op: "handshake", operator_context: operatorContext, signature });
}

export const ACCEPTED_TEXT: string = encode({ accepted: true });

/** A refusal or, later, a withdrawal. The reason begins with a code that a program can look at. */
export function refusalText(error: FranklinError): string {
  return encode({ accepted: false, reason: `${error.code}: ${error.message}` });
}

/** The code at the head of a reason, where it has one. */
export function reasonCode(reason: string): string | undefined {
  return /^([A-Z][A-Z_]{0,63}): /.exec(reason)?.[1];
}

/** The canonical text of a request whose arguments are canonical text already. */
export function requestText(method: string, argsJson: string, requestId: string): string {
  return `{"args":${argsJson},"method":${encode(method)},"request_id":${encode(requestId)}}`;
}

/** What stands beside the outcome in a response. */
export interface ResponseSeal {
  readonly canonicalWitness: string;
  readonly witnessHash: string;
  readonly quintet: readonly string[];
}

/** The canonical text of a response whose outcome is canonical text already. */
export function responseText(requestId: string, outcomeJson: string, seal: ResponseSeal): string {
  return `{"canonical_witness":${encode(seal.canonicalWitness)},"outcome":${outcomeJson},"request_id":${encode(requestId)},"signature_quintet":${encode(seal.quintet)},"witness_hash":${encode(seal.witnessHash)}}`;
}

/** An outcome that no row could be sealed for: the response has no witness, and says so. */
export const UNSEALED: ResponseSeal = { canonicalWitness: "", witnessHash: "", quintet: [] };

/** Each of these returns `undefined` for a message of another kind. */
export function asChallenge(message: JsonValue): ChallengeMessage | undefined {
  return matching(challengeSchema, message);
}

export function asHandshake(message: JsonValue): HandshakeMessage | undefined {
  return matching(handshakeSchema, message);
}

export function asVerdict(message: JsonValue): VerdictMessage | undefined {
  return matching(verdictSchema, message);
}

export function asResponse(message: JsonValue): ResponseMessage | undefined {
  return matching(responseSchema, message);
}

function matching<Schema extends v.GenericSchema>(
  schema: Schema,
  value: JsonValue,
): v.InferOutput<Schema> | undefined {
  const result = v.safeParse(schema, value);
  return result.success ? result.output : undefined;
}
