import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Redex } from "@gaiaftcl/redex";
import { expect, it } from "vitest";
import { MemoriesAdapter } from "./memories-adapter.js";
import { NetDb } from "./net-db.js";
import { TasksAdapter } from "./tasks-adapter.js";
import { vectorsDirectory } from "./vectors.testing.js";
import { parseWriteToken } from "./write-token.js";

const originHash = 0xabcdef01n;
const { errors } = JSON.parse(readFileSync(join(vectorsDirectory, "cortex.json"), "utf8")) as {
  readonly errors: readonly { readonly call: string; readonly message: string }[];
};

async function tasks(written = 0): Promise<TasksAdapter> {
  const log = await (await Redex.open()).openFile("cortex/tasks");
  const adapter = await TasksAdapter.open(log, { originHash });
  for (let id = 0; id < written; id += 1) adapter.create(BigInt(id), "t", 1n);
  return adapter;
}

async function closed(written = 0): Promise<TasksAdapter> {
  const adapter = await tasks(written);
  adapter.close();
  return adapter;
}

async function restored(bytes: readonly number[], lastSeq?: bigint): Promise<unknown> {
  const log = await (await Redex.open()).openFile("cortex/tasks");
  const restore = { bytes: new Uint8Array(bytes), lastSeq };
  return TasksAdapter.open(log, { originHash, restore });
}

const calls: Readonly<Record<string, () => unknown>> = {
  "WriteToken.from_string('x')": () => parseWriteToken("x"),
  "from_string('xx:1')": () => parseWriteToken("xx:1"),
  "from_string('0'*16+':-1')": () => parseWriteToken(`${"0".repeat(16)}:-1`),
  "wait_for_token wrong origin": async () =>
    (await tasks()).waitForToken({ originHash: 1n, seq: 0n }),
  "wait_for_token timeout": async () =>
    (await tasks()).waitForToken({ originHash, seq: 5n }, { deadlineMs: 5 }),
  "wait_for_token poll, not yet": async () =>
    (await tasks()).waitForToken({ originHash, seq: 5n }, { deadlineMs: 0 }),
  "list_tasks(status='x')": async () => (await tasks()).list({ status: "x" as "pending" }),
  "list_tasks(order_by='x')": async () => (await tasks()).list({ orderBy: "x" as "id_asc" }),
  "list_memories(order_by='x')": async () => {
    const log = await (await Redex.open()).openFile("cortex/memories");
    return (await MemoriesAdapter.open(log, { originHash })).list({ orderBy: "x" as "id_asc" });
  },
  "create after close": async () => (await closed()).create(1n, "t", 1n),
  "memories.store after close": async () => {
    const log = await (await Redex.open()).openFile("cortex/memories");
    const adapter = await MemoriesAdapter.open(log, { originHash });
    adapter.close();
    return adapter.store(1n, "c", [], "s", 1n);
  },
  "wait_for_seq past the end after close": async () => (await closed(1)).waitForSeq(5n),
  "wait_for_token past the end after close": async () =>
    (await closed(1)).waitForToken({ originHash, seq: 5n }),
  "wait_for_token, closed, nothing applied": async () =>
    (await closed()).waitForToken({ originHash, seq: 5n }),
  "wait_for_seq, closed, nothing folded": async () => (await closed()).waitForSeq(5n),
  "create after the file was closed": async () => {
    const log = await (await Redex.open()).openFile("cortex/tasks");
    const adapter = await TasksAdapter.open(log, { originHash });
    await log.close();
    return adapter.create(1n, "t", 1n);
  },
  "NetDb.open_from_snapshot empty": () =>
    NetDb.openFromSnapshot(new Uint8Array(0), { originHash, withTasks: true }),
  "NetDb.open_from_snapshot bad tag": () =>
    NetDb.openFromSnapshot(new Uint8Array([2]), { originHash, withTasks: true }),
  "tasks snapshot too short": () => restored([]),
  "tasks inner state bad": () => restored([0, 0]),
  "memories snapshot empty": async () => {
    const log = await (await Redex.open()).openFile("cortex/memories");
    const restore = { bytes: new Uint8Array(0), lastSeq: undefined };
    return MemoriesAdapter.open(log, { originHash, restore });
  },
  "last_seq = 2^64-1": () => restored([0, 1, 0], 0xffffffffffffffffn),
};

const reproduced = errors.filter(({ call }) => call in calls);

it.each(reproduced)("says what the reference says of $call", async ({ call, message }) => {
  // The context of a bundle is another one in the reference's own package for this language.
  const text = message.replace("decode bundle:", "decode snapshot bundle:");
  await expect(Promise.resolve().then(calls[call])).rejects.toThrow(text);
});

it("reproduces every message of the reference, but for two calls that cannot be made here", () => {
  const left = errors.filter(({ call }) => !(call in calls)).map(({ call }) => call);
  expect(left).toEqual([
    "NetDb.open persistent without dir",
    "NetDb.open persistent without dir (memories)",
  ]);
});
