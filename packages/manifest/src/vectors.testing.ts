import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  CONTEXTS,
  type FederationContext,
  type FederationKeys,
  federationKeys,
} from "@gaiaftcl/witness";
import { decodeHex, generateKeyPair, type KeyPair } from "@gaiaftcl/witness/ed25519";

export interface WireManifest {
  readonly manifest_version: string;
  readonly produced_at_iso: string;
  readonly cell_id: string;
  readonly domain_id: string;
  readonly artifacts: readonly { path: string; sha256: string; bytes: number }[];
  readonly canonical_witness: string;
  readonly witness_hash_sha256: string;
  readonly signature_quintet: readonly string[];
  readonly lean_artifact_path?: string;
  readonly tau_block?: number;
}

export interface ManifestVector {
  readonly files: Readonly<Record<string, string>>;
  readonly prefix: string;
  readonly artifacts_digest: string;
  readonly unsigned: WireManifest;
  readonly signed: WireManifest;
}

interface Vectors {
  readonly keys: Readonly<Record<FederationContext, { readonly seed: string }>>;
  readonly manifests: readonly ManifestVector[];
}

export const vectors: Vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, "..", "vectors", "manifests.json"), "utf8"),
);

function vectorAt(position: number): ManifestVector {
  const vector = vectors.manifests[position];
  if (vector === undefined) throw new Error(`there is no manifest vector ${position}`);
  return vector;
}

export const plainVector: ManifestVector = vectorAt(0);
export const unicodeVector: ManifestVector = vectorAt(1);

/** The five holders of the vectors. */
const holders: ReadonlyMap<FederationContext, KeyPair> = new Map(
  CONTEXTS.map((context) => [context, generateKeyPair(decodeHex(vectors.keys[context].seed))]),
);

export const trustedKeys: FederationKeys = federationKeys(
  CONTEXTS.map((context) => [context, holderOf(context).publicKey]),
);

export function holderOf(context: FederationContext): KeyPair {
  const holder = holders.get(context);
  if (holder === undefined) throw new Error(`no holder of ${context}`);
  return holder;
}

/** A scratch directory, removed when the scope ends. */
export async function scratchDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "gaiaftcl-manifest-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Writes files, whose contents are text or bytes, and the directories they are in. */
export async function writeFiles(
  directory: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true });
    await writeFile(join(directory, name), content);
  }
}

export function vectorFiles(vector: ManifestVector): Record<string, Uint8Array> {
  return Object.fromEntries(
    Object.entries(vector.files).map(([name, base64]) => [name, Buffer.from(base64, "base64")]),
  );
}
