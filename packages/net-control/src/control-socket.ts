import { once } from "node:events";
import { chmod, mkdir, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { NetControlError } from "./net-control-error.js";

/**
 * Listens on a Unix socket that only its user can reach. A file left by a process that is gone is
 * replaced.
 *
 * @throws NetControlError `ALREADY_RUNNING` when somebody answers there; `SOCKET` when it cannot be made
 */
export async function listenPrivately(
  path: string,
  accept: (socket: Socket) => void,
): Promise<Server> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const server = createServer(accept);
  try {
    await bind(server, path);
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw unusable(path, error);
    if (await isAnswered(path)) throw alreadyRunning(path);
    try {
      await unlink(path);
      await bind(server, path);
    } catch (cause) {
      throw unusable(path, cause);
    }
  }
  await chmod(path, 0o600);
  return server;
}

/**
 * Makes sure that no node answers at `path`, before anything is begun that a second one must not do.
 *
 * @throws NetControlError `ALREADY_RUNNING`
 */
export async function ensureNoneRuns(path: string): Promise<void> {
  if (await isAnswered(path)) throw alreadyRunning(path);
}

/** Connects to a running node. @throws NetControlError `NOT_RUNNING` when nobody answers at `path` */
export async function connectTo(path: string): Promise<Socket> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return socket;
  } catch (cause) {
    throw new NetControlError("NOT_RUNNING", `no node runs here: nobody answers at ${path}`, {
      cause,
    });
  }
}

async function bind(server: Server, path: string): Promise<void> {
  const listening = once(server, "listening");
  server.listen(path);
  await listening;
}

async function isAnswered(path: string): Promise<boolean> {
  try {
    (await connectTo(path)).destroy();
    return true;
  } catch {
    return false;
  }
}

function alreadyRunning(path: string): NetControlError {
  return new NetControlError("ALREADY_RUNNING", `a node runs here already and answers at ${path}`);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, "code") : undefined;
}

function unusable(path: string, cause: unknown): NetControlError {
  return new NetControlError(
    "SOCKET",
    `the socket ${path} cannot be made: ${(cause as Error).message}`,
    { cause },
  );
}
