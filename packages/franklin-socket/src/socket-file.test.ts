import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { alice, MemorySealer, operators, RawPeer, Scratch, TestCell } from "./cell.testing.js";
import { FranklinClient } from "./client.js";
import { FranklinServer, lockHolder } from "./server.js";
import { ensureOwner } from "./socket-guard.js";

const refusedWith = (code: string): unknown =>
  expect.objectContaining({ name: "FranklinError", code });

function listen(socketPath: string, lockPath?: string): Promise<FranklinServer> {
  return FranklinServer.listen({
    socketPath,
    ...(lockPath === undefined ? {} : { lockPath }),
    operators: operators("alice"),
    handler: () => ({ status: "ok" }),
    seal: new MemorySealer().seal,
  });
}

function connectTo(socketPath: string): Promise<FranklinClient> {
  return FranklinClient.connect({
    socketPath,
    operatorContext: "alice",
    privateKey: alice.privateKey,
    timeoutMs: 20_000,
  });
}

/** A path of exactly so many bytes below a directory. */
async function pathOfLength(directory: string, bytes: number): Promise<string> {
  const room = bytes - Buffer.byteLength(directory) - 2 - 5;
  const below = join(directory, "d".repeat(room));
  await mkdir(below, { mode: 0o700 });
  return join(below, "s.sck");
}

const longest = process.platform === "linux" ? 107 : 103;

describe("the server's socket", () => {
  it("has mode 0600 in a directory that is created with 0700, whatever the umask", async () => {
    await using scratch = await Scratch.create();
    const socketPath = join(scratch.directory, "a", "b", "franklin.sock");
    await using server = await listen(socketPath);
    expect((await lstat(server.socketPath)).mode & 0o777).toBe(0o600);
    expect((await stat(join(scratch.directory, "a", "b"))).mode & 0o777).toBe(0o700);
    expect((await readdir(join(scratch.directory, "a", "b"))).toSorted()).toEqual([
      "franklin.lock",
      "franklin.lock.holder",
      "franklin.sock",
    ]);
    await using client = await connectTo(socketPath);
    expect(client.error).toBeUndefined();
  });

  it("is removed by close, with everything but the empty lock file", async () => {
    await using scratch = await Scratch.create();
    const server = await listen(scratch.socketPath);
    await server.close();
    expect(await readdir(scratch.directory)).toEqual(["franklin.lock"]);
    await (await listen(scratch.socketPath)).close();
  });

  it("is not removed by close if it is another one by now", async () => {
    await using scratch = await Scratch.create();
    const server = await listen(scratch.socketPath);
    await rm(scratch.socketPath);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(scratch.socketPath, resolve));
    await server.close();
    expect((await lstat(scratch.socketPath)).isSocket()).toBe(true);
    await new Promise((resolve) => other.close(resolve));
  });

  it("is not taken over from a daemon that runs: the second one says which process it is", async () => {
    await using cell = await TestCell.start();
    const { socketPath } = cell.server;
    await expect(listen(socketPath)).rejects.toThrow(refusedWith("ALREADY_RUNNING"));
    await expect(listen(socketPath)).rejects.toThrow(new RegExp(`process ${process.pid}, started`));
    await using client = await cell.connect();
    expect((await client.franklinAuthorityShow()).outcome.status).toBe("ok");
  });

  it("is not taken over from a server without the lock either", async () => {
    await using cell = await TestCell.start();
    const lock = join(cell.scratch.directory, "other.lock");
    await expect(listen(cell.server.socketPath, lock)).rejects.toThrow(
      refusedWith("ALREADY_RUNNING"),
    );
    expect(lockHolder(lock)).toBeUndefined();
    await using client = await cell.connect();
    expect(client.error).toBeUndefined();
  });

  it("replaces the stale one that a killed daemon left", async () => {
    await using scratch = await Scratch.create();
    const child = spawnDaemon(scratch.socketPath);
    try {
      await once(child.stdout ?? child, "data");
      using peer = await RawPeer.connect(scratch.socketPath);
      expect(await peer.next()).toMatchObject({ op: "challenge" });
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    expect((await lstat(scratch.socketPath)).isSocket()).toBe(true);
    await expect(connectTo(scratch.socketPath)).rejects.toThrow(refusedWith("SERVER_GONE"));
    await using server = await listen(scratch.socketPath);
    await using client = await connectTo(server.socketPath);
    expect((await client.franklinAuthorityShow()).outcome.status).toBe("ok");
  });

  it("replaces what a daemon left that was killed between binding and renaming", async () => {
    await using scratch = await Scratch.create();
    const child = spawnDaemon(scratch.socketPath);
    await once(child.stdout ?? child, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    await rename(scratch.socketPath, join(scratch.directory, ".franklin.sock.new"));
    await using server = await listen(scratch.socketPath);
    await using client = await connectTo(server.socketPath);
    expect(client.error).toBeUndefined();
  });

  it.each([
    [
      "a dangling symlink",
      ({ directory, socketPath }: Scratch) => symlink(join(directory, "nothing"), socketPath),
    ],
    ["a file", ({ socketPath }: Scratch) => writeFile(socketPath, "mine")],
    ["a directory", ({ socketPath }: Scratch) => mkdir(socketPath)],
  ])("is not bound where %s stands", async (_, prepare) => {
    await using scratch = await Scratch.create();
    await prepare(scratch);
    await expect(listen(scratch.socketPath)).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
    expect(lockHolder(join(scratch.directory, "franklin.lock"))).toBeUndefined();
    await expect(connectTo(scratch.socketPath)).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
  });

  it("is neither replaced nor used where it is a symlink to a socket that is live", async () => {
    await using cell = await TestCell.start();
    const link = join(cell.scratch.directory, "link.sock");
    await symlink(cell.server.socketPath, link);
    await expect(connectTo(link)).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
    await expect(listen(link)).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
    expect(cell.server.stats().connected).toBe(0);
  });

  it.each([0o755, 0o750, 0o701, 0o770, 0o777])(
    "is neither bound nor used in a directory of mode %o",
    async (mode) => {
      await using scratch = await Scratch.create();
      const server = await listen(scratch.socketPath);
      await chmod(scratch.directory, mode);
      await expect(connectTo(scratch.socketPath)).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
      await expect(connectTo(scratch.socketPath)).rejects.toThrow(/chmod 700 /);
      await server.close();
      await expect(listen(scratch.socketPath)).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
    },
  );

  it("is neither bound nor used through a symlinked directory", async () => {
    await using scratch = await Scratch.create();
    const real = join(scratch.directory, "real");
    await using server = await listen(join(real, "franklin.sock"));
    const link = join(scratch.directory, "link");
    await symlink(real, link);
    await expect(connectTo(join(link, "franklin.sock"))).rejects.toThrow(
      refusedWith("SOCKET_UNSAFE"),
    );
    await expect(listen(join(link, "other.sock"))).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
    expect(server.stats().connected).toBe(0);
  });

  it("is used only by the user it belongs to", async () => {
    await using cell = await TestCell.start();
    const { uid } = await lstat(cell.server.socketPath, { bigint: true });
    expect(() => ensureOwner(cell.server.socketPath, { uid })).not.toThrow();
    expect(() => ensureOwner(cell.server.socketPath, { uid: uid + 1n })).toThrow(
      refusedWith("SOCKET_UNSAFE"),
    );
    // Only root can give a file away; for everybody else the line above has to do.
    if (uid !== 0n) return;
    await chown(cell.server.socketPath, 12_345, 12_345);
    await expect(cell.connect()).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
    await chown(cell.server.socketPath, 0, 0);
    await chown(cell.scratch.directory, 12_345, 12_345);
    await expect(cell.connect()).rejects.toThrow(refusedWith("SOCKET_UNSAFE"));
    await chown(cell.scratch.directory, 0, 0);
  });
});

describe("the length of a path", () => {
  it(`may be ${longest} bytes, although the temporary name has no room then`, async () => {
    await using scratch = await Scratch.create();
    const path = await pathOfLength(scratch.directory, longest);
    expect(Buffer.byteLength(path)).toBe(longest);
    await using server = await listen(path);
    await using client = await connectTo(server.socketPath);
    expect(client.error).toBeUndefined();
  });

  it(`of ${longest + 1} bytes is refused on both sides, where some runtimes bind another name`, async () => {
    await using scratch = await Scratch.create();
    const path = await pathOfLength(scratch.directory, longest + 1);
    await expect(listen(path)).rejects.toThrow(refusedWith("PATH_TOO_LONG"));
    await expect(connectTo(path)).rejects.toThrow(refusedWith("PATH_TOO_LONG"));
  });

  it("is checked for paths that are none as well", async () => {
    for (const path of ["", "a\0b"]) {
      await expect(listen(path)).rejects.toThrow(refusedWith("OPTION_INVALID"));
      await expect(connectTo(path)).rejects.toThrow(refusedWith("OPTION_INVALID"));
    }
  });
});

describe("where there is no server, the client says so", () => {
  it("if nothing stands at the path, or not even the directory", async () => {
    await using scratch = await Scratch.create();
    for (const path of [scratch.socketPath, join(scratch.directory, "none", "franklin.sock")]) {
      await expect(connectTo(path)).rejects.toThrow(refusedWith("SOCKET_MISSING"));
      await expect(connectTo(path)).rejects.toThrow(/gaiaftcl cell start/);
    }
  });
});

/** A daemon in a process of its own; it prints a line when it listens. */
function spawnDaemon(socketPath: string): ChildProcess {
  const source = `
    import { FranklinServer } from "@gaiaftcl/franklin-socket/server";
    await FranklinServer.listen({
      socketPath: ${JSON.stringify(socketPath)},
      operators: new Map(),
      handler: () => ({ status: "ok" }),
      seal: () => ({ canonicalWitness: "", witnessHash: "", quintet: [] }),
    });
    console.log("listening");
  `;
  return spawn(process.execPath, ["--input-type=module", "--eval", source], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "pipe", "inherit"],
  });
}
