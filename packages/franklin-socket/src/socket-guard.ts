import type { BigIntStats } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { dirname, isAbsolute, resolve } from "node:path";
import { checkSocketPathLength } from "@gaiaftcl/cell-layout";
import { FranklinError, quote, systemCode } from "./franklin-error.js";

/** Which file a path names, as long as nobody replaces it. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/**
 * The user this process acts as.
 *
 * @throws FranklinError `PLATFORM_UNSUPPORTED`
 */
function currentUser(): number {
  const user = process.geteuid?.();
  if (user !== undefined) return user;
  throw new FranklinError(
    "PLATFORM_UNSUPPORTED",
    `the Franklin socket needs Unix sockets with an owner and a mode; ${process.platform} has none`,
  );
}

/**
 * The absolute form of a socket path that the system will not cut off (cell format, section 6).
 *
 * @throws FranklinError `PATH_TOO_LONG`, `OPTION_INVALID`
 */
export function ensureSocketPath(path: string): string {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new FranklinError(
      "OPTION_INVALID",
      `expected a socket path, found ${typeof path === "string" ? quote(path) : typeof path}`,
    );
  }
  const absolute = isAbsolute(path) ? path : resolve(path);
  const { ok, bytes, limit } = checkSocketPathLength(process.platform, absolute);
  if (ok) return absolute;
  throw new FranklinError(
    "PATH_TOO_LONG",
    `expected a socket path of at most ${limit} bytes on ${process.platform}, found ${bytes}: ${absolute}; ` +
      "set GAIAFTCL_DATA to a shorter directory",
  );
}

/**
 * Creates the directory of a socket with mode 0700 where it is missing, and checks it.
 *
 * @throws FranklinError `SOCKET_UNSAFE`, `PERMISSION_DENIED`, `BIND_FAILED`
 */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw fileError(path, cause, "BIND_FAILED");
  }
  await checkPrivateDirectory(path);
}

/**
 * Checks what a client relies on before it signs (cell format, section 6): the socket is a socket
 * and no symlink, this user owns it, and it lies in a directory of this user with mode 0700.
 *
 * @throws FranklinError `SOCKET_MISSING`, `SOCKET_UNSAFE`, `PERMISSION_DENIED`
 */
export async function checkSocket(path: string): Promise<FileIdentity> {
  await checkPrivateDirectory(dirname(path));
  const found = await fileAt(path);
  if (found === undefined) {
    throw new FranklinError(
      "SOCKET_MISSING",
      `no socket at ${path}: the cell is not running; start it with: gaiaftcl cell start`,
    );
  }
  ensureOwnSocket(path, found.stats);
  return found.identity;
}

/** What a path names, without following a symlink; `undefined` for nothing. */
export async function fileAt(
  path: string,
): Promise<{ readonly stats: BigIntStats; readonly identity: FileIdentity } | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    return { stats, identity: { device: stats.dev, inode: stats.ino } };
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return undefined;
    throw fileError(path, cause, "SOCKET_UNSAFE");
  }
}

export function isSameFile(left: FileIdentity, right: FileIdentity): boolean {
  return left.device === right.device && left.inode === right.inode;
}

/** @throws FranklinError `SOCKET_UNSAFE` */
export function ensureOwnSocket(path: string, stats: BigIntStats): void {
  if (stats.isSymbolicLink()) {
    throw unsafe(`${path} is a symlink, which could lead to a server of someone else; remove it`);
  }
  if (!stats.isSocket()) {
    throw unsafe(`${path} is no socket; move it away`);
  }
  ensureOwner(path, stats);
}

/** @throws FranklinError `SOCKET_UNSAFE` unless the user this process acts as owns it. */
export function ensureOwner(path: string, { uid }: { readonly uid: bigint }): void {
  const user = currentUser();
  if (uid === BigInt(user)) return;
  throw unsafe(`${path} belongs to user ${uid}, not to ${user}, who runs this`);
}

async function checkPrivateDirectory(path: string): Promise<void> {
  const found = await fileAt(path);
  if (found === undefined) {
    throw new FranklinError(
      "SOCKET_MISSING",
      `no directory ${path}: the cell was never started here; start it with: gaiaftcl cell start`,
    );
  }
  const { stats } = found;
  if (stats.isSymbolicLink()) {
    throw unsafe(`${path} is a symlink; name the directory it leads to instead`);
  }
  if (!stats.isDirectory()) throw unsafe(`${path} is no directory`);
  ensureOwner(path, stats);
  const mode = Number(stats.mode & 0o777n);
  if (mode === 0o700) return;
  throw unsafe(
    `expected directory ${path} with mode 0700, found 0${mode.toString(8).padStart(3, "0")}; correct it with: chmod 700 ${quoteForShell(path)}`,
  );
}

function unsafe(message: string): FranklinError {
  return new FranklinError("SOCKET_UNSAFE", message);
}

/** An error of the file system as one of this package. */
export function fileError(
  path: string,
  cause: unknown,
  otherwise: "SOCKET_UNSAFE" | "BIND_FAILED",
): FranklinError {
  const code = systemCode(cause);
  if (code === "EACCES" || code === "EPERM") {
    return new FranklinError("PERMISSION_DENIED", `no permission for ${path} (${code})`, { cause });
  }
  return new FranklinError(otherwise, `${path} cannot be used: ${code ?? String(cause)}`, {
    cause,
  });
}

function quoteForShell(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
