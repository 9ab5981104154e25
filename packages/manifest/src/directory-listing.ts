import { isUtf8 } from "node:buffer";
import { type Dirent, readdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { codeOf, reasonOf } from "./file-digest.js";
import { ManifestError } from "./manifest-error.js";

/** Something that is in a directory or below; directories themselves are not listed. */
export interface DirectoryEntry {
  /** Relative to the directory, segments separated by `/`. */
  readonly path: string;
  /** `unnameable`: the name is no UTF-8; `path` has U+FFFD for what is not, and names nothing. */
  readonly kind: "file" | "symlink" | "special" | "unnameable";
}

const DIRECTORIES_A_TURN = 64;

/**
 * Lists everything in a directory and below, one directory after another, without following links
 * (but for the directory itself).
 * The order is that of the file system.
 *
 * @throws ManifestError `DIRECTORY` when one cannot be listed; the reason of the signal
 */
export async function* listDirectory(
  root: string,
  signal?: AbortSignal,
): AsyncGenerator<DirectoryEntry, void, undefined> {
  await ensureDirectory(root);
  const pending: string[] = [""];
  let listed = 0;
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    signal?.throwIfAborted();
    for (const entry of readDirectory(join(root, directory))) {
      const path = `${directory}${entry.name.toString("utf8")}`;
      if (!isUtf8(entry.name)) yield { path, kind: "unnameable" };
      else if (entry.isDirectory()) pending.push(`${path}/`);
      else yield { path, kind: kindOf(entry) };
    }
    listed += 1;
    if (listed % DIRECTORIES_A_TURN === 0) await nextTurn();
  }
}

/** @throws ManifestError `DIRECTORY` */
export async function ensureDirectory(path: string): Promise<void> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) return;
  } catch (cause) {
    throw new ManifestError("DIRECTORY", `expected a directory at ${path}: ${reasonOf(cause)}`, {
      cause,
    });
  }
  throw new ManifestError("DIRECTORY", `expected a directory at ${path}, found something else`);
}

function readDirectory(path: string): Dirent<Buffer>[] {
  try {
    return readdirSync(path, { withFileTypes: true, encoding: "buffer" });
  } catch (cause) {
    const changed = codeOf(cause) === "ENOENT" || codeOf(cause) === "ENOTDIR";
    const reason = changed ? "it went away while it was read" : reasonOf(cause);
    throw new ManifestError("DIRECTORY", `the directory ${path} cannot be listed: ${reason}`, {
      cause,
    });
  }
}

function kindOf(entry: Dirent<Buffer>): DirectoryEntry["kind"] {
  if (entry.isFile()) return "file";
  return entry.isSymbolicLink() ? "symlink" : "special";
}
