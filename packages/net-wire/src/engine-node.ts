import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import type { AgreementKey } from "./engine.js";

export const engineName = "node";

// The DER header of RFC 8410 in front of a raw X25519 secret.
const PKCS8_HEADER = Buffer.from("302e020100300506032b656e04220420", "hex");

interface ImportedSecret {
  readonly bytes: Uint8Array;
  readonly key: KeyObject;
}

/** Importing a secret costs more than an agreement with it, and most secrets serve twice or more. */
const imported = new WeakMap<Uint8Array, ImportedSecret>();

export function generateKey(): AgreementKey {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return { publicKey: rawPublicKey(publicKey), agree: (theirs) => agreeWith(privateKey, theirs) };
}

export function publicKeyOf(secretKey: Uint8Array): Uint8Array {
  return rawPublicKey(createPublicKey(privateKeyOf(secretKey)));
}

export function agree(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  return agreeWith(privateKeyOf(secretKey), publicKey);
}

export function blake2s(data: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("blake2s256").update(data).digest());
}

export function hkdfBlake2s(
  chainingKey: Uint8Array,
  input: Uint8Array,
  length: number,
): Uint8Array {
  return new Uint8Array(hkdfSync("blake2s256", input, chainingKey, "", length));
}

function agreeWith(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    const x = Buffer.from(publicKey).toString("base64url");
    const shared = diffieHellman({
      privateKey,
      publicKey: createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" }),
    });
    return shared.some((byte) => byte !== 0) ? new Uint8Array(shared) : undefined;
  } catch {
    // OpenSSL refuses points of small order itself.
    return undefined;
  }
}

function rawPublicKey(key: KeyObject): Uint8Array {
  // The quickest export there is.
  const { x } = key.export({ format: "jwk" });
  return new Uint8Array(Buffer.from(x as string, "base64url"));
}

function privateKeyOf(secretKey: Uint8Array): KeyObject {
  const known = imported.get(secretKey);
  if (known !== undefined && Buffer.compare(known.bytes, secretKey) === 0) {
    return known.key;
  }
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_HEADER, secretKey]),
    format: "der",
    type: "pkcs8",
  });
  imported.set(secretKey, { bytes: Uint8Array.from(secretKey), key });
  return key;
}
