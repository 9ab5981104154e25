import { agree, blake2s, generateKey, hkdfBlake2s, publicKeyOf } from "#engine";
import type { AgreementKey } from "../engine.js";
import { writeU32 } from "../little-endian.js";
import { openMessage, sealMessage } from "../message-cipher.js";

const HASH_BYTES = 32;

/** The hash of a Noise protocol (Noise revision 34, section 4.3), 32 bytes wide here. */
export interface NoiseSuite {
  /** Its part of the protocol name. */
  readonly hashName: string;
  readonly hash: (data: Uint8Array) => Uint8Array;
  /** HKDF with HMAC over this hash: so many outputs of 32 bytes. */
  readonly hkdf: (chainingKey: Uint8Array, input: Uint8Array, outputs: 2 | 3) => Uint8Array[];
}

/** The hash of Net's handshakes: BLAKE2s, block 64 and output 32 bytes. */
export const blake2sSuite: NoiseSuite = {
  hashName: "BLAKE2s",
  hash: blake2s,
  hkdf: (chainingKey, input, outputs) => {
    const bytes = hkdfBlake2s(chainingKey, input, HASH_BYTES * outputs);
    return Array.from({ length: outputs }, (_, index) =>
      bytes.slice(HASH_BYTES * index, HASH_BYTES * (index + 1)),
    );
  },
};

/** An X25519 key pair; both halves are 32 bytes. */
export interface DhKeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** The key pair of a 32-byte X25519 secret. */
export function dhKeyPair(secretKey: Uint8Array): DhKeyPair {
  return { publicKey: publicKeyOf(secretKey), secretKey };
}

/** A fresh key pair from the runtime's secure random source; cheaper than one made of random bytes. */
export function generateAgreementKey(): AgreementKey {
  return generateKey();
}

/**
 * A key pair that DH of Noise with X25519 (RFC 7748) is done with; its `agree` gives nothing for a
 * public key that leads to all zero, which says that the other side chose a point of small order.
 */
export function agreementKey({ publicKey, secretKey }: DhKeyPair): AgreementKey {
  return { publicKey, agree: (theirs) => agree(secretKey, theirs) };
}

/** ENCRYPT of Noise with ChaCha20-Poly1305: ciphertext and tag. */
export function encrypt(
  key: Uint8Array,
  counter: number,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  return sealMessage(key, nonceOf(counter), associatedData, plaintext);
}

/** DECRYPT of Noise; undefined when the tag does not verify. */
export function decrypt(
  key: Uint8Array,
  counter: number,
  associatedData: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  return openMessage(key, nonceOf(counter), associatedData, ciphertext);
}

/** REKEY of Noise (section 4.2): the first 32 bytes of an encryption of zeros under the last nonce. */
export function rekey(key: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(12).fill(0xff, 4);
  return sealMessage(key, nonce, NOTHING, new Uint8Array(32)).slice(0, 32);
}

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  writeU32(nonce, 4, counter);
  return nonce;
}
