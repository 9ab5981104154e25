import { chmod, rename, rm } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { checkSocketPathLength } from "@gaiaftcl/cell-layout";
import { FranklinError, systemCode } from "./franklin-error.js";
import {
  ensureOwnSocket,
  type FileIdentity,
  fileAt,
  fileError,
  isSameFile,
} from "./socket-guard.js";

/** More connections than this wait in the kernel only where the system allows it. */
const BACKLOG = 4096;

/** A socket file that a server of this process listens on. */
export class BoundSocket {
  readonly #path: string;
  readonly #identity: FileIdentity;

  private constructor(path: string, identity: FileIdentity) {
    this.#path = path;
    this.#identity = identity;
  }

  /**
   * Binds a server to a path (cell format, section 6). To be called under the daemon's lock.
   *
   * The socket is bound under another name, gets mode 0600 and is then renamed, so that a client
   * finds either the old socket or one that is ready. What stands at the path is replaced only if
   * it is a socket of this user that nobody listens on.
   *
   * @throws FranklinError `ALREADY_RUNNING`, `SOCKET_UNSAFE`, `PERMISSION_DENIED`, `BIND_FAILED`
   */
  static async bind(server: Server, path: string): Promise<BoundSocket> {
    await ensureReplaceable(path);
    const temporary = temporaryPath(path);
    // A daemon that was killed between binding and renaming left it.
    if (await isStale(temporary)) await rm(temporary, { force: true });
    await listen(server, temporary);
    try {
      await chmod(temporary, 0o600);
      const bound = await fileAt(temporary);
      if (bound === undefined) {
        throw new FranklinError("BIND_FAILED", `${temporary} was removed while it was bound`);
      }
      ensureOwnSocket(temporary, bound.stats);
      await rename(temporary, path);
      return new BoundSocket(path, bound.identity);
    } catch (cause) {
      server.close();
      await rm(temporary, { force: true });
      throw cause instanceof FranklinError ? cause : fileError(path, cause, "BIND_FAILED");
    }
  }

  /** Removes the socket file, unless another one stands there by now. */
  async remove(): Promise<void> {
    const found = await fileAt(this.#path);
    if (found !== undefined && isSameFile(found.identity, this.#identity)) {
      await rm(this.#path, { force: true });
    }
  }
}

async function ensureReplaceable(path: string): Promise<void> {
  if ((await isStale(path)) !== false) return;
  throw new FranklinError(
    "ALREADY_RUNNING",
    `another server listens on ${path}, without this cell's lock; stop it first`,
  );
}

/**
 * True for a socket of this user that nobody listens on, false for one that somebody does,
 * `undefined` for nothing.
 */
async function isStale(path: string): Promise<boolean | undefined> {
  const found = await fileAt(path);
  if (found === undefined) return undefined;
  ensureOwnSocket(path, found.stats);
  const code = await probe(path);
  if (code === undefined || code === "EAGAIN") return false;
  if (code === "ECONNREFUSED") return true;
  if (code === "ENOENT") return undefined;
  throw new FranklinError(
    "SOCKET_UNSAFE",
    `${path}: expected a stale socket or none, found one that answers ${code}; remove it`,
  );
}

/** The code of the error that a connection attempt ends in, or `undefined` if it succeeds. */
function probe(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on("error", (error) => resolve(systemCode(error) ?? "an unknown error"));
  });
}

/**
 * A name beside the socket that is no longer than the system allows: with a prefix and a suffix if
 * they fit, otherwise as long as the name of the socket itself.
 */
function temporaryPath(path: string): string {
  const name = basename(path);
  const wanted = join(dirname(path), `.${name}.new`);
  if (checkSocketPathLength(process.platform, wanted).ok) return wanted;
  const first = name.startsWith("~") ? "-" : "~";
  return join(dirname(path), first + [...name].slice(1).join(""));
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => reject(fileError(path, cause, "BIND_FAILED"));
    server.once("error", fail);
    server.listen({ path, backlog: BACKLOG, exclusive: true }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}
