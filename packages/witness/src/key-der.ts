import { WitnessError } from "./witness-error.js";

/**
 * The two containers of RFC 8410 for an Ed25519 key. Both have one fixed length and differ from key
 * to key only in their last 32 bytes, so reading one is comparing a prefix: whatever else DER could
 * say (other algorithms, parameters, attributes, unused bits, long lengths) is refused.
 */
const PKCS8_PREFIX = Uint8Array.of(
  // SEQUENCE (46) { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING (32)
  ...[0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70],
  ...[0x04, 0x22, 0x04, 0x20],
);
const SPKI_PREFIX = Uint8Array.of(
  // SEQUENCE (42) { SEQUENCE { OID 1.3.101.112 }, BIT STRING (33) with no unused bits
  ...[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
);

/** Where the key begins in a subject public key info. */
export const SPKI_KEY_OFFSET = 12;

/** A 32-byte seed as PKCS#8 (RFC 8410, section 7). */
export function encodePkcs8(seed: Uint8Array): Uint8Array {
  return concat(PKCS8_PREFIX, seed);
}

/** A 32-byte public key as a subject public key info (RFC 8410, section 4). */
export function encodeSpki(publicKey: Uint8Array): Uint8Array {
  return concat(SPKI_PREFIX, publicKey);
}

/**
 * The seed in a PKCS#8 structure of version 1.
 *
 * @throws WitnessError `PEM`
 */
export function decodePkcs8(der: Uint8Array): Uint8Array {
  return tailAfter(PKCS8_PREFIX, der, "an Ed25519 private key in PKCS#8, version 1");
}

/**
 * The key in a subject public key info.
 *
 * @throws WitnessError `PEM`
 */
export function decodeSpki(der: Uint8Array): Uint8Array {
  return tailAfter(SPKI_PREFIX, der, "an Ed25519 public key in SPKI");
}

function tailAfter(prefix: Uint8Array, der: Uint8Array, what: string): Uint8Array {
  const expectedLength = prefix.length + 32;
  if (der.length !== expectedLength) {
    throw new WitnessError(
      "PEM",
      `expected ${what}, which has ${expectedLength} bytes, found ${der.length} bytes`,
    );
  }
  const difference = prefix.findIndex((byte, index) => byte !== der[index]);
  if (difference !== -1) {
    throw new WitnessError(
      "PEM",
      `expected ${what}, found another structure or kind of key at byte ${difference}`,
    );
  }
  return der.slice(prefix.length);
}

function concat(prefix: Uint8Array, tail: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(prefix.length + tail.length);
  bytes.set(prefix);
  bytes.set(tail, prefix.length);
  return bytes;
}
