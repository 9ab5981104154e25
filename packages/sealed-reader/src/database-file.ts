import { constants, type Stats } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { SealedReaderError } from "./sealed-reader-error.js";

/** Which file a path named when it was looked at. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
}

export interface DatabaseFile {
  readonly path: string;
  readonly identity: FileIdentity;
  /** Owned by another account, or writable by others than its owner. */
  readonly foreign: boolean;
}

/**
 * Looks at the file without opening it. It is never opened here: closing any descriptor of a
 * database would drop the locks that SQLite holds on it elsewhere in this process.
 *
 * @throws SealedReaderError `FILE_MISSING`, `FILE_NOT_REGULAR`, `FILE_EMPTY`, `PERMISSION`
 */
export async function inspectFile(path: string): Promise<DatabaseFile> {
  const stats = await statOf(path);
  if (!stats.isFile()) {
    throw new SealedReaderError(
      "FILE_NOT_REGULAR",
      `${path}: expected a database file, found ${kindOf(stats)}; name the file itself`,
    );
  }
  if (stats.size === 0) {
    throw new SealedReaderError(
      "FILE_EMPTY",
      `${path}: expected a database, found 0 bytes; nothing was sealed here yet, or a copy was cut off: copy it again with its -wal file`,
    );
  }
  try {
    await access(path, constants.R_OK);
  } catch (cause) {
    throw new SealedReaderError(
      "PERMISSION",
      `${path}: this account may not read it; run as the cell's own account, or let the owner make a copy for you`,
      { cause },
    );
  }
  return { path, identity: identityOf(stats), foreign: isForeign(stats) };
}

/**
 * @throws SealedReaderError `FILE_REPLACED` when the path no longer names the file it did.
 */
export async function ensureSameFile(path: string, expected: FileIdentity): Promise<void> {
  let found: FileIdentity | undefined;
  try {
    found = identityOf(await stat(path));
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
  }
  if (found?.device === expected.device && found.inode === expected.inode) return;
  throw new SealedReaderError(
    "FILE_REPLACED",
    `${path}: ${found === undefined ? "the file is gone" : "another file stands here now"}; what was read so far came from the old one. Open it again, verify it, and compare it with a checkpoint`,
  );
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (cause) {
    if (isMissing(cause)) {
      throw new SealedReaderError(
        "FILE_MISSING",
        `${path}: there is no such file; the cell creates its database on the first start, in ${dirname(path)}`,
        { cause },
      );
    }
    throw new SealedReaderError("PERMISSION", `${path}: this account may not look at it`, {
      cause,
    });
  }
}

function identityOf(stats: Stats): FileIdentity {
  return { device: stats.dev, inode: stats.ino };
}

function isForeign(stats: Stats): boolean {
  const account = process.getuid?.();
  if (account === undefined) return false;
  const writableByOthers = (stats.mode & 0o022) !== 0;
  return stats.uid !== account || writableByOthers;
}

function isMissing(cause: unknown): boolean {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return code === "ENOENT" || code === "ENOTDIR";
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a directory";
  if (stats.isFIFO()) return "a pipe";
  if (stats.isSocket()) return "a socket";
  return "a device";
}
