import { getPublicKey, hashes, sign as nobleSign, Point } from "@noble/ed25519";
import { sha256 as nobleSha256, sha512 } from "@noble/hashes/sha2.js";
import type { Signer, Verifier } from "./engine.js";
import { encodeHex } from "./hex.js";
import { integerOf, isEqual } from "./little-endian.js";
import { reducedScalar } from "./scalar.js";

export const engineName = "noble";

export function sha256(data: Uint8Array | string): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  return encodeHex(nobleSha256(bytes));
}

export function sha256Binary(data: Uint8Array): string {
  return String.fromCharCode(...nobleSha256(data));
}

export function randomBytes(length: number): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(length));
}

export function importSeed(seed: Uint8Array): Signer {
  // noble takes its hash from a slot, which it leaves empty for the synchronous interface.
  hashes.sha512 ??= sha512;
  const secret = Uint8Array.from(seed);
  return {
    publicKey: getPublicKey(secret),
    sign: (message) => nobleSign(message, secret),
  };
}

/**
 * noble's own `verify` multiplies the equation by the cofactor and so accepts signatures that the
 * other engine refuses. Here `[S]B - [k]A` is computed and its encoding compared with R.
 */
export function importPublicKey(publicKey: Uint8Array): Verifier {
  const encoded = Uint8Array.from(publicKey);
  const a = Point.fromBytes(encoded);
  return (message, signature) => {
    const r = signature.subarray(0, 32);
    const s = integerOf(signature.subarray(32));
    const digest = sha512.create().update(r).update(encoded).update(message).digest();
    const k = reducedScalar(digest);
    const expected = Point.BASE.multiply(s, false).subtract(a.multiply(k, false)).toBytes();
    return isEqual(expected, r);
  };
}
