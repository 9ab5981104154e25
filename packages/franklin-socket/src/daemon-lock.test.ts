import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Scratch } from "./cell.testing.js";
import { DaemonLock, lockHolder } from "./daemon-lock.js";

const refusedWith = (code: string): unknown =>
  expect.objectContaining({ name: "FranklinError", code });

describe("the lock", () => {
  it("is held by one at a time, and names who holds it", async () => {
    await using scratch = await Scratch.create();
    const path = join(scratch.directory, "franklin.lock");
    expect(lockHolder(path)).toBeUndefined();
    const lock = DaemonLock.acquire(path, "/somewhere/franklin.sock");
    expect(lockHolder(path)).toMatchObject({
      pid: process.pid,
      socketPath: "/somewhere/franklin.sock",
    });
    expect(() => DaemonLock.acquire(path, "/elsewhere")).toThrow(refusedWith("ALREADY_RUNNING"));
    expect(() => DaemonLock.acquire(path, "/elsewhere")).toThrow(
      new RegExp(`process ${process.pid}, started .*gaiaftcl cell stop`),
    );
    lock.release();
    lock.release();
    expect(lockHolder(path)).toBeUndefined();
    DaemonLock.acquire(path, "/elsewhere").release();
  });

  it("leaves an empty file of mode 0600 and nothing else", async () => {
    await using scratch = await Scratch.create();
    const path = join(scratch.directory, "franklin.lock");
    DaemonLock.acquire(path, "/somewhere").release();
    expect(await readdir(scratch.directory)).toEqual(["franklin.lock"]);
    const { mode, size } = await lstat(path);
    expect({ mode: mode & 0o777, size }).toEqual({ mode: 0o600, size: 0 });
  });

  it("is not given back by a failed attempt of the same process", async () => {
    await using scratch = await Scratch.create();
    const path = join(scratch.directory, "franklin.lock");
    const lock = DaemonLock.acquire(path, "/somewhere");
    expect(() => DaemonLock.acquire(path, "/elsewhere")).toThrow();
    lockHolder(path);
    const child = run(path);
    expect(await lines(child)).toEqual(["ALREADY_RUNNING"]);
    lock.release();
  });

  it("ends with its process, also with kill -9", async () => {
    await using scratch = await Scratch.create();
    const path = join(scratch.directory, "franklin.lock");
    const child = run(path, "await new Promise((resolve) => setTimeout(resolve, 600_000))");
    try {
      await once(child.stdout ?? child, "data");
      expect(lockHolder(path)?.pid).toBe(child.pid);
      expect(() => DaemonLock.acquire(path, "/x")).toThrow(
        new RegExp(`process ${child.pid ?? ""}, `),
      );
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    expect(lockHolder(path)).toBeUndefined();
    // What the dead one left is not believed, and is replaced.
    const lock = DaemonLock.acquire(path, "/new");
    expect(lockHolder(path)).toMatchObject({ pid: process.pid, socketPath: "/new" });
    lock.release();
  });

  it("is told about without a name where the file that tells it is damaged", async () => {
    await using scratch = await Scratch.create();
    const path = join(scratch.directory, "franklin.lock");
    const lock = DaemonLock.acquire(path, "/somewhere");
    await writeFile(`${path}.holder`, '{"pid":');
    expect(lockHolder(path)).toEqual({
      pid: undefined,
      startedAtIso: undefined,
      socketPath: undefined,
    });
    expect(() => DaemonLock.acquire(path, "/x")).toThrow(/another daemon runs this cell/);
    lock.release();
  });

  it("is refused where it cannot be taken: a symlink, a directory, no directory, other content", async () => {
    await using scratch = await Scratch.create();
    const at = (name: string): string => join(scratch.directory, name);
    await writeFile(at("target"), "");
    await symlink(at("target"), at("link"));
    await mkdir(at("directory"));
    await writeFile(at("text"), "1234\n".repeat(300));
    for (const name of ["link", "directory", "missing/franklin.lock", "text"]) {
      expect(() => DaemonLock.acquire(at(name), "/x")).toThrow(refusedWith("LOCK_UNUSABLE"));
    }
    expect(await readFile(at("text"), "utf8")).toBe("1234\n".repeat(300));
  });
});

/** Another process that takes the lock, says so or says why not, and then runs `then`. */
function run(lockPath: string, then = ""): ChildProcess {
  const source = `
    import { FranklinServer } from "@gaiaftcl/franklin-socket/server";
    try {
      await FranklinServer.listen({
        socketPath: ${JSON.stringify(lockPath.replace(/lock$/, "sock"))},
        lockPath: ${JSON.stringify(lockPath)},
        operators: new Map(),
        handler: () => ({ status: "ok" }),
        seal: () => ({ canonicalWitness: "", witnessHash: "", quintet: [] }),
      });
      console.log("listening");
    } catch (error) {
      console.log(error.code);
    }
    ${then}
  `;
  return spawn(process.execPath, ["--input-type=module", "--eval", source], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function lines(child: ChildProcess): Promise<string[]> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
  });
  await once(child, "close");
  return text.trim().split("\n");
}
