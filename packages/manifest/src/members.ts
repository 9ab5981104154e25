import { CanonicalJsonError, decode, type JsonValue } from "@gaiaftcl/canonical-json";
import type { Quintet } from "@gaiaftcl/witness";
import {
  type Artifact,
  ensureArtifact,
  ensureArtifactCount,
  ensureArtifactList,
  field,
} from "./artifact.js";
import { ensureIdentity, type Identity } from "./identity.js";
import { ManifestError } from "./manifest-error.js";
import { ensureProducedAt } from "./produced-at.js";

export const MANIFEST_VERSION = "1.0";
export const MAX_MANIFEST_BYTES: number = 16 * 1024 * 1024;

/** The members of a manifest but those that follow from others. */
export interface Members extends Identity {
  readonly producedAtIso: string;
  readonly artifacts: readonly Artifact[];
  readonly unknown: Readonly<Record<string, JsonValue>>;
  /** By path, for artifacts that have any. */
  readonly unknownOfArtifact: ReadonlyMap<string, Readonly<Record<string, JsonValue>>>;
}

/** A manifest as read: the members are in order, what should follow from them is not compared yet. */
export interface ReadManifest {
  readonly members: Members;
  readonly canonicalWitness: string;
  readonly witnessHash: string;
  readonly quintet: Quintet<string>;
}

type JsonObject = { readonly [name: string]: JsonValue };

const KNOWN: ReadonlySet<string> = new Set([
  "manifest_version",
  "produced_at_iso",
  "cell_id",
  "domain_id",
  "artifacts",
  "canonical_witness",
  "witness_hash_sha256",
  "signature_quintet",
  "lean_artifact_path",
  "tau_block",
]);
const KNOWN_OF_ARTIFACT: ReadonlySet<string> = new Set(["path", "sha256", "bytes"]);

/** Reads untrusted bytes into the members of a manifest (cell format, section 3). */
export function readMembers(input: Uint8Array | string): ReadManifest {
  const root = decodeManifest(input);
  if (!isObject(root)) throw field("a manifest", "an object", root);

  const version = text(root, "manifest_version");
  if (version !== MANIFEST_VERSION) {
    throw new ManifestError(
      "VERSION",
      `expected manifest_version ${JSON.stringify(MANIFEST_VERSION)}, found ${JSON.stringify(version.slice(0, 40))}`,
    );
  }
  const identity = ensureIdentity({
    cellId: text(root, "cell_id"),
    domainId: text(root, "domain_id"),
    leanArtifactPath: has(root, "lean_artifact_path")
      ? text(root, "lean_artifact_path")
      : undefined,
    tauBlock: has(root, "tau_block") ? integer(root, "tau_block") : undefined,
  });
  const producedAtIso = ensureProducedAt(text(root, "produced_at_iso"));
  const { artifacts, unknownOfArtifact } = readArtifacts(own(root, "artifacts"));
  return {
    members: {
      ...identity,
      producedAtIso,
      artifacts,
      unknown: unknownMembers(root, KNOWN) ?? {},
      unknownOfArtifact,
    },
    canonicalWitness: text(root, "canonical_witness"),
    witnessHash: text(root, "witness_hash_sha256"),
    quintet: readQuintet(own(root, "signature_quintet")),
  };
}

function decodeManifest(input: Uint8Array | string): JsonValue {
  try {
    // Members that are not known may hold integers of any size, and keep them.
    return decode(input, { maxBytes: MAX_MANIFEST_BYTES, bigints: "bigint" });
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    const code = cause.code === "TOO_LARGE" ? "TOO_LARGE" : "JSON";
    throw new ManifestError(code, `a manifest cannot be read: ${cause.message}`, { cause });
  }
}

function readArtifacts(
  found: JsonValue | undefined,
): Pick<Members, "artifacts" | "unknownOfArtifact"> {
  if (!Array.isArray(found)) throw field("artifacts", "an array", found);
  ensureArtifactCount(found.length);
  const unknownOfArtifact = new Map<string, Readonly<Record<string, JsonValue>>>();
  const artifacts = found.map((item: JsonValue, index) => {
    const where = `artifacts[${index}]`;
    if (!isObject(item)) throw field(where, "an object", item);
    const artifact = ensureArtifact(where, {
      path: own(item, "path"),
      sha256: own(item, "sha256"),
      bytes: own(item, "bytes"),
    });
    const unknown = unknownMembers(item, KNOWN_OF_ARTIFACT);
    if (unknown !== undefined) unknownOfArtifact.set(artifact.path, unknown);
    return artifact;
  });
  ensureArtifactList(artifacts);
  return { artifacts, unknownOfArtifact };
}

function readQuintet(found: JsonValue | undefined): Quintet<string> {
  if (Array.isArray(found) && found.length === 5) {
    const [cell, domain, path, payload, tau] = found as readonly JsonValue[];
    if (
      typeof cell === "string" &&
      typeof domain === "string" &&
      typeof path === "string" &&
      typeof payload === "string" &&
      typeof tau === "string"
    ) {
      return [cell, domain, path, payload, tau];
    }
  }
  throw new ManifestError("QUINTET", "expected signature_quintet as an array of five texts");
}

function unknownMembers(
  object: JsonObject,
  known: ReadonlySet<string>,
): Readonly<Record<string, JsonValue>> | undefined {
  let unknown: Record<string, JsonValue> | undefined;
  for (const name of Object.keys(object)) {
    if (known.has(name)) continue;
    // Without a prototype `__proto__` is a member like any other.
    unknown ??= Object.create(null) as Record<string, JsonValue>;
    unknown[name] = own(object, name) ?? null;
  }
  return unknown;
}

function text(object: JsonObject, name: string): string {
  const value = own(object, name);
  if (typeof value !== "string") throw field(name, "a text", value);
  return value;
}

function integer(object: JsonObject, name: string): bigint | number {
  const value = own(object, name);
  if (typeof value !== "number" && typeof value !== "bigint")
    throw field(name, "an integer", value);
  return value;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function has(object: JsonObject, name: string): boolean {
  return Object.hasOwn(object, name);
}

function own(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
