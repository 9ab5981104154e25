import { encodeBase64Url } from "./base64.js";
import { CONTEXTS, type FederationContext, positionOf, type Quintet } from "./contexts.js";
import { type Cosignature, cosignatureMessage } from "./cosignature.js";
import { type PrivateKey, publicKeyOf, publicKeyToHex } from "./ed25519-keys.js";
import { sign } from "./ed25519-signature.js";
import { facets } from "./facets.js";
import type { SealIdentity } from "./identity.js";
import {
  formatCosigned,
  formatFacet,
  parseQuintetEntry,
  type QuintetForm,
} from "./quintet-entry.js";
import { type Sha256Hex, witnessHash } from "./sha256.js";
import { quote, WitnessError } from "./witness-error.js";

/** A canonical witness with what proves it. */
export interface Seal {
  readonly canonicalWitness: string;
  readonly witnessHash: Sha256Hex;
  /** One entry for each context, in their order. */
  readonly quintet: Quintet<string>;
}

/**
 * Seals a canonical witness: its hash and its five facets, each in the form asked for (cell format,
 * section 2). No secret is involved: whoever has the text can make the same seal.
 *
 * @throws WitnessError `IDENTITY_TEXT`, `TAU_BLOCK`, `ILL_FORMED_TEXT` or `QUINTET_FORM`
 */
export function sealWitness(
  identity: SealIdentity,
  canonicalWitness: string,
  form: QuintetForm,
): Seal {
  if (form !== "facet" && form !== "selfsigned") {
    throw new WitnessError(
      "QUINTET_FORM",
      `expected the form "facet" or "selfsigned", found ${quote(String(form))}`,
    );
  }
  const hash = witnessHash(canonicalWitness);
  const [cell, domain, path, payload, tau] = facets(identity, hash);
  return {
    canonicalWitness,
    witnessHash: hash,
    quintet: [
      formatFacet(form, cell),
      formatFacet(form, domain),
      formatFacet(form, path),
      formatFacet(form, payload),
      formatFacet(form, tau),
    ],
  };
}

/**
 * Replaces the entry of one context by `ed25519:<facet>:<signature>`. The other entries stay as they
 * are, so five holders can cosign in any order and on different hosts. An earlier cosignature of the
 * same context is replaced.
 *
 * @throws WitnessError `SEAL` when the hash or the entry does not recompute: nobody signs what does
 *   not hold. `CONTEXT`, `IDENTITY_TEXT`, `TAU_BLOCK` and `ARGUMENT` for unusable arguments.
 */
export function cosign(
  identity: SealIdentity,
  seal: Seal,
  context: FederationContext,
  key: PrivateKey,
): Seal {
  const { facet, signature } = signFacet(identity, seal, context, key);
  const [cell, domain, path, payload, tau] = seal.quintet;
  const entry = (position: FederationContext, current: string): string =>
    position === context ? formatCosigned(facet, signature) : current;
  return {
    ...seal,
    quintet: [
      entry("cell_id", cell),
      entry("domain_id", domain),
      entry("lean_artifact_path", path),
      entry("payload_sha256", payload),
      entry("tau_block", tau),
    ],
  };
}

/**
 * The cosignature of one context on its own, for rows, whose quintet stays five facets.
 *
 * @throws WitnessError as {@link cosign}
 */
export function cosignFacet(
  identity: SealIdentity,
  seal: Seal,
  context: FederationContext,
  key: PrivateKey,
): Cosignature {
  const { signature } = signFacet(identity, seal, context, key);
  return { context, publicKey: publicKeyToHex(publicKeyOf(key)), signature };
}

function signFacet(
  identity: SealIdentity,
  seal: Seal,
  context: FederationContext,
  key: PrivateKey,
): { readonly facet: Sha256Hex; readonly signature: string } {
  const position = positionOf(context);
  const hash = witnessHash(seal.canonicalWitness);
  if (hash !== seal.witnessHash) {
    throw new WitnessError(
      "SEAL",
      `expected the witness hash ${hash} of the text, found ${quote(String(seal.witnessHash))}`,
    );
  }
  if (seal.quintet.length !== CONTEXTS.length) {
    throw new WitnessError(
      "SEAL",
      `expected a quintet of ${CONTEXTS.length} entries, found ${seal.quintet.length}`,
    );
  }
  const facet = facets(identity, hash)[position] as Sha256Hex;
  const entry = parseQuintetEntry(String(seal.quintet[position]));
  if (!("facet" in entry) || entry.facet !== facet) {
    throw new WitnessError(
      "SEAL",
      `expected the entry of ${context} to carry the facet ${facet}, found ${quote(String(seal.quintet[position]))}; seal the witness again before cosigning`,
    );
  }
  const message = cosignatureMessage(context, seal.canonicalWitness, facet);
  return { facet, signature: encodeBase64Url(sign(key, message)) };
}
