import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { Identity } from "./identity.js";
import { NetIdentityError } from "./net-identity-error.js";

const SEED_BYTES = 32;

/** How `saveIdentity` treats what is there. */
export interface SaveIdentityOptions {
  /** Replace an identity that is there. Unless set, `EXISTS` is thrown: a lost seed is lost. */
  readonly overwrite?: boolean;
}

/**
 * Stores an identity: its 32-byte seed, in a file that only the user can read. The file is written
 * beside, made durable, and put into place whole, so a crash leaves the old file or the new one.
 *
 * @throws NetIdentityError `EXISTS`, `READ_ONLY` or `IO`
 */
export async function saveIdentity(
  path: string,
  identity: Identity,
  options: SaveIdentityOptions = {},
): Promise<void> {
  const seed = identity.seed();
  const draft = `${path}.${randomBytes(8).toString("hex")}.tmp`;
  try {
    const file = await open(draft, "wx", 0o600);
    try {
      // The umask can only take modes away; this also gives them back to the owner.
      await file.chmod(0o600);
      await file.writeFile(seed);
      await file.sync();
    } finally {
      await file.close();
    }
    if (options.overwrite === true) {
      await rename(draft, path);
    } else {
      // A link, unlike a rename, refuses to replace what is there.
      await link(draft, path);
      await unlink(draft);
    }
    await syncDirectory(dirname(path));
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    if (codeOf(error) === "EEXIST") {
      throw new NetIdentityError(
        "EXISTS",
        `${path}: expected no file, found one; load it, or save with overwrite to replace it`,
        { cause: error },
      );
    }
    throw failure(path, "write", error);
  }
}

/**
 * Loads an identity that `saveIdentity` stored, or any file of a 32-byte seed, if nobody but the user
 * can have read or written it: a regular file, not a symbolic link, of the user, of mode 0600 or less.
 *
 * @throws NetIdentityError `NOT_FOUND`, `PERMISSIONS`, `FILE_FORMAT` or `IO`
 */
export async function loadIdentity(path: string): Promise<Identity> {
  let file: FileHandle;
  try {
    // Not blocking, so that a named pipe in the file's place cannot make this wait for a writer.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ELOOP") throw unsafe(path, "a file of its own", "a symbolic link");
    throw failure(path, "read", error);
  }
  try {
    await ensureOwnerOnly(path, file);
    const seed = new Uint8Array(SEED_BYTES + 1);
    const { bytesRead } = await file.read(seed, 0, seed.length, 0);
    if (bytesRead !== SEED_BYTES) {
      throw new NetIdentityError(
        "FILE_FORMAT",
        `${path}: expected a seed of ${SEED_BYTES} bytes, found ${bytesRead > SEED_BYTES ? "more" : bytesRead}`,
      );
    }
    return Identity.fromSeed(seed.subarray(0, SEED_BYTES));
  } catch (error) {
    throw error instanceof NetIdentityError ? error : failure(path, "read", error);
  } finally {
    await file.close();
  }
}

async function ensureOwnerOnly(path: string, file: FileHandle): Promise<void> {
  const stats = await file.stat();
  if (!stats.isFile()) throw unsafe(path, "a regular file", "something else");
  if (process.platform === "win32") return;
  const user = process.geteuid?.();
  // The superuser can read what belongs to anyone, and runs services as others.
  if (user !== undefined && user !== 0 && stats.uid !== user) {
    throw unsafe(path, `a file of user ${user}`, `one of user ${stats.uid}`);
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, "0");
    throw unsafe(path, "mode 0600", `${mode}; if nobody else has read it: chmod 600 ${path}`);
  }
}

async function syncDirectory(path: string): Promise<void> {
  // Windows has no handle of a directory to make durable.
  if (process.platform === "win32") return;
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function unsafe(path: string, expected: string, found: string): NetIdentityError {
  return new NetIdentityError("PERMISSIONS", `${path}: expected ${expected}, found ${found}`);
}

function failure(path: string, what: string, cause: unknown): NetIdentityError {
  if (codeOf(cause) === "ENOENT" && what === "read") {
    return new NetIdentityError("NOT_FOUND", `${path}: expected an identity file, found none`, {
      cause,
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NetIdentityError("IO", `${path}: cannot ${what} the identity: ${reason}`, { cause });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
