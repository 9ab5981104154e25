import {
  createPrivateKey,
  createPublicKey,
  randomBytes as cryptoRandomBytes,
  sign as cryptoSign,
  verify as cryptoVerify,
  hash,
} from "node:crypto";
import type { Signer, Verifier } from "./engine.js";
import { encodePkcs8, encodeSpki, SPKI_KEY_OFFSET } from "./key-der.js";

export const engineName = "node";

export function sha256(data: Uint8Array | string): string {
  return hash("sha256", data, "hex");
}

export function sha256Binary(data: Uint8Array): string {
  return hash("sha256", data, "latin1");
}

export function randomBytes(length: number): Uint8Array {
  return new Uint8Array(cryptoRandomBytes(length));
}

export function importSeed(seed: Uint8Array): Signer {
  const key = createPrivateKey({
    key: Buffer.from(encodePkcs8(seed)),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: new Uint8Array(spki.subarray(SPKI_KEY_OFFSET)),
    sign: (message) => new Uint8Array(cryptoSign(null, message, key)),
  };
}

export function importPublicKey(publicKey: Uint8Array): Verifier {
  const key = createPublicKey({
    key: Buffer.from(encodeSpki(publicKey)),
    format: "der",
    type: "spki",
  });
  return (message, signature) => cryptoVerify(null, message, key, signature);
}
