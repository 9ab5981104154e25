import { ensureIdentityText, WitnessError } from "@gaiaftcl/witness";
import { ManifestError } from "./manifest-error.js";

/** The parts of a manifest that its facets bind; an empty lean path is the same as none. */
export interface Identity {
  readonly cellId: string;
  readonly domainId: string;
  readonly leanArtifactPath: string | undefined;
  readonly tauBlock: number | undefined;
}

/**
 * Checks the identity of a manifest (cell format, sections 2 and 3).
 *
 * @throws ManifestError `IDENTITY` or `TAU_BLOCK`
 */
export function ensureIdentity(found: {
  readonly cellId: string;
  readonly domainId: string;
  readonly leanArtifactPath?: string | undefined;
  readonly tauBlock?: bigint | number | undefined;
}): Identity {
  const leanArtifactPath = identityText("lean_artifact_path", found.leanArtifactPath ?? "");
  return {
    cellId: identityText("cell_id", found.cellId),
    domainId: identityText("domain_id", found.domainId),
    leanArtifactPath: leanArtifactPath === "" ? undefined : leanArtifactPath,
    tauBlock: found.tauBlock === undefined ? undefined : ensureTauBlock(found.tauBlock),
  };
}

/** A manifest is JSON that any reader may parse into doubles, so the height must be exact in one. */
function ensureTauBlock(tauBlock: bigint | number): number {
  const height = typeof tauBlock === "bigint" ? Number(tauBlock) : tauBlock;
  // Adding zero turns -0 into 0.
  if (Number.isSafeInteger(height) && height >= 0) return height + 0;
  throw new ManifestError(
    "TAU_BLOCK",
    `expected tau_block as a safe integer from 0, found ${String(tauBlock)}`,
  );
}

function identityText(name: string, value: string): string {
  try {
    return ensureIdentityText(name, value);
  } catch (cause) {
    if (!(cause instanceof WitnessError)) throw cause;
    throw new ManifestError("IDENTITY", cause.message, { cause });
  }
}
