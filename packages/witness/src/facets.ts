import { sha256 } from "#engine";
import type { FederationContext, Quintet } from "./contexts.js";
import { identityValues, type SealIdentity } from "./identity.js";
import { ensureSha256Hex, type Sha256Hex } from "./sha256.js";

/**
 * The five facets of a seal, in the order of the contexts (cell format, section 2): the SHA-256 of
 * `cell_id|context|value|witness_hash`, where the value is the cell id, the domain id, the artifact
 * path, the witness hash and the block height in turn.
 *
 * @throws WitnessError `IDENTITY_TEXT`, `ILL_FORMED_TEXT`, `TAU_BLOCK` or `HASH`
 */
export function facets(identity: SealIdentity, hash: Sha256Hex): Quintet<Sha256Hex> {
  ensureSha256Hex(hash);
  const { cellId, domainId, leanArtifactPath, tauBlock } = identityValues(identity);
  const facet = (context: FederationContext, value: string): Sha256Hex =>
    sha256(`${cellId}|${context}|${value}|${hash}`) as Sha256Hex;
  return [
    facet("cell_id", cellId),
    facet("domain_id", domainId),
    facet("lean_artifact_path", leanArtifactPath),
    facet("payload_sha256", hash),
    facet("tau_block", tauBlock),
  ];
}
