import { CONTEXTS, type FederationContext } from "./contexts.js";
import { type Cosignature, cosignatureMessage } from "./cosignature.js";
import { type PublicKey, publicKeyToHex } from "./ed25519-keys.js";
import { verify } from "./ed25519-signature.js";
import { type FederationKeys, federationKeysFault, keyFor } from "./federation-keys.js";
import { decodeSignature, type QuintetEntry } from "./quintet-entry.js";
import type { Sha256Hex } from "./sha256.js";
import type { Check } from "./verification-report.js";
import { quote } from "./witness-error.js";

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

/**
 * How many cosignatures in the name of one key are tried for a context. A holder makes one; the rest
 * would be junk that somebody put beside a row to make its verification expensive.
 */
const MAX_CANDIDATES = 32;

const DISTINCT: Check = { name: "signatures.distinct", status: "passed" };
const NO_SIGNATURES: Check = {
  name: "signatures.distinct",
  status: "skipped",
  detail: "there are no signatures",
};
const KEYS_USABLE: Check = { name: "keys", status: "passed" };
const NO_KEYS: readonly Check[] = [
  "keys",
  ...CONTEXTS.map((context) => `signature.${context}`),
].map((name) => ({ name, status: "skipped", detail: "no federation keys were given" }));

/** Adds one check for each context, and those of the keys; true when all five are signed. */
export function checkSignatures(checks: Check[], subject: SignatureSubject): boolean {
  const distinct = distinctCheck(subject.entries, subject.cosignatures);
  checks.push(distinct);
  const { keys } = subject;
  if (keys === undefined) {
    checks.push(...NO_KEYS);
    return false;
  }
  const fault = federationKeysFault(keys);
  checks.push(
    fault === undefined ? KEYS_USABLE : { name: "keys", status: "failed", detail: fault },
  );

  let signed = distinct.status === "passed" && fault === undefined;
  CONTEXTS.forEach((context, position) => {
    const key = keyFor(keys, context);
    const problem =
      key === undefined
        ? "there is no key for it"
        : signatureProblem(context, position, key, subject);
    signed &&= problem === undefined;
    const name = `signature.${context}`;
    checks.push(
      problem === undefined
        ? { name, status: "passed" }
        : { name, status: "failed", detail: problem },
    );
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
  const valid = beside.slice(0, MAX_CANDIDATES).some((cosignature) => {
    const signature = decodeSignature(cosignature.signature);
    return signature !== undefined && verify(key, message, signature);
  });
  if (valid) return undefined;
  return beside.length === 0
    ? `no signature of the key ${hex}`
    : `none of ${beside.length} cosignatures in the name of the key ${hex} is valid`;
}

/** Whether any signature stands at two positions: each binds its context, so one would be a copy. */
function distinctCheck(
  entries: readonly QuintetEntry[],
  cosignatures: readonly Cosignature[],
): Check {
  const contextOf = new Map<string, string>();
  const signatures = entries
    .map((entry, position) => ({
      context: CONTEXTS[position] ?? "",
      signature: entry.form === "ed25519" ? entry.signatureText : undefined,
    }))
    .concat(cosignatures);
  for (const { context, signature } of signatures) {
    if (signature === undefined) continue;
    const other = contextOf.get(signature);
    if (other !== undefined && other !== context) {
      const detail = `the same signature stands at ${other} and ${quote(context)}`;
      return { name: "signatures.distinct", status: "failed", detail };
    }
    contextOf.set(signature, context);
  }
  return contextOf.size === 0 ? NO_SIGNATURES : DISTINCT;
}
