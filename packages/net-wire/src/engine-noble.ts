import { x25519 } from "@noble/curves/ed25519.js";
import { blake2s } from "@noble/hashes/blake2.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import type { AgreementKey } from "./engine.js";

export { blake2s };

export const engineName = "noble";

export function generateKey(): AgreementKey {
  const { secretKey, publicKey } = x25519.keygen();
  return { publicKey, agree: (theirs) => agree(secretKey, theirs) };
}

export function publicKeyOf(secretKey: Uint8Array): Uint8Array {
  return x25519.getPublicKey(secretKey);
}

export function agree(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    return x25519.getSharedSecret(secretKey, publicKey);
  } catch {
    // noble refuses points of small order.
    return undefined;
  }
}

export function hkdfBlake2s(
  chainingKey: Uint8Array,
  input: Uint8Array,
  length: number,
): Uint8Array {
  return hkdf(blake2s, input, chainingKey, undefined, length);
}
