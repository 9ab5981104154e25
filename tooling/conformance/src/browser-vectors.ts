import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { FederationContext } from "@gaiaftcl/witness";
import type { PageIdentity, PageInput } from "./browser-page.ts";
import { ed25519Cases } from "./ed25519-cases.ts";

interface Document {
  readonly cell_id: string;
  readonly domain_id: string;
  readonly lean_artifact_path?: string;
  readonly tau_block?: number | string;
  readonly canonical_witness: string;
  readonly witness_hash_sha256: string;
}

interface CellVectors {
  readonly keys: Readonly<
    Record<FederationContext, { readonly seed: string; readonly public: string }>
  >;
  readonly facets: readonly (Document & { readonly facets: readonly string[] })[];
  readonly manifests: readonly {
    readonly signed: Document & { readonly signature_quintet: readonly string[] };
  }[];
  readonly frames: readonly { readonly value: unknown; readonly canonical_hex: string }[];
}

const conformance = join(import.meta.dirname, "..");
const jcs = join(conformance, "suites/jcs");

export const cell: CellVectors = JSON.parse(
  readFileSync(join(conformance, "../../packages/witness/vectors/cell.json"), "utf8"),
);

/** The documents of RFC 8785's test data, as given and as they must come out, in hex. */
export const documents: readonly { readonly input: string; readonly output: string }[] =
  readdirSync(join(jcs, "input")).map((name) => ({
    input: readFileSync(join(jcs, "input", name)).toString("hex"),
    output: readFileSync(join(jcs, "output", name)).toString("hex"),
  }));

/** Everything a page is asked to run. */
export function pageInput(): PageInput {
  const contexts = Object.entries(cell.keys) as [
    FederationContext,
    { readonly seed: string; readonly public: string },
  ][];
  const lines = contexts.map(([context, key]) => `${context} = "${key.public}"`);
  return {
    ed25519: ed25519Cases(),
    witnesses: cell.facets.map((vector) => ({
      identity: identityOf(vector),
      text: vector.canonical_witness,
    })),
    seeds: Object.fromEntries(contexts.map(([context, key]) => [context, key.seed])) as Record<
      FederationContext,
      string
    >,
    federationKeys: `[public_keys]\n${lines.join("\n")}\n`,
    manifests: cell.manifests.map(({ signed }) => ({
      identity: identityOf(signed),
      signed: {
        canonicalWitness: signed.canonical_witness,
        witnessHash: signed.witness_hash_sha256,
        quintet: signed.signature_quintet,
      },
    })),
    frames: cell.frames.map((frame) => frame.value),
    documents: documents.map((document) => document.input),
  };
}

function identityOf(document: Document): PageIdentity {
  return {
    cellId: document.cell_id,
    domainId: document.domain_id,
    leanArtifactPath: document.lean_artifact_path ?? "",
    tauBlock: String(document.tau_block ?? ""),
  };
}
