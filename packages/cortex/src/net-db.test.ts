import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redex } from "@gaiaftcl/redex";
import { expect, it } from "vitest";
import { decodeBundle } from "./bundle.js";
import { NetDb } from "./net-db.js";
import { hex, unhex } from "./vectors.testing.js";

const originHash = 0xabcdef01n;

async function scratch(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "netdb-"));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

it("keeps both models in a directory, for the next one to open", async () => {
  await scratch(async (directory) => {
    const options = { directory, originHash, withTasks: true, withMemories: true };
    const first = await NetDb.open(options);
    first.tasks.create(1n, "write", 1n);
    first.memories.store(1n, "remember", ["a"], "me", 1n);
    await expect(NetDb.open(options)).rejects.toMatchObject({ code: "LOG" });
    await first.close();
    await first.close();
    expect(first.tasks.list()).toHaveLength(1);

    await using second = await NetDb.open(options);
    expect(second.tasks.get(1n)?.title).toBe("write");
    expect(second.memories.list({ tag: "a" })).toHaveLength(1);
  });
});

it("opens from a bundle over the logs that it was taken from, and folds what came after", async () => {
  await scratch(async (directory) => {
    const options = { directory, originHash, withTasks: true, withMemories: true };
    const first = await NetDb.open(options);
    first.tasks.create(1n, "before", 1n);
    const bundle = first.snapshot();
    first.tasks.create(2n, "after", 2n);
    first.memories.store(5n, "after", [], "me", 3n);
    await first.close();
    await using restored = await NetDb.openFromSnapshot(bundle, options);
    expect(restored.tasks.progress.startSeq).toBe(1n);
    expect(restored.tasks.list().map(({ title }) => title)).toEqual(["before", "after"]);
    expect(restored.memories.count()).toBe(1);
    // The number after the last write's, not one that is taken.
    restored.tasks.delete(1n);
    expect(decodeBundle(restored.snapshot()).tasks?.bytes[0]).toBe(3);
  });
});

it("opens a model that the bundle lacks from its log, and leaves out one that is not wanted", async () => {
  const store = await Redex.open();
  const tasksOnly = await NetDb.open({ store, originHash, withTasks: true });
  tasksOnly.tasks.create(1n, "one", 1n);
  const bundle = tasksOnly.snapshot();
  expect(hex(bundle.subarray(-1))).toBe("00");
  const both = { store, originHash, withTasks: true, withMemories: true };
  const db = await NetDb.openFromSnapshot(bundle, both);
  expect(db.hasMemories).toBe(true);
  expect(db.memories.count()).toBe(0);
  const memoriesOnly = await NetDb.openFromSnapshot(bundle, { ...both, withTasks: false });
  expect(memoriesOnly.hasTasks).toBe(false);
  expect(() => memoriesOnly.tasks).toThrow(
    expect.objectContaining({
      name: "NetDbError",
      code: "NO_MODEL",
      message: expect.stringContaining("netdb: model 'tasks' was not included in this NetDb"),
    }),
  );
});

it("needs at least one model, and not two places for its logs", async () => {
  await expect(NetDb.open({ originHash })).rejects.toThrow(
    "netdb: NetDb must include at least one model; call with_tasks() or with_memories()",
  );
  const store = await Redex.open();
  await expect(
    NetDb.open({ originHash, store, directory: "x", withTasks: true }),
  ).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

it.each([
  ["", "Hit the end of buffer, expected more data"],
  ["02", "Found an Option discriminant that wasn't 0 or 1"],
])("refuses the bytes %j for a bundle: %s", async (bytes, reason) => {
  await expect(
    NetDb.openFromSnapshot(unhex(bytes), { originHash, withTasks: true }),
  ).rejects.toMatchObject({
    name: "NetDbError",
    code: "DECODE",
    message: expect.stringContaining(`netdb: decode snapshot bundle: snapshot: ${reason}`),
  });
});

it("says which model could not be restored", async () => {
  await expect(
    NetDb.openFromSnapshot(unhex("01000000"), { originHash, withTasks: true }),
  ).rejects.toThrow(
    /^cortex: NetDb restore tasks: redex: encode failed: tasks snapshot unwrap: Hit the end of buffer/u,
  );
});

it("ignores what follows a bundle", () => {
  expect(decodeBundle(unhex("0000ffff"))).toEqual({ tasks: undefined, memories: undefined });
});
