import { chmod, chown, mkdir, readdir, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { configurationPath } from "@gaiaftcl/cell";
import type { FranklinClient } from "@gaiaftcl/franklin-socket/client";
import { until } from "@gaiaftcl/peers";
import { openSealed } from "@gaiaftcl/sealed-reader";
import { describe, expect, it } from "vitest";
import { DaemonProcess, privateBrokers, runCommand, TestHome } from "./cell-process.ts";

/** Requests without pause until the connection ends; returns the request ids that were answered. */
async function load(client: FranklinClient, lanes: number): Promise<Set<string>> {
  const answered = new Set<string>();
  const lane = async (): Promise<void> => {
    while (client.error === undefined) {
      const { seal } = await client.request("franklin_authority_show");
      answered.add(seal.witnessHash);
    }
  };
  await Promise.allSettled(Array.from({ length: lanes }, lane));
  return answered;
}

async function ensureWhole(home: TestHome): Promise<ReadonlySet<string>> {
  await using reader = await openSealed(home.layout.databasePath);
  const verified = await reader.verifyAll();
  expect(verified.tables.flatMap(({ failures }) => failures)).toEqual([]);
  expect(verified.ok).toBe(true);
  expect(await reader.quickCheck()).toEqual([]);
  const hashes = new Set<string>();
  for await (const { row } of reader.franklinCommands()) {
    hashes.add(String(row["witness_hash_sha256"]));
  }
  return hashes;
}

describe("a daemon that is killed", () => {
  it("in the middle of sealing leaves no half row, keeps every answered one, and starts again", async () => {
    await using home = await TestHome.make();
    const brokers = await privateBrokers();
    const answered = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      await using daemon = await DaemonProcess.start(home, brokers);
      await using client = await home.connect();
      const loading = load(client, 32);
      const before = answered.size;
      const first = await sealedRows(home);
      await until(
        "some commands to be sealed",
        async () => (await sealedRows(home)) > first + 100n,
      );
      await daemon.program.end("SIGKILL");
      for (const hash of await loading) answered.add(hash);
      expect(answered.size).toBeGreaterThan(before);
      // The socket and the state of the killed daemon are still there.
      expect((await stat(home.layout.socketPath)).isSocket()).toBe(true);
      const sealed = await ensureWhole(home);
      expect([...answered].filter((hash) => !sealed.has(hash))).toEqual([]);
    }
    await using _last = await DaemonProcess.start(home, brokers);
    await using client = await home.connect();
    expect((await client.franklinAuthorityShow()).outcome.status).toBe("ok");
  });
});

async function sealedRows(home: TestHome): Promise<bigint> {
  await using reader = await openSealed(home.layout.databasePath);
  return (await reader.lastSeq("franklin_commands")) ?? 0n;
}

describe("a second daemon on one home", () => {
  it("refuses, names the process that runs, and leaves it undisturbed", async () => {
    await using home = await TestHome.make();
    const brokers = await privateBrokers();
    await using first = await DaemonProcess.start(home, brokers);
    await using second = DaemonProcess.spawn(home, brokers);
    expect((await second.program.exited).code).toBe(1);
    expect(second.program.log).toContain("ALREADY_RUNNING");
    expect(second.program.log).toContain(`process ${first.program.pid}`);
    await using client = await home.connect();
    expect((await client.franklinAuthorityShow()).outcome.status).toBe("ok");
    const started = await home.gaiaftcl(["cell", "start"], brokers);
    expect(started.code).toBe(1);
    expect(started.stderr).toContain("gaiaftcl cell status");
  });
});

describe("a database that cannot grow", () => {
  it("blocks commands with a clear reason, loses nothing, and works again with room", async () => {
    await using home = await TestHome.make();
    const brokers = await privateBrokers();
    await writeFile(configurationPath(home.layout), "max_database_bytes = 262144\n");
    const answered = new Set<string>();
    {
      await using _daemon = await DaemonProcess.start(home, brokers);
      await using client = await home.connect();
      const failure = await (async () => {
        for (;;) {
          try {
            const { seal } = await client.request("franklin_authority_show");
            answered.add(seal.witnessHash);
          } catch (error) {
            return error;
          }
        }
      })();
      expect(failure).toMatchObject({ name: "FranklinError", code: "SEAL_FAILED" });
      expect(String(failure)).toMatch(/full/i);
      // The daemon is still there for those who read.
      const status = await home.gaiaftcl(["cell", "status"], brokers);
      expect(status.code).toBe(0);
    }
    const sealed = await ensureWhole(home);
    expect([...answered].filter((hash) => !sealed.has(hash))).toEqual([]);
    await writeFile(configurationPath(home.layout), "");
    await using _daemon = await DaemonProcess.start(home, brokers);
    await using client = await home.connect();
    expect((await client.franklinAuthorityShow()).outcome.status).toBe("ok");
    await ensureWhole(home);
  });
});

describe("a home that cannot be written", () => {
  it("stops the daemon at once with the path and the reason", async () => {
    await using home = await TestHome.make();
    // Modes do not bind the superuser, so it becomes nobody for this.
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
    if (nobody !== undefined) await chown(home.layout.home, nobody.uid, nobody.gid);
    await chmod(home.layout.home, 0o500);
    const main = fileURLToPath(import.meta.resolve("@gaiaftcl/cell/main"));
    const result = await runCommand(
      process.execPath,
      [main, "--home", home.layout.home],
      await privateBrokers(),
      nobody,
    );
    await chmod(home.layout.home, 0o700);
    expect(result.code).toBe(1);
    expect(result.stdout).toContain(home.layout.home);
    expect(result.stdout).toMatch(/EACCES|permission/i);
  });
});

describe("a truncated database", () => {
  it("is refused by the daemon and explained by the reader, and neither touches it", async () => {
    await using home = await TestHome.make();
    const brokers = await privateBrokers();
    {
      await using daemon = await DaemonProcess.start(home, brokers);
      await using client = await home.connect();
      for (let count = 0; count < 20; count += 1) await client.franklinAuthorityShow();
      await daemon.program.end("SIGTERM");
    }
    const { size } = await stat(home.layout.databasePath);
    await truncate(home.layout.databasePath, Math.floor(size / 2));
    await using daemon = DaemonProcess.spawn(home, brokers);
    expect((await daemon.program.exited).code).toBe(1);
    expect(daemon.program.log).toContain(home.layout.databasePath);
    const verified = await home.gaiaftcl(["substrate", "verify"]);
    expect(verified.code).not.toBe(0);
    expect(verified.stderr).toContain("next: gaiaftcl ");
    expect((await stat(home.layout.databasePath)).size).toBe(Math.floor(size / 2));
  });
});

describe("peers that misbehave", () => {
  it("by leaving in the middle of a frame, a thousand times, cost the daemon nothing", async () => {
    await using home = await TestHome.make();
    await using daemon = await DaemonProcess.start(home, await privateBrokers());
    for (let count = 0; count < 1000; count += 1) {
      await new Promise<void>((resolve) => {
        const socket = connect(home.layout.socketPath, () => {
          socket.write(Uint8Array.of(0, 0, 1, 0, 123, 34), () => socket.destroy());
        });
        socket.on("error", () => undefined);
        socket.on("close", () => resolve());
      });
    }
    await using client = await home.connect();
    expect((await client.franklinAuthorityShow()).outcome.status).toBe("ok");
    await until(
      "the descriptors of those connections to be freed",
      async () => (await openDescriptors(daemon)) < 100,
    );
  });

  it("by a thousand clients at once are all served in the end", async () => {
    await using home = await TestHome.make();
    await using _daemon = await DaemonProcess.start(home, await privateBrokers());
    const outcomes = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        await using client = await home.connect();
        return (await client.franklinAuthorityShow()).outcome.status;
      }),
    );
    expect(outcomes.filter((status) => status === "ok")).toHaveLength(1000);
    await ensureWhole(home);
  });
});

async function openDescriptors(daemon: DaemonProcess): Promise<number> {
  if (process.platform !== "linux") return 0;
  return (await readdir(`/proc/${daemon.program.pid}/fd`)).length;
}

describe("a socket path that is a link", () => {
  it("is not followed by a client", async () => {
    await using home = await TestHome.make();
    await using _daemon = await DaemonProcess.start(home, await privateBrokers());
    await using other = await TestHome.make();
    await mkdir(other.layout.dataDirectory, { recursive: true, mode: 0o700 });
    await symlink(home.layout.socketPath, other.layout.socketPath);
    await expect(other.connect()).rejects.toMatchObject({ code: "SOCKET_UNSAFE" });
  });
});
