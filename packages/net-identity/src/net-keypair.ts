import { createPrivateKey, createPublicKey } from "node:crypto";
import { NetIdentityError } from "./net-identity-error.js";
import { type RandomBytes, systemRandomBytes } from "./random.js";

const KEY_BYTES = 32;
/** RFC 8410: what stands in front of the 32 bytes of an X25519 private key in PKCS #8. */
const PKCS8_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20];

/** An X25519 key pair, 32 bytes each: the static key of a node's handshakes, and not its identity. */
export interface NetKeypair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/**
 * A new X25519 key pair for a node's handshakes (Net identity format, section 1.2). Nothing ties it to
 * the node's identity. Net 0.19.0 writes both keys as lower-case hex.
 */
export function generateNetKeypair(randomBytes: RandomBytes = systemRandomBytes): NetKeypair {
  return netKeypairOf(randomBytes(KEY_BYTES));
}

/** The key pair of a secret key. @throws NetIdentityError `ARGUMENT` when it is not 32 bytes. */
export function netKeypairOf(secretKey: Uint8Array): NetKeypair {
  if (!(secretKey instanceof Uint8Array) || secretKey.length !== KEY_BYTES) {
    throw new NetIdentityError("ARGUMENT", "expected the 32 bytes of an X25519 secret key");
  }
  const key = createPrivateKey({
    key: Buffer.from([...PKCS8_HEAD, ...secretKey]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: new Uint8Array(spki.subarray(-KEY_BYTES)),
    secretKey: Uint8Array.from(secretKey),
  };
}
