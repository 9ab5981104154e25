import { type Manifest, verifyManifestSeal } from "@gaiaftcl/manifest/format";
import type { Check, VerificationReport } from "@gaiaftcl/witness";
import type { AnchoredDirectory } from "./anchored-directory.js";
import { ArtifactReader } from "./artifact-reader.js";
import { admitVersion, ensureAge } from "./freshness.js";
import type { LoaderPolicy } from "./loader-options.js";
import { codeOf, MeshLoaderError } from "./mesh-loader-error.js";
import { artifactPrefix, type ModuleName } from "./module-name.js";
import type { Pause } from "./pause.js";
import { ARTIFACTS_DIRECTORY, readModule } from "./read-module.js";

/** A version of a module in memory, every byte of it verified. */
export interface VerifiedModule {
  readonly name: ModuleName;
  readonly manifest: Manifest;
  /** What was checked: the seal, the binding, the files, the freshness. */
  readonly report: VerificationReport;
  /** When it was verified, in seconds after it was produced. */
  readonly ageSeconds: number;
  /** By path within the module. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** SHA-256 of the bytes of the manifest's file. */
  readonly manifestHash: string;
}

/** What one reading of a module has to meet beside the loader's policy. */
export interface Expectations {
  /** The witness hash of the one version that is wanted. */
  readonly witnessHash?: string | undefined;
  /** The module that imports it, with which it has to share cell and domain. */
  readonly importer?: { readonly name: string; readonly manifest: Manifest } | undefined;
  /** False to look without remembering the version as accepted. */
  readonly record?: boolean | undefined;
}

/**
 * Reads a module from the cache and verifies it (cell format, section 4): the manifest and its seal,
 * that it is the manifest of this module, that it is the version wanted, its age, then each file, and
 * last that it is no older than what was accepted before.
 *
 * @throws MeshLoaderError with the code of the first check that fails
 */
export function* verifyModule(
  policy: LoaderPolicy,
  name: ModuleName,
  expectations: Expectations = {},
): Generator<Pause, VerifiedModule> {
  return yield* readModule(policy.cacheRoot, name, function* ({ manifest, fileHash }, directory) {
    const seal = ensureSeal(policy, name, manifest);
    const { bound, relativePath } = ensureBinding(policy, name, manifest);
    ensureWanted(policy, name, manifest, expectations);
    const ageSeconds = ensureAge(policy, name, manifest);
    ensureSize(policy, name, manifest);
    const files = yield* readFiles(directory, manifest, relativePath);
    admitVersion(policy, name, manifest, seal.level === "signed", expectations.record ?? true);
    const checks: Check[] = [
      ...seal.checks,
      bound
        ? { name: "binding", status: "passed" }
        : { name: "binding", status: "skipped", detail: "allowUnboundModule" },
      { name: "artifacts", status: "passed" },
      { name: "freshness", status: "passed" },
    ];
    return {
      name,
      manifest,
      report: { ...seal, checks },
      ageSeconds,
      files,
      manifestHash: fileHash,
    };
  });
}

function ensureSeal(
  policy: LoaderPolicy,
  name: ModuleName,
  manifest: Manifest,
): VerificationReport {
  const report = verifyManifestSeal(manifest, { keys: policy.keys });
  if (report.ok) return report;
  throw new MeshLoaderError(
    "FEDERATION_FAILED",
    `the manifest of ${name} is ${report.summary}: have it cosigned by all five holders, or check the keys`,
  );
}

/**
 * The paths of module `a.b.c` begin with `a/b/c/`, so that its manifest fits no other module's place.
 * Without that, which only a caller can allow, paths are taken as they are.
 */
function ensureBinding(
  policy: LoaderPolicy,
  name: ModuleName,
  manifest: Manifest,
): { readonly bound: boolean; readonly relativePath: (path: string) => string } {
  const prefix = `${artifactPrefix(name)}/`;
  const stray = manifest.artifacts.find(({ path }) => !path.startsWith(prefix));
  if (stray === undefined && manifest.artifacts.length > 0) {
    return { bound: true, relativePath: (path) => path.slice(prefix.length) };
  }
  if (policy.allowUnboundModule) return { bound: false, relativePath: (path) => path };
  const found = stray === undefined ? "no file at all" : JSON.stringify(stray.path);
  throw new MeshLoaderError(
    "UNBOUND",
    `expected every path in the manifest of ${name} to begin with ${prefix}, found ${found}: it may belong to another module; sign it with that prefix, or load it with allowUnboundModule`,
  );
}

export function ensureWanted(
  policy: LoaderPolicy,
  name: ModuleName,
  { witnessHash, cellId, domainId }: Manifest,
  { witnessHash: wanted, importer }: Expectations,
): void {
  if (policy.lock !== undefined && !policy.lock.has(name)) {
    throw new MeshLoaderError(
      "NOT_LOCKED",
      `${name} is not in the lock: add its witness hash, ${witnessHash}`,
    );
  }
  for (const pinned of [wanted, policy.lock?.get(name)]) {
    if (pinned === undefined || pinned === witnessHash) continue;
    throw new MeshLoaderError(
      "PINNED",
      `expected the version ${pinned} of ${name}, found ${witnessHash}`,
    );
  }
  if (importer === undefined || policy.allowMixedOrigin) return;
  const { manifest } = importer;
  if (manifest.cellId === cellId && manifest.domainId === domainId) return;
  throw new MeshLoaderError(
    "MIXED_ORIGIN",
    `${importer.name} is of cell ${manifest.cellId}, domain ${manifest.domainId}, and imports ${name} of cell ${cellId}, domain ${domainId}: sign both in one domain, or load with allowMixedOrigin`,
  );
}

function ensureSize(policy: LoaderPolicy, name: ModuleName, manifest: Manifest): void {
  const total = manifest.artifacts.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= policy.maxModuleBytes) return;
  throw new MeshLoaderError(
    "TOO_LARGE",
    `${name} has ${total} bytes, and at most ${policy.maxModuleBytes} are taken into memory: raise maxModuleBytes`,
  );
}

function* readFiles(
  directory: AnchoredDirectory,
  manifest: Manifest,
  relativePath: (path: string) => string,
): Generator<Pause, Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  if (manifest.artifacts.length === 0) return files;
  using artifacts = artifactsDirectory(directory);
  using reader = new ArtifactReader(artifacts);
  for (const artifact of manifest.artifacts) {
    const path = relativePath(artifact.path);
    files.set(path, yield* reader.read(path, artifact));
    yield undefined;
  }
  return files;
}

function artifactsDirectory(directory: AnchoredDirectory): AnchoredDirectory {
  try {
    return directory.directory(ARTIFACTS_DIRECTORY);
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause;
    throw new MeshLoaderError(
      "ARTIFACT_MISSING",
      `there is no directory ${directory.path}/${ARTIFACTS_DIRECTORY}: publish the module again`,
      { cause },
    );
  }
}
