import { randomUUID } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Manifest } from "@gaiaftcl/manifest/format";
import type { AnchoredDirectory } from "./anchored-directory.js";
import { ArtifactReader } from "./artifact-reader.js";
import { MeshLoaderError, reasonOf } from "./mesh-loader-error.js";
import { artifactPrefix, type ModuleName } from "./module-name.js";
import { runPausing } from "./pause.js";
import { ARTIFACTS_DIRECTORY, MANIFEST_FILE } from "./read-module.js";

/** How many files are on their way to the disk at once. */
const WRITES = 16;

/** A new name where no reader looks, since no module name begins with a dot. */
export function stagedName(name: ModuleName): string {
  return `.${name}.${randomUUID()}`;
}

/** Whether an entry of the cache was named by {@link stagedName}. */
export function isStagedName(entry: string, name: ModuleName): boolean {
  return entry.startsWith(`.${name}.`) && /^[0-9a-f-]{36}$/.test(entry.slice(name.length + 2));
}

/**
 * Copies the files of a manifest, and the manifest, into a directory of the cache that no reader looks
 * at. Each file is compared with the manifest as it is copied, and everything is on the disk when the
 * function returns.
 *
 * @returns the path of the directory
 * @throws MeshLoaderError `SOURCE_CHANGED`, `LINK`, `NOT_A_FILE`, `UNREADABLE` or `PUBLISH`; the reason
 *   of the signal
 */
export async function stageModule(
  cacheRoot: string,
  name: ModuleName,
  manifest: Manifest,
  source: AnchoredDirectory,
  signal: AbortSignal | undefined,
): Promise<string> {
  const staged = join(cacheRoot, stagedName(name));
  try {
    await copyArtifacts(join(staged, ARTIFACTS_DIRECTORY), name, manifest, source, signal);
    await writeDurably(join(staged, MANIFEST_FILE), new TextEncoder().encode(manifest.toJson()));
    await syncDirectory(staged);
    return staged;
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    throw error;
  }
}

async function copyArtifacts(
  target: string,
  name: ModuleName,
  manifest: Manifest,
  source: AnchoredDirectory,
  signal: AbortSignal | undefined,
): Promise<void> {
  using reader = new ArtifactReader(source);
  const prefixLength = artifactPrefix(name).length + 1;
  const directories = new Set([target]);
  await makeDirectory(target);
  let writes: Promise<void>[] = [];
  try {
    for (const artifact of manifest.artifacts) {
      const path = artifact.path.slice(prefixLength);
      const bytes = await runPausing(sourceFile(reader, path, artifact), signal);
      const directory = dirname(join(target, path));
      if (!directories.has(directory)) await makeDirectory(directory);
      directories.add(directory);
      writes.push(writeDurably(join(target, path), bytes));
      if (writes.length < WRITES) continue;
      await Promise.all(writes);
      writes = [];
    }
  } finally {
    await Promise.allSettled(writes);
  }
  await Promise.all(writes);
  for (const directory of directories) await syncDirectory(directory);
}

function* sourceFile(
  reader: ArtifactReader,
  ...[path, artifact]: Parameters<ArtifactReader["read"]>
): ReturnType<ArtifactReader["read"]> {
  try {
    return yield* reader.read(path, artifact);
  } catch (cause) {
    const changed =
      cause instanceof MeshLoaderError &&
      (cause.code === "ARTIFACT_MISSING" || cause.code === "ARTIFACT_MISMATCH");
    if (!changed) throw cause;
    throw new MeshLoaderError(
      "SOURCE_CHANGED",
      `the directory to be published is not the one that was signed: ${cause.message}`,
      { cause },
    );
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw notWritten(path, cause);
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await using file = await open(path, "wx", 0o644);
    await file.writeFile(bytes);
    await file.sync();
  } catch (cause) {
    throw notWritten(path, cause);
  }
}

/** Makes the names in a directory durable, where the system can. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return;
  try {
    await using directory = await open(path, "r");
    await directory.sync();
  } catch (cause) {
    throw notWritten(path, cause);
  }
}

function notWritten(path: string, cause: unknown): MeshLoaderError {
  return new MeshLoaderError("PUBLISH", `${path} cannot be written: ${reasonOf(cause)}`, { cause });
}
