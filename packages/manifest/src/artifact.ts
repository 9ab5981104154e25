import { encodePortable } from "@gaiaftcl/canonical-json";
import { isSha256Hex, type Sha256Hex, sha256Hex } from "@gaiaftcl/witness";
import { type ArtifactPath, compareUtf8, ensureArtifactPath } from "./artifact-path.js";
import { collisionKey } from "./case-folding.js";
import { ManifestError, quote } from "./manifest-error.js";

/** One signed file. */
export interface Artifact {
  readonly path: ArtifactPath;
  readonly sha256: Sha256Hex;
  /** Its size. */
  readonly bytes: number;
}

export const MAX_ARTIFACTS = 100_000;

/**
 * Checks one artifact, from a file or from a caller.
 *
 * @param where for the message, such as `artifacts[3]`
 * @throws ManifestError `ARTIFACT_PATH` or `FIELD`
 */
export function ensureArtifact(
  where: string,
  found: { readonly path: unknown; readonly sha256: unknown; readonly bytes: unknown },
): Artifact {
  const path = ensureArtifactPath(found.path);
  if (!isSha256Hex(found.sha256)) {
    throw field(`${where}.sha256`, "64 lower-case hex digits", found.sha256);
  }
  const { bytes } = found;
  if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw field(`${where}.bytes`, "a safe integer from 0", bytes);
  }
  // -0 is a safe integer from 0 as well; it has no business in a digest.
  return { path, sha256: found.sha256, bytes: bytes + 0 };
}

/**
 * Refuses artifacts in another order than that of the UTF-8 bytes of their paths, and two paths that
 * some file system takes for one (cell format, section 3).
 *
 * @throws ManifestError `ARTIFACT_COUNT`, `ARTIFACT_ORDER` or `ARTIFACT_DUPLICATE`
 */
export function ensureArtifactList(artifacts: readonly Artifact[]): void {
  ensureArtifactCount(artifacts.length);
  const seen = new Map<string, string>();
  let previous: string | undefined;
  for (const { path } of artifacts) {
    const key = collisionKey(path);
    const other = seen.get(key);
    if (other !== undefined) throw duplicate(other, path);
    if (previous !== undefined && compareUtf8(previous, path) > 0) {
      throw new ManifestError(
        "ARTIFACT_ORDER",
        `expected artifacts in the order of the UTF-8 bytes of their paths, found ${quote(path)} after ${quote(previous)}`,
      );
    }
    seen.set(key, path);
    previous = path;
  }
}

/** @throws ManifestError `ARTIFACT_COUNT` */
export function ensureArtifactCount(count: number): void {
  if (count <= MAX_ARTIFACTS) return;
  throw new ManifestError(
    "ARTIFACT_COUNT",
    `expected at most ${MAX_ARTIFACTS} artifacts, found ${count}: sign the directory in parts`,
  );
}

/** The digest of all artifacts that stands in the witness (cell format, section 3). */
export function artifactsDigest(artifacts: readonly Artifact[]): Sha256Hex {
  return sha256Hex(
    encodePortable(artifacts.map(({ path, sha256, bytes }) => ({ bytes, path, sha256 }))),
  );
}

/** What was found instead of a member of the right type, for a message. */
export function field(where: string, expected: string, found: unknown): ManifestError {
  return new ManifestError("FIELD", `expected ${where} to be ${expected}, found ${show(found)}`);
}

function show(value: unknown): string {
  if (typeof value === "string") return quote(value);
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? "an array" : "an object";
}

function duplicate(first: string, second: string): ManifestError {
  const found =
    first === second
      ? `${quote(first)} twice`
      : `${quote(first)} and ${quote(second)}, which are one file where case or normalisation is ignored`;
  return new ManifestError("ARTIFACT_DUPLICATE", `expected every path once, found ${found}`);
}
