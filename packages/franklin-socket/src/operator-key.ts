import type { FederationKeys } from "@gaiaftcl/witness";
import { type PublicKey, publicKeyToHex } from "@gaiaftcl/witness/ed25519";
import { FranklinError, quote } from "./franklin-error.js";

const MAX_CONTEXT_BYTES = 255;

/** @throws FranklinError `FEDERATION_KEY` for a key that is, or is revoked as, a federation key. */
export function ensureOperatorKey(
  context: string,
  publicKey: PublicKey,
  federationKeys: FederationKeys | undefined,
): void {
  if (federationKeys === undefined) return;
  const hex = publicKeyToHex(publicKey);
  const held = [...federationKeys.keys].find(([, key]) => publicKeyToHex(key) === hex);
  if (held === undefined && !federationKeys.revoked.has(hex)) return;
  throw new FranklinError(
    "FEDERATION_KEY",
    `operator ${quote(context)}: its key is ${held === undefined ? "a revoked federation key" : `the federation key of ${held[0]}`}; ` +
      "an operator signs what a peer chooses, so give it a key of its own with: gaiaftcl keys generate",
  );
}

/** What is wrong with an operator context, or `undefined`. */
export function contextProblem(context: string): string | undefined {
  if (typeof context !== "string") return "it is no text";
  if (context === "") return "it is empty";
  if (Buffer.byteLength(context) > MAX_CONTEXT_BYTES) return `over ${MAX_CONTEXT_BYTES} bytes`;
  if (!context.isWellFormed() || context.normalize("NFC") !== context) return "it is not NFC";
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(context)) return "it has control characters";
  return undefined;
}
