import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from "node:crypto";
import { blake2s } from "@noble/hashes/blake2.js";
import { hmac } from "@noble/hashes/hmac.js";

/** The functions a Noise protocol is made of (Noise revision 34, sections 4 and 12). */
export interface NoiseSuite {
  /** The hash's part of a protocol name. */
  readonly hashName: string;
  readonly hash: (data: Uint8Array) => Uint8Array;
  readonly hmac: (key: Uint8Array, data: Uint8Array) => Uint8Array;
}

/** Hashes of Net's handshakes: BLAKE2s, block 64 and output 32 bytes. */
export const blake2sSuite: NoiseSuite = {
  hashName: "BLAKE2s",
  hash: (data) => blake2s(data),
  hmac: (key, data) => hmac(blake2s, key, data),
};

/** An X25519 key pair; both halves are 32 bytes. */
export interface DhKeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

// The DER headers of RFC 8410 in front of a raw X25519 key.
const PKCS8_HEADER = Uint8Array.from([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20,
]);
const SPKI_HEADER = Uint8Array.from([
  0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00,
]);

const TAG_BYTES = 16;

/** The key pair of a 32-byte X25519 secret. */
export function dhKeyPair(secretKey: Uint8Array): DhKeyPair {
  const spki = createPublicKey(privateKeyOf(secretKey)).export({ format: "der", type: "spki" });
  return { publicKey: new Uint8Array(spki.subarray(SPKI_HEADER.length)), secretKey };
}

/**
 * DH of Noise with X25519 (RFC 7748): 32 bytes, or undefined for a public key that gives all zero,
 * which says that the other side chose a point of small order.
 */
export function dh(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    const der = Buffer.concat([SPKI_HEADER, publicKey]);
    const shared = diffieHellman({
      privateKey: privateKeyOf(secretKey),
      publicKey: createPublicKey({ key: der, format: "der", type: "spki" }),
    });
    return shared.some((byte) => byte !== 0) ? new Uint8Array(shared) : undefined;
  } catch {
    // OpenSSL refuses small-order points itself.
    return undefined;
  }
}

/** ENCRYPT of Noise with ChaCha20-Poly1305: ciphertext and tag. */
export function encrypt(
  key: Uint8Array,
  counter: number,
  associatedData: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, nonceOf(counter), {
    authTagLength: TAG_BYTES,
  });
  cipher.setAAD(associatedData, { plaintextLength: plaintext.length });
  const body = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([body, cipher.getAuthTag()]);
}

/** DECRYPT of Noise; undefined when the tag does not verify. */
export function decrypt(
  key: Uint8Array,
  counter: number,
  associatedData: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  const bodyLength = ciphertext.length - TAG_BYTES;
  if (bodyLength < 0) {
    return undefined;
  }
  const decipher = createDecipheriv("chacha20-poly1305", key, nonceOf(counter), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associatedData, { plaintextLength: bodyLength });
  decipher.setAuthTag(ciphertext.subarray(bodyLength));
  const plaintext = decipher.update(ciphertext.subarray(0, bodyLength));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return new Uint8Array(plaintext);
}

/** REKEY of Noise (section 4.2): the first 32 bytes of an encryption of zeros under the last nonce. */
export function rekey(key: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(12).fill(0xff, 4);
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: TAG_BYTES });
  const next = new Uint8Array(cipher.update(new Uint8Array(32)));
  cipher.final();
  return next;
}

function nonceOf(counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setUint32(4, counter, true);
  return nonce;
}

function privateKeyOf(secretKey: Uint8Array): KeyObject {
  return createPrivateKey({
    key: Buffer.concat([PKCS8_HEADER, secretKey]),
    format: "der",
    type: "pkcs8",
  });
}
