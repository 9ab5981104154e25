import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FederationContext } from "./contexts.js";
import { parsePublicKey, privateKeyFromSeed } from "./ed25519.js";
import type { PrivateKey } from "./ed25519-keys.js";
import { type FederationKeys, federationKeys } from "./federation-keys.js";
import { decodeHex } from "./hex.js";
import type { SealIdentity } from "./identity.js";

interface ManifestVector {
  readonly cell_id: string;
  readonly domain_id: string;
  readonly lean_artifact_path?: string;
  readonly tau_block?: number;
  readonly canonical_witness: string;
  readonly witness_hash_sha256: string;
  readonly signature_quintet: readonly string[];
}

export interface CellVectors {
  readonly keys: Readonly<
    Record<FederationContext, { readonly seed: string; readonly public: string }>
  >;
  readonly facets: readonly {
    readonly cell_id: string;
    readonly domain_id: string;
    readonly lean_artifact_path: string;
    readonly tau_block: string;
    readonly canonical_witness: string;
    readonly witness_hash_sha256: string;
    readonly facets: readonly string[];
  }[];
  readonly manifests: readonly {
    readonly unsigned: ManifestVector;
    readonly signed: ManifestVector;
    readonly signed_messages_hex: readonly string[];
  }[];
  readonly handshake: {
    readonly operator_seed: string;
    readonly operator_public: string;
    readonly challenge_hex: string;
    readonly reply: { readonly signature: string };
  };
}

export const vectors: CellVectors = JSON.parse(
  readFileSync(join(import.meta.dirname, "../vectors/cell.json"), "utf8"),
);

const named = Object.entries(vectors.keys) as [
  FederationContext,
  { readonly seed: string; readonly public: string },
][];

/** The five private keys of the vectors. */
const privateKeys: ReadonlyMap<FederationContext, PrivateKey> = new Map(
  named.map(([context, key]) => [context, privateKeyFromSeed(decodeHex(key.seed))]),
);

/** The five public keys of the vectors. */
export const trusted: FederationKeys = federationKeys(
  named.map(([context, key]) => [context, parsePublicKey(key.public)] as const),
);

export function privateKeyOf(context: FederationContext): PrivateKey {
  const key = privateKeys.get(context);
  if (key === undefined) throw new RangeError(`the vectors have no key for ${context}`);
  return key;
}

export function identityOf(document: {
  readonly cell_id: string;
  readonly domain_id: string;
  readonly lean_artifact_path?: string;
  readonly tau_block?: number | string;
}): SealIdentity {
  const { lean_artifact_path: path, tau_block: tau } = document;
  return {
    cellId: document.cell_id,
    domainId: document.domain_id,
    ...(path === undefined ? {} : { leanArtifactPath: path }),
    ...(tau === undefined || tau === "" ? {} : { tauBlock: BigInt(tau) }),
  };
}
