import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redex } from "@gaiaftcl/redex";
import { expect, it } from "vitest";
import { decodeBundle, encodeBundle } from "./bundle.js";
import type { MemoryFilter } from "./memories.js";
import { MemoriesAdapter } from "./memories-adapter.js";
import { NetDb } from "./net-db.js";
import type { TaskFilter } from "./tasks.js";
import { TasksAdapter } from "./tasks-adapter.js";
import { camel, hex, loadVectors, modelCase, unhex, vectorsDirectory } from "./vectors.testing.js";

async function replay(name: "tasks-log" | "memories-log") {
  const vector = modelCase(name);
  const log = await (await Redex.open()).openFile(vector.channel);
  const options = { originHash: vector.origin_hash };
  const adapter =
    vector.model === "tasks"
      ? await TasksAdapter.open(log, options)
      : await MemoriesAdapter.open(log, options);
  for (const { op, args, seq } of vector.ops) {
    const write = Reflect.get(adapter, op) as (...args: unknown[]) => bigint;
    expect(write.apply(adapter, [...args])).toBe(seq);
  }
  return { vector, log, adapter };
}

it.each(["tasks-log", "memories-log"] as const)(
  "%s: writes the reference's bytes and folds them into its rows at once",
  async (name) => {
    const { vector, log, adapter } = await replay(name);
    const written = log.readRange(0n, log.nextSeq).map(({ payload }) => hex(payload));
    expect(written).toEqual(vector.ops.map(({ payload }) => payload));
    expect(adapter.list()).toEqual(vector.rows.map(camel));
    expect(adapter.count()).toBe(vector.rows.length);
    expect(adapter.progress).toMatchObject({ applied: vector.last_seq, folded: vector.last_seq });
  },
);

it.each(["tasks-log", "memories-log"] as const)("%s: answers every query", async (name) => {
  const { vector, adapter } = await replay(name);
  for (const { filter, ids, ordered } of vector.queries) {
    const found =
      adapter instanceof TasksAdapter
        ? adapter.list(camel(filter) as TaskFilter)
        : adapter.list(camel(filter) as MemoryFilter);
    const foundIds = found.map(({ id }) => id);
    if (ordered === "exact") expect(foundIds, JSON.stringify(Object.keys(filter))).toEqual(ids);
    else expect(new Set(foundIds)).toEqual(new Set(ids));
    expect(foundIds).toHaveLength(ids.length);
  }
});

it.each(["tasks-log", "memories-log"] as const)(
  "%s: folds the reference's events, decoded from their bytes, into the same rows",
  async (name) => {
    const vector = modelCase(name);
    const log = await (await Redex.open()).openFile(vector.channel);
    for (const { payload } of vector.ops) log.append(unhex(payload));
    const open = vector.model === "tasks" ? TasksAdapter.open : MemoriesAdapter.open;
    const adapter = await open(log, { originHash: vector.origin_hash });
    expect(adapter.list()).toEqual(vector.rows.map(camel));
    expect(adapter.progress).toMatchObject({ skipped: 0, applied: vector.last_seq });
  },
);

it.each(loadVectors().snapshots)("reads the bundle $file and writes it again", async (vector) => {
  const file = readFileSync(join(vectorsDirectory, vector.file));
  expect(hex(file)).toBe(vector.bytes);
  const bundle = decodeBundle(file);
  expect(hex(encodeBundle(bundle))).toBe(vector.bytes);
  const { tasks, memories } = vector.decoded;
  if (tasks === null && memories === null) return;

  const db = await NetDb.openFromSnapshot(file, {
    originHash: 0xabcdef01n,
    withTasks: tasks !== null,
    withMemories: memories !== null,
  });
  const models = [
    [tasks, db.hasTasks && db.tasks, bundle.tasks],
    [memories, db.hasMemories && db.memories, bundle.memories],
  ] as const;
  for (const [expected, adapter, pair] of models) {
    if (expected === null || adapter === false) continue;
    const byId = expected.rows
      .map(camel)
      .sort((a, b) => (BigInt(a["id"] as bigint) < BigInt(b["id"] as bigint) ? -1 : 1));
    expect(adapter.list()).toEqual(byId);
    expect(pair?.lastSeq ?? null).toBe(expected.last_seq);
  }
  if (vector.byte_exact) expect(hex(db.snapshot())).toBe(vector.bytes);
  else expect(db.snapshot()).toHaveLength(file.length);
});

it("gives the bundle of the reference for the reference's history", async () => {
  const tasks = await replay("tasks-log");
  const memories = await replay("memories-log");
  const ours = encodeBundle({
    tasks: tasks.adapter.snapshot(),
    memories: memories.adapter.snapshot(),
  });
  const theirs = readFileSync(join(vectorsDirectory, "bundle-full.bin"));
  // Maps come in any order, so only the length can be compared byte for byte.
  expect(ours).toHaveLength(theirs.length);
});
