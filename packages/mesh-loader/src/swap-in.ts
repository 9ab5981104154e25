import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
} from "node:fs";
import { join } from "node:path";
import type { Manifest } from "@gaiaftcl/manifest/format";
import { codeOf, MeshLoaderError, reasonOf } from "./mesh-loader-error.js";
import type { ModuleName } from "./module-name.js";
import { runBlocking } from "./pause.js";
import { previousName, readCachedManifest } from "./read-module.js";
import { stagedName } from "./stage-module.js";

const LOCK_FILE = ".publish.lock";
const LOCK_TIMEOUT_MS = 10_000;

/**
 * Puts a staged module in the place of the one in the cache. No system call exchanges two directories
 * everywhere, so the old one first moves to a name where readers look as well: whenever this process
 * is killed, a reader finds the old version or the new one.
 *
 * The few renames are done at once, under a lock that other processes respect and that ends with the
 * process.
 *
 * @param ensureNewer throws when the version in the cache is not to be replaced
 * @returns directories that are no longer used
 * @throws MeshLoaderError `PUBLISH`, or what `ensureNewer` throws
 */
export function swapIn(
  cacheRoot: string,
  name: ModuleName,
  staged: string,
  ensureNewer: (before: Manifest | undefined) => void,
): readonly string[] {
  using _lock = lockCache(cacheRoot);
  const current = join(cacheRoot, name);
  const previous = join(cacheRoot, previousName(name));
  try {
    const retired: string[] = [];
    if (exists(previous)) {
      // Another publisher was killed: between the two renames when nothing is in place, else after.
      if (exists(current)) retired.push(retire(previous, cacheRoot, name));
      else renameSync(previous, current);
    }
    ensureNewer(manifestIn(cacheRoot, name));
    const replaces = exists(current);
    if (replaces) renameSync(current, previous);
    try {
      renameSync(staged, current);
    } catch (error) {
      if (replaces) renameSync(previous, current);
      throw error;
    }
    syncNames(cacheRoot);
    if (replaces) retired.push(retire(previous, cacheRoot, name));
    return retired;
  } catch (cause) {
    if (cause instanceof MeshLoaderError) throw cause;
    throw new MeshLoaderError(
      "PUBLISH",
      `${name} cannot be put in place in ${cacheRoot}: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

/** Moves a directory to a name where no reader looks. */
function retire(path: string, cacheRoot: string, name: ModuleName): string {
  const retired = join(cacheRoot, stagedName(name));
  renameSync(path, retired);
  return retired;
}

function manifestIn(cacheRoot: string, name: ModuleName): Manifest | undefined {
  try {
    return runBlocking(readCachedManifest(cacheRoot, name)).manifest;
  } catch (error) {
    if (error instanceof MeshLoaderError) return undefined;
    throw error;
  }
}

/**
 * Holds a lock of the operating system, by way of SQLite, which Node offers for it: it ends with the
 * process, so none is ever left behind. Nothing is written to the file.
 */
function lockCache(cacheRoot: string): Disposable {
  const path = join(cacheRoot, LOCK_FILE);
  try {
    const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    closeSync(openSync(path, flags, 0o600));
    const status = lstatSync(path);
    if (!status.isFile() || status.size !== 0) throw new TypeError("it is no empty file");
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const database = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
    try {
      database.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      database.close();
      throw error;
    }
    return { [Symbol.dispose]: () => database.close() };
  } catch (cause) {
    throw new MeshLoaderError(
      "PUBLISH",
      `the lock ${path} cannot be taken: ${reasonOf(cause)}; wait for the other publisher, or remove the file when there is none`,
      { cause },
    );
  }
}

function syncNames(cacheRoot: string): void {
  if (process.platform === "win32") return;
  const directory = openSync(cacheRoot, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Whether there is anything at a path, a dangling link included. */
function exists(path: string): boolean {
  if (existsSync(path)) return true;
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
