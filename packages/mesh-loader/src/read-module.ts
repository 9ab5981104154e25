import { Manifest, ManifestError } from "@gaiaftcl/manifest/format";
import { sha256Hex } from "@gaiaftcl/witness";
import type { AnchoredDirectory } from "./anchored-directory.js";
import { openCacheRoot } from "./cache-root.js";
import { codeOf, MeshLoaderError } from "./mesh-loader-error.js";
import type { ModuleName } from "./module-name.js";
import type { Pause } from "./pause.js";

/** A manifest as it lies in the cache. */
export interface CachedManifest {
  readonly manifest: Manifest;
  /** SHA-256 of the bytes of the file: equal when nothing at all changed. */
  readonly fileHash: string;
}

export const MANIFEST_FILE = "manifest.json";
export const ARTIFACTS_DIRECTORY = "artifacts";
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
/** How often a module that is replaced meanwhile is read again. */
const MAX_ATTEMPTS = 100;
const MAX_WAIT_MS = 20;
/** How often a module is looked for that may be about to be put in place. */
const LOOKUPS = 5;

/** Where the version before waits while a publisher puts the next one in place. */
export function previousName(name: ModuleName): string {
  return `.${name}.previous`;
}

/**
 * Reads one version of a module: its manifest and what `use` reads of its files. When that fails, and
 * the module was replaced meanwhile, it is read again; so a reader sees the old version or the new one
 * and never a mixture (cell format, section 4).
 *
 * @throws MeshLoaderError
 */
export function* readModule<Result>(
  cacheRoot: string,
  name: ModuleName,
  use: (cached: CachedManifest, directory: AnchoredDirectory) => Generator<Pause, Result>,
): Generator<Pause, Result> {
  using root = openCacheRoot(cacheRoot);
  for (let attempt = 1; ; attempt += 1) {
    using directory = yield* openModule(root, name);
    let read: CachedManifest | undefined;
    try {
      read = yield* readManifest(directory, name);
      return yield* use(read, directory);
    } catch (error) {
      if (!(error instanceof MeshLoaderError)) throw error;
      if (!(yield* wasReplaced(root, name, directory, read))) throw error;
      if (attempt >= MAX_ATTEMPTS) {
        throw new MeshLoaderError(
          "UNSTABLE",
          `${name} was replaced ${attempt} times while it was read: load it again when nobody publishes it`,
          { cause: error },
        );
      }
    }
    yield Math.min(attempt, MAX_WAIT_MS);
  }
}

/** Reads the manifest alone. */
export function readCachedManifest(
  cacheRoot: string,
  name: ModuleName,
): Generator<Pause, CachedManifest> {
  return readModule(cacheRoot, name, function* (cached) {
    yield undefined;
    return cached;
  });
}

/** Opens the directory of a module, or of its version before while a publisher is between the two. */
function* openModule(
  root: AnchoredDirectory,
  name: ModuleName,
): Generator<Pause, AnchoredDirectory> {
  for (let lookup = 1; lookup <= LOOKUPS; lookup += 1) {
    for (const entry of [name, previousName(name)]) {
      try {
        return root.directory(entry);
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw error;
      }
    }
    yield 1;
  }
  throw new MeshLoaderError(
    "MANIFEST_MISSING",
    `there is no module ${name} in the mesh cache ${root.path}: publish it there, or name another cacheRoot`,
  );
}

function* readManifest(
  directory: AnchoredDirectory,
  name: ModuleName,
): Generator<Pause, CachedManifest> {
  let bytes: Uint8Array;
  try {
    bytes = yield* directory.file(MANIFEST_FILE, (size) => {
      if (size > MAX_MANIFEST_BYTES) {
        throw new MeshLoaderError(
          "MANIFEST_INVALID",
          `expected a manifest of at most ${MAX_MANIFEST_BYTES} bytes at ${directory.path}/${MANIFEST_FILE}, found ${size}`,
        );
      }
    });
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause;
    throw new MeshLoaderError(
      "MANIFEST_MISSING",
      `there is no ${MANIFEST_FILE} of ${name} in ${directory.path}: publish the module again`,
      { cause },
    );
  }
  try {
    return { manifest: Manifest.fromJson(bytes), fileHash: sha256Hex(bytes) };
  } catch (cause) {
    if (!(cause instanceof ManifestError)) throw cause;
    throw new MeshLoaderError(
      "MANIFEST_INVALID",
      `the manifest of ${name} at ${directory.path}/${MANIFEST_FILE} cannot be used: ${cause.message}`,
      { cause },
    );
  }
}

function* wasReplaced(
  root: AnchoredDirectory,
  name: ModuleName,
  directory: AnchoredDirectory,
  read: CachedManifest | undefined,
): Generator<Pause, boolean> {
  try {
    using now = yield* openModule(root, name);
    if (now.identity !== directory.identity) return true;
    if (read === undefined) return false;
    return (yield* readManifest(now, name)).fileHash !== read.fileHash;
  } catch (error) {
    if (!(error instanceof MeshLoaderError)) throw error;
    // A manifest that could be read a moment ago, and cannot be now, is another one.
    return read !== undefined;
  }
}
