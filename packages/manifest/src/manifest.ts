import { encode, type JsonValue } from "@gaiaftcl/canonical-json";
import {
  type FederationContext,
  type Quintet,
  type Seal,
  type SealIdentity,
  type Sha256Hex,
  sealWitness,
  type VerificationReport,
  type VerifySealOptions,
  verifySeal,
  cosign as witnessCosign,
} from "@gaiaftcl/witness";
import type { PrivateKey } from "@gaiaftcl/witness/ed25519";
import {
  type Artifact,
  artifactsDigest,
  ensureArtifact,
  ensureArtifactCount,
  ensureArtifactList,
} from "./artifact.js";
import { compareUtf8 } from "./artifact-path.js";
import { ensureIdentity } from "./identity.js";
import { ManifestError } from "./manifest-error.js";
import { MANIFEST_VERSION, MAX_MANIFEST_BYTES, type Members, readMembers } from "./members.js";
import { ensureProducedAt } from "./produced-at.js";

/** What a manifest is made from; see {@link Manifest.create}. */
export interface ManifestFields {
  readonly cellId: string;
  readonly domainId: string;
  /** Exactly `YYYY-MM-DDThh:mm:ssZ`. */
  readonly producedAtIso: string;
  /** In any order. */
  readonly artifacts: Iterable<{
    readonly path: string;
    readonly sha256: string;
    readonly bytes: number;
  }>;
  readonly leanArtifactPath?: string | undefined;
  /** A block height; a safe integer from 0. */
  readonly tauBlock?: bigint | number | undefined;
}

/**
 * A manifest whose fields are in order and agree with one another: the canonical witness is the one
 * that the fields give, and the witness hash is its hash (cell format, section 3). Whether its quintet
 * holds, and who signed it, is for {@link verifyManifestSeal} to say. Immutable.
 */
export class Manifest {
  readonly cellId: string;
  readonly domainId: string;
  readonly producedAtIso: string;
  readonly leanArtifactPath: string | undefined;
  readonly tauBlock: number | undefined;
  /** In the order of the UTF-8 bytes of their paths. */
  readonly artifacts: readonly Artifact[];
  readonly artifactsDigest: Sha256Hex;
  readonly canonicalWitness: string;
  readonly witnessHash: Sha256Hex;
  /** One entry for each context, in their order. */
  readonly quintet: Quintet<string>;
  /** Members this version does not know: kept when written again, never used. */
  readonly #unknown: Readonly<Record<string, JsonValue>>;
  readonly #unknownOfArtifact: ReadonlyMap<string, Readonly<Record<string, JsonValue>>>;

  private constructor(members: Members, seal: Seal, digest: Sha256Hex) {
    this.cellId = members.cellId;
    this.domainId = members.domainId;
    this.producedAtIso = members.producedAtIso;
    this.leanArtifactPath = members.leanArtifactPath;
    this.tauBlock = members.tauBlock;
    this.artifacts = Object.freeze(members.artifacts.map((artifact) => Object.freeze(artifact)));
    this.artifactsDigest = digest;
    this.canonicalWitness = seal.canonicalWitness;
    this.witnessHash = seal.witnessHash;
    this.quintet = seal.quintet;
    this.#unknown = members.unknown;
    this.#unknownOfArtifact = members.unknownOfArtifact;
    Object.freeze(this.quintet);
    Object.freeze(this);
  }

  /**
   * Reads the bytes of a manifest, which may come from anyone.
   *
   * @throws ManifestError with the code of the first rule that is broken
   */
  static fromJson(input: Uint8Array | string): Manifest {
    const { members, canonicalWitness, witnessHash, quintet } = readMembers(input);
    const digest = artifactsDigest(members.artifacts);
    const expected = sealWitness(identityOf(members), witnessText(members, digest), "selfsigned");
    if (canonicalWitness !== expected.canonicalWitness) {
      throw new ManifestError(
        "WITNESS",
        `expected the canonical witness ${JSON.stringify(expected.canonicalWitness)} from the fields, found ${JSON.stringify(canonicalWitness.slice(0, 1200))}`,
      );
    }
    if (witnessHash !== expected.witnessHash) {
      throw new ManifestError(
        "WITNESS_HASH",
        `expected witness_hash_sha256 ${expected.witnessHash}, found ${JSON.stringify(witnessHash.slice(0, 100))}`,
      );
    }
    return new Manifest(members, { ...expected, quintet }, digest);
  }

  /**
   * An unsigned manifest: its quintet has the `selfsigned:` form. The artifacts are put in order.
   *
   * @throws ManifestError when a field breaks a rule, or the manifest would exceed 16 MiB
   */
  static create(fields: ManifestFields): Manifest {
    const artifacts: Artifact[] = [];
    for (const { path, sha256, bytes } of fields.artifacts) {
      artifacts.push(ensureArtifact(`artifacts[${artifacts.length}]`, { path, sha256, bytes }));
      ensureArtifactCount(artifacts.length);
    }
    artifacts.sort((left, right) => compareUtf8(left.path, right.path));
    ensureArtifactList(artifacts);
    const members: Members = {
      ...ensureIdentity(fields),
      producedAtIso: ensureProducedAt(fields.producedAtIso),
      artifacts,
      unknown: {},
      unknownOfArtifact: new Map(),
    };
    const digest = artifactsDigest(artifacts);
    const seal = sealWitness(identityOf(members), witnessText(members, digest), "selfsigned");
    return within16MiB(new Manifest(members, seal, digest));
  }

  /** The fields that the facets bind. */
  get identity(): SealIdentity {
    return identityOf(this);
  }

  get seal(): Seal {
    const { canonicalWitness, witnessHash, quintet } = this;
    return { canonicalWitness, witnessHash, quintet };
  }

  /** The same manifest with one quintet entry replaced by a signature; see {@link cosign}. */
  cosign(context: FederationContext, key: PrivateKey): Manifest {
    const members: Members = {
      cellId: this.cellId,
      domainId: this.domainId,
      producedAtIso: this.producedAtIso,
      leanArtifactPath: this.leanArtifactPath,
      tauBlock: this.tauBlock,
      artifacts: this.artifacts,
      unknown: this.#unknown,
      unknownOfArtifact: this.#unknownOfArtifact,
    };
    const seal = witnessCosign(this.identity, this.seal, context, key);
    return within16MiB(new Manifest(members, seal, this.artifactsDigest));
  }

  /**
   * The text of the file `manifest.json`: canonical JSON (cell format, section 1), so that equal
   * manifests have equal bytes. Members that were not understood are written as they were read.
   */
  toJson(): string {
    return encode({
      ...this.#unknown,
      manifest_version: MANIFEST_VERSION,
      produced_at_iso: this.producedAtIso,
      cell_id: this.cellId,
      domain_id: this.domainId,
      artifacts: this.artifacts.map(({ path, sha256, bytes }) => ({
        ...this.#unknownOfArtifact.get(path),
        path,
        sha256,
        bytes,
      })),
      canonical_witness: this.canonicalWitness,
      witness_hash_sha256: this.witnessHash,
      signature_quintet: this.quintet,
      lean_artifact_path: this.leanArtifactPath,
      tau_block: this.tauBlock,
    });
  }
}

/**
 * The canonical witness of a manifest (cell format, section 3). Unambiguous, since neither a cell id
 * nor a domain id may hold `;` or `=`.
 */
function witnessText(members: Members, digest: Sha256Hex): string {
  const { cellId, domainId, producedAtIso, artifacts } = members;
  return `manifest;cell=${cellId};domain=${domainId};at=${producedAtIso};count=${artifacts.length};artifacts_digest=${digest}`;
}

function identityOf(members: Pick<Members, keyof ReturnType<typeof ensureIdentity>>): SealIdentity {
  const { cellId, domainId, leanArtifactPath, tauBlock } = members;
  return {
    cellId,
    domainId,
    ...(leanArtifactPath === undefined ? {} : { leanArtifactPath }),
    ...(tauBlock === undefined ? {} : { tauBlock }),
  };
}

function within16MiB(manifest: Manifest): Manifest {
  const size = new TextEncoder().encode(manifest.toJson()).length;
  if (size <= MAX_MANIFEST_BYTES) return manifest;
  throw new ManifestError(
    "TOO_LARGE",
    `expected a manifest of at most ${MAX_MANIFEST_BYTES} bytes, found ${size}: sign the directory in parts`,
  );
}

/**
 * Replaces one entry of the quintet by `ed25519:<facet>:<signature>` (cell format, sections 2 and 3).
 * The others stay as they are, so five holders can cosign in any order, on different hosts.
 *
 * @throws WitnessError `SEAL` when the entry to be replaced does not recompute
 */
export function cosign(manifest: Manifest, context: FederationContext, key: PrivateKey): Manifest {
  return manifest.cosign(context, key);
}

/**
 * Verifies the seal of a manifest and reports every check (cell format, section 2). That the files are
 * the ones it lists is not among them.
 */
export function verifyManifestSeal(
  manifest: Manifest,
  options: Pick<VerifySealOptions, "keys" | "require"> = {},
): VerificationReport {
  // Manifests exist only with the witness that their fields give.
  const expectedWitness = manifest.canonicalWitness;
  return verifySeal(manifest.identity, manifest.seal, { ...options, expectedWitness });
}
