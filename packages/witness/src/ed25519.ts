export { type Base64Options, decodeBase64, encodeBase64, encodeBase64Url } from "./base64.js";
export {
  engine,
  generateKeyPair,
  isSamePublicKey,
  type KeyPair,
  type PrivateKey,
  type PublicKey,
  parsePublicKey,
  privateKeyFromPem,
  privateKeyFromSeed,
  privateKeyToPem,
  publicKeyFromBytes,
  publicKeyOf,
  publicKeyToBytes,
  publicKeyToHex,
  publicKeyToPem,
} from "./ed25519-keys.js";
export { sign, verify } from "./ed25519-signature.js";
export { decodeHex, encodeHex } from "./hex.js";
export { WitnessError, type WitnessErrorCode } from "./witness-error.js";
