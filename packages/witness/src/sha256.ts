import { sha256Binary as binary, sha256 } from "#engine";
import { ensureWellFormed } from "./text.js";
import { quote, WitnessError } from "./witness-error.js";

declare const brand: unique symbol;

/** A SHA-256 value as 64 lower-case hex digits. */
export type Sha256Hex = string & { readonly [brand]: "Sha256Hex" };

const SHA256_HEX = /^[0-9a-f]{64}$/;

/** Whether a value is 64 lower-case hex digits. */
export function isSha256Hex(value: unknown): value is Sha256Hex {
  return typeof value === "string" && SHA256_HEX.test(value);
}

/**
 * The value itself, when it is 64 lower-case hex digits.
 *
 * @throws WitnessError `HASH`
 */
export function ensureSha256Hex(value: unknown): Sha256Hex {
  if (isSha256Hex(value)) return value;
  const found = typeof value === "string" ? quote(value) : typeof value;
  throw new WitnessError("HASH", `expected 64 lower-case hex digits of SHA-256, found ${found}`);
}

/**
 * SHA-256 of bytes, or of the UTF-8 form of a text.
 *
 * @throws WitnessError `ILL_FORMED_TEXT` for a text with a lone surrogate: it has no UTF-8 form, and
 *   the usual replacement character would give different texts one hash.
 */
export function sha256Hex(data: Uint8Array | string): Sha256Hex {
  if (typeof data === "string") return sha256(ensureWellFormed("the text", data)) as Sha256Hex;
  if (data instanceof Uint8Array) return sha256(data) as Sha256Hex;
  throw new WitnessError("ARGUMENT", `expected bytes or a text to hash, found ${typeof data}`);
}

/**
 * SHA-256 of bytes as a text of 32 characters, one for each byte: what is made fastest where a hash is
 * only compared.
 */
export function sha256Binary(data: Uint8Array): string {
  if (data instanceof Uint8Array) return binary(data);
  throw new WitnessError("ARGUMENT", `expected bytes to hash, found ${typeof data}`);
}

/**
 * The witness hash of a canonical witness: the SHA-256 of its UTF-8 form (cell format, section 2).
 *
 * @throws WitnessError `ILL_FORMED_TEXT`
 */
export function witnessHash(canonicalWitness: string): Sha256Hex {
  return sha256(ensureWellFormed("the canonical witness", canonicalWitness)) as Sha256Hex;
}
