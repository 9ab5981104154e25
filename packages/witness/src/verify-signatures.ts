import { CONTEXTS, type FederationContext } from "./contexts.js";
import { type Cosignature, cosignatureMessage } from "./cosignature.js";
import { type PublicKey, publicKeyToHex } from "./ed25519-keys.js";
import { verify } from "./ed25519-signature.js";
import { type FederationKeys, federationKeysFault } from "./federation-keys.js";
import { decodeSignature, type QuintetEntry } from "./quintet-entry.js";
import type { Sha256Hex } from "./sha256.js";
import type { Check } from "./verification-report.js";

/** What the signatures of one seal are checked against. */
export interface SignatureSubject {
  readonly canonicalWitness: string;
  /** The recomputed facets, or undefined when the witness or identity is unusable. */
  readonly facets: readonly Sha256Hex[] | undefined;
  /** The entries of the quintet, or none when it has not five texts. */
  readonly entries: readonly QuintetEntry[];
  readonly keys: FederationKeys | undefined;
  readonly cosignatures: readonly Cosignature[];
}

const NO_KEYS: readonly Check[] = CONTEXTS.map((context) => ({
  name: `signature.${context}`,
  status: "skipped",
  detail: "no federation keys were given",
}));

/** Adds one check for each context, and those of the keys; true when all five are signed. */
export function checkSignatures(checks: Check[], subject: SignatureSubject): boolean {
  const repeated = repeatedSignature(subject.entries, subject.cosignatures);
  if (repeated !== undefined) {
    checks.push({ name: "signatures.distinct", status: "failed", detail: repeated });
  }
  const { keys } = subject;
  if (keys === undefined) {
    checks.push(...NO_KEYS);
    return false;
  }
  const fault = federationKeysFault(keys);
  checks.push(
    fault === undefined
      ? { name: "keys", status: "passed" }
      : { name: "keys", status: "failed", detail: fault },
  );

  let signed = repeated === undefined && fault === undefined;
  CONTEXTS.forEach((context, position) => {
    const key = keys.keys.get(context);
    const problem =
      key === undefined
        ? "there is no key for it"
        : signatureProblem(context, position, key, subject);
    signed &&= problem === undefined;
    checks.push({
      name: `signature.${context}`,
      ...(problem === undefined ? { status: "passed" } : { status: "failed", detail: problem }),
    });
  });
  return signed;
}

/** Why a context does not count as signed, or undefined when it does. */
function signatureProblem(
  context: FederationContext,
  position: number,
  key: PublicKey,
  subject: SignatureSubject,
): string | undefined {
  const facet = subject.facets?.[position];
  if (facet === undefined) return "there is no facet that could be signed";
  const hex = publicKeyToHex(key);
  const message = cosignatureMessage(context, subject.canonicalWitness, facet);

  const entry = subject.entries[position];
  if (entry?.form === "ed25519") {
    return verify(key, message, entry.signature)
      ? undefined
      : `the signature is not one of the key ${hex} over this witness and facet`;
  }
  const beside = subject.cosignatures.filter(
    (cosignature) => cosignature.context === context && cosignature.publicKey === hex,
  );
  const valid = beside.some((cosignature) => {
    const signature = decodeSignature(cosignature.signature);
    return signature !== undefined && verify(key, message, signature);
  });
  if (valid) return undefined;
  return beside.length === 0
    ? `no signature of the key ${hex}`
    : `none of ${beside.length} cosignatures in the name of the key ${hex} is valid`;
}

/** A signature that stands at two positions; each binds its context, so one of them is a copy. */
function repeatedSignature(
  entries: readonly QuintetEntry[],
  cosignatures: readonly Cosignature[],
): string | undefined {
  const contextOf = new Map<string, string>();
  const repeats = (signature: string, context: string): string | undefined => {
    const other = contextOf.get(signature);
    if (other !== undefined && other !== context) {
      return `the same signature stands at ${other} and ${context}`;
    }
    contextOf.set(signature, context);
    return undefined;
  };
  let found: string | undefined;
  entries.forEach((entry, position) => {
    if (entry.form === "ed25519") found ??= repeats(entry.signatureText, CONTEXTS[position] ?? "");
  });
  for (const { signature, context } of cosignatures) found ??= repeats(signature, context);
  return found;
}
