import { lstatSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FederationKeys, VerificationReport } from "@gaiaftcl/witness";
import type { Artifact } from "./artifact.js";
import { type DigestProgress, digestFiles } from "./digest-files.js";
import { ensureDirectory, listDirectory } from "./directory-listing.js";
import { codeOf, type DigestJob, type FileDigest, reasonOf } from "./file-digest.js";
import { type Manifest, verifyManifestSeal } from "./manifest.js";
import { ManifestError } from "./manifest-error.js";
import { type ChangedFile, type ManifestReport, manifestReport } from "./manifest-report.js";
import { directoryName, ensurePrefix, withoutPrefix, withPrefix } from "./prefix.js";

/** What a verifier trusts. */
export interface ManifestVerifierOptions {
  /** The federation's keys. With them every context must be signed. */
  readonly keys?: FederationKeys | undefined;
  /** Refuse to work without keys, which would prove consistency and not origin. */
  readonly requireSigned?: boolean | undefined;
  /** Threads that hash, this one included; as many as the machine runs at once, up to 8. */
  readonly threads?: number | undefined;
}

export interface VerifyOptions {
  /**
   * The part of every path that stands for the directory: its own name where every path begins with
   * it, otherwise nothing, unless given.
   */
  readonly prefix?: string | undefined;
  /** Also look for files that the manifest does not list, and fail when there are any. */
  readonly strict?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DigestProgress) => void) | undefined;
}

const MAX_EXTRA_NAMED = 10_000;
const DIRECTORIES_A_TURN = 256;

/** Compares directories with their manifests (cell format, section 3). */
export class ManifestVerifier {
  readonly #keys: FederationKeys | undefined;
  readonly #threads: number | undefined;

  /** @throws ManifestError `KEYS_REQUIRED` */
  constructor(options: ManifestVerifierOptions = {}) {
    if (options.requireSigned === true && options.keys === undefined) {
      throw new ManifestError(
        "KEYS_REQUIRED",
        "signatures are required, and there are no keys to check them with: give the federation's keys",
      );
    }
    this.#keys = options.keys;
    this.#threads = options.threads;
  }

  /** Verifies who signed a manifest; the files it lists are not looked at. */
  verifySeal(manifest: Manifest): VerificationReport {
    return verifyManifestSeal(manifest, { keys: this.#keys });
  }

  /**
   * Verifies a manifest and the files of a directory. Links are not followed; a file is read only
   * when its size is the signed one; memory does not grow with the size of the files.
   *
   * @throws ManifestError `DIRECTORY` when there is none or strict mode cannot list it,
   *   `ARTIFACT_PATH` for an unusable prefix; the reason of the signal. What is wrong with a file is
   *   in the report.
   */
  async verify(
    manifest: Manifest,
    directory: string,
    options: VerifyOptions = {},
  ): Promise<ManifestReport> {
    const { signal, onProgress, strict = false } = options;
    signal?.throwIfAborted();
    await ensureDirectory(directory);
    const prefix = ensurePrefix(options.prefix ?? defaultPrefix(manifest, directory));

    const seal = this.verifySeal(manifest);
    const places = await locate(manifest.artifacts, directory, prefix);
    const jobs = places.flatMap(({ job }) => (job === undefined ? [] : [job]));
    let bytesRead = 0;
    const digests = await digestFiles(jobs, {
      signal,
      threads: this.#threads,
      onProgress: (progress) => {
        bytesRead = progress.bytes;
        onProgress?.(progress);
      },
    });

    const missing: string[] = [];
    const changed: ChangedFile[] = [];
    const inOrder = digests.values();
    for (const { artifact, job, instead } of places) {
      const digest = job === undefined ? instead : inOrder.next().value;
      const found = compare(artifact, digest ?? { kind: "missing" });
      if (found === "missing") missing.push(artifact.path);
      else if (found !== "same") changed.push(found);
    }
    const filesChecked = places.length;
    const { extra, extraCount } = strict
      ? await listExtra(manifest, directory, prefix, signal)
      : { extra: [], extraCount: 0 };
    return manifestReport(seal, {
      filesChecked,
      bytesRead,
      missing,
      changed,
      extra,
      extraCount,
      strict,
    });
  }
}

/** An artifact with the file to hash, or what is known without hashing. */
interface Place {
  readonly artifact: Artifact;
  readonly job?: DigestJob;
  readonly instead?: FileDigest;
}

/**
 * Finds the file of each artifact. A directory on the way that is a link is not followed: what stands
 * behind it is not in this directory.
 */
async function locate(
  artifacts: readonly Artifact[],
  directory: string,
  prefix: string,
): Promise<Place[]> {
  const faults = new Map<string, FileDigest | undefined>([["", undefined]]);
  const faultOf = (parent: string): FileDigest | undefined => {
    if (faults.has(parent)) return faults.get(parent);
    const above = parent.slice(0, Math.max(parent.lastIndexOf("/"), 0));
    const fault = faultOf(above) ?? directoryFault(join(directory, parent));
    faults.set(parent, fault);
    return fault;
  };

  const places: Place[] = [];
  let turnAt = DIRECTORIES_A_TURN;
  for (const artifact of artifacts) {
    const name = withoutPrefix(prefix, artifact.path);
    if (name === undefined) {
      places.push({ artifact, instead: { kind: "missing" } });
      continue;
    }
    const instead = faultOf(name.slice(0, Math.max(name.lastIndexOf("/"), 0)));
    if (instead !== undefined) places.push({ artifact, instead });
    else {
      places.push({ artifact, job: { path: `${directory}/${name}`, expected: artifact } });
    }
    if (faults.size >= turnAt) {
      turnAt = faults.size + DIRECTORIES_A_TURN;
      await nextTurn();
    }
  }
  return places;
}

function directoryFault(path: string): FileDigest | undefined {
  try {
    const status = lstatSync(path);
    if (status.isDirectory()) return undefined;
    return { kind: status.isSymbolicLink() ? "symlink" : "missing" };
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "missing" };
    return { kind: "unreadable", reason: reasonOf(error) };
  }
}

function compare(artifact: Artifact, digest: FileDigest): "same" | "missing" | ChangedFile {
  const { path, sha256, bytes } = artifact;
  const expected = { bytes, sha256 };
  switch (digest.kind) {
    case "missing":
    case "same":
      return digest.kind;
    case "size":
      return { path, expected, found: { kind: "file", bytes: digest.bytes } };
    default:
      return { path, expected, found: digest };
  }
}

async function listExtra(
  manifest: Manifest,
  directory: string,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly extra: readonly string[]; readonly extraCount: number }> {
  const listed = new Set<string>(manifest.artifacts.map(({ path }) => path));
  const extra: string[] = [];
  let extraCount = 0;
  for await (const entry of listDirectory(directory, signal)) {
    const path = withPrefix(prefix, entry.path);
    if (listed.has(path)) continue;
    extraCount += 1;
    if (extra.length < MAX_EXTRA_NAMED) extra.push(path);
  }
  return { extra: extra.sort(), extraCount };
}

function defaultPrefix(manifest: Manifest, directory: string): string {
  const name = directoryName(directory);
  const everyPath = manifest.artifacts.every(({ path }) => withoutPrefix(name, path) !== undefined);
  return everyPath && manifest.artifacts.length > 0 ? name : "";
}
