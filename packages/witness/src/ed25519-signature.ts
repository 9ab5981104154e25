import { type PrivateKey, type PublicKey, signerOf, verifierOf } from "./ed25519-keys.js";
import { refusedEncoding } from "./point-encoding.js";
import { isReducedScalar } from "./scalar.js";
import { WitnessError } from "./witness-error.js";

const SIGNATURE_BYTES = 64;

/**
 * Signs a message (RFC 8032, section 5.1.6): 64 bytes, the same for the same key and message.
 *
 * @throws WitnessError `ARGUMENT`
 */
export function sign(privateKey: PrivateKey, message: Uint8Array): Uint8Array {
  ensureMessage(message);
  return signerOf(privateKey).sign(message);
}

/**
 * Whether a signature is good. One table of verdicts on every runtime (cell format, section 2): S is
 * below L, R is canonical and not of small order (the key was checked when it was loaded), and the
 * cofactorless equation of RFC 8032, section 5.1.7, holds. A signature of another length is not good.
 *
 * @throws WitnessError `ARGUMENT` when the key or message has the wrong type.
 */
export function verify(publicKey: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  const verifier = verifierOf(publicKey);
  ensureMessage(message);
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) return false;
  if (!isReducedScalar(signature.subarray(32))) return false;
  if (refusedEncoding(signature.subarray(0, 32)) !== undefined) return false;
  return verifier(message, signature);
}

function ensureMessage(message: Uint8Array): void {
  if (message instanceof Uint8Array) return;
  throw new WitnessError("ARGUMENT", `expected the bytes of a message, found ${typeof message}`);
}
