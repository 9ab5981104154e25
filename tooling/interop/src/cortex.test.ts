import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "@gaiaftcl/config/seeded-random";
import {
  decodeBundle,
  encodeEnvelope,
  type MemoriesAdapter,
  NetDb,
  PostcardWriter,
  type TaskFilter,
  type TasksAdapter,
} from "@gaiaftcl/cortex";
import { Redex } from "@gaiaftcl/redex";
import { expect, it } from "vitest";
import { type Call, runCortexPeer } from "./cortex-peer.ts";

const origin = 0xabcdef01n;
const models = ["tasks", "memories"] as const;
const both = { originHash: origin, withTasks: true, withMemories: true };
const times = [0n, 1n, 127n, 128n, 300n, 1n << 40n, 0x8000000000000000n, 0xffffffffffffffffn];
const words = [
  "write docs",
  "Ship IT",
  "",
  "Straße ÜBER",
  "ΟΔΟΣ ΣΑΣ",
  "İstanbul",
  "STRASSE ẞ",
  "🙂 ok",
];
const tagWords = ["a", "b", "", "été", "b"];

/** Calls of the reference's names and order of arguments, on few ids, so that they meet. */
function randomCalls(seed: number, count: number): { tasks: Call[]; memories: Call[] } {
  const next = seededRandom(seed);
  const random = (below: number): number => Math.floor(next() * below);
  const pick = <T>(from: readonly T[]): T => from[random(from.length)] as T;
  const id = (): bigint =>
    pick([1n, 2n, 3n, 200n, 40_000n, 0xffffffffffffffffn, BigInt(random(60))]);
  const tags = (): string[] => Array.from({ length: random(4) }, () => pick(tagWords));
  const task = (): Call => {
    const op = pick(["create", "create", "rename", "complete", "delete"] as const);
    if (op === "delete") return [op, id()];
    return op === "complete" ? [op, id(), pick(times)] : [op, id(), pick(words), pick(times)];
  };
  const memory = (): Call => {
    const op = pick(["store", "store", "retag", "pin", "unpin", "delete"] as const);
    if (op === "delete") return [op, id()];
    if (op === "retag") return [op, id(), tags(), pick(times)];
    if (op !== "store") return [op, id(), pick(times)];
    return [op, id(), pick(words), tags(), pick(["alice", "bob"]), pick(times)];
  };
  return {
    tasks: Array.from({ length: count }, task),
    memories: Array.from({ length: count }, memory),
  };
}

const common = [
  { order_by: "id_asc" },
  { order_by: "id_desc", limit: 5n },
  { created_after_ns: 1n, created_before_ns: 300n },
  { updated_after_ns: 128n, order_by: "id_asc" },
];
const parts = ["STRASSE", "ß", "σας", "ΣΑΣ", "σασ", "i̇stan", "istan", "ok", "🙂", "DOCS", ""];
const queries = {
  tasks: [
    ...common,
    { status: "pending" },
    { status: "Completed", created_after_ns: 127n },
    ...parts.map((part) => ({ title_contains: part })),
  ],
  memories: [
    ...common,
    { source: "alice", pinned: true },
    { tag: "b" },
    { tag: "" },
    { any_tag: ["a", "été"], pinned: false },
    { all_tags: ["a", "b"] },
    { any_tag: [], all_tags: [] },
    ...parts.map((part) => ({ content_contains: part })),
  ],
};

function camel(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [
      name.replace(/_([a-z])/gu, (_match, letter: string) => letter.toUpperCase()),
      name === "limit" ? Number(value) : value,
    ]),
  );
}

function byId(rows: readonly Readonly<Record<string, unknown>>[]): Record<string, unknown>[] {
  return rows
    .map(camel)
    .sort((a, b) => (BigInt(String(a["id"])) < BigInt(String(b["id"])) ? -1 : 1));
}

function call(adapter: TasksAdapter | MemoriesAdapter, [op, ...args]: Call): bigint {
  return (Reflect.get(adapter, op) as (...values: unknown[]) => bigint).apply(adapter, args);
}

/** What our NetDb answers to each query, in the order of ids, since the reference's is not fixed. */
function answers(db: NetDb) {
  const ask = (adapter: TasksAdapter | MemoriesAdapter, query: object) =>
    byId(adapter.list(camel(query) as TaskFilter) as unknown as Record<string, unknown>[]);
  return {
    tasks: queries.tasks.map((query) => ask(db.tasks, query)),
    memories: queries.memories.map((query) => ask(db.memories, query)),
  };
}

async function inScratch(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "cortex-interop-"));
  try {
    await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function logBytes(directory: string, model: string): Promise<Buffer> {
  return readFile(join(directory, "cortex", model, "v0000000001", "dat"));
}

it.each([1, 2, 3])(
  "what we write the reference reads, continues, and gives back (seed %i)",
  async (seed) => {
    await inScratch(async (directory) => {
      const calls = randomCalls(seed, 300);
      const ours = await NetDb.open({ ...both, directory });
      for (const model of models) for (const each of calls[model]) call(ours[model], each);
      const expected = answers(ours);
      await ours.close();

      const more = randomCalls(seed + 100, 100);
      const read = await runCortexPeer({ origin, directory, queries });
      for (const model of models) expect(read.found[model].map(byId)).toEqual(expected[model]);
      const continued = await runCortexPeer({ origin, directory, ...more, queries });
      expect(continued.seqs.tasks).toEqual(more.tasks.map((_call, at) => 300n + BigInt(at)));

      await using again = await NetDb.open({ ...both, directory });
      const found = answers(again);
      for (const model of models) expect(continued.found[model].map(byId)).toEqual(found[model]);
    });
  },
);

it("both write the same bytes for the same operations, and answer alike", async () => {
  await inScratch(async (ours) => {
    await inScratch(async (theirs) => {
      const calls = randomCalls(42, 300);
      const db = await NetDb.open({ ...both, directory: ours });
      for (const model of models) for (const each of calls[model]) call(db[model], each);
      const expected = answers(db);
      await db.close();
      const report = await runCortexPeer({ origin, directory: theirs, ...calls, queries });
      for (const model of models) {
        expect(report.found[model].map(byId)).toEqual(expected[model]);
        expect((await logBytes(ours, model)).equals(await logBytes(theirs, model))).toBe(true);
      }
    });
  });
});

it("bundles open on the other side, over the log and without it", async () => {
  await inScratch(async (directory) => {
    const calls = randomCalls(7, 200);
    const ours = await NetDb.open({ ...both, directory });
    for (const model of models) for (const each of calls[model]) call(ours[model], each);
    const bundle = Buffer.from(ours.snapshot()).toString("hex");
    const expected = answers(ours);
    await ours.close();

    const alone = await runCortexPeer({ origin, bundle, queries });
    for (const model of models) expect(alone.found[model].map(byId)).toEqual(expected[model]);
    const more = randomCalls(8, 50);
    const theirs = await runCortexPeer({ origin, directory, bundle, ...more, queries });
    expect(theirs.seqs.memories[0]).toBe(200n);

    const theirBundle = Buffer.from(theirs.bundle, "hex");
    const inMemory = await NetDb.openFromSnapshot(theirBundle, both);
    await using restored = await NetDb.openFromSnapshot(theirBundle, { ...both, directory });
    for (const db of [inMemory, restored]) {
      const found = answers(db);
      for (const model of models) expect(theirs.found[model].map(byId)).toEqual(found[model]);
    }
    expect(restored.tasks.progress.startSeq).toBe(250n);
    expect(restored.snapshot()).toHaveLength(theirBundle.length);
  });
});

it("both pass over the same events, and stop counting at the same one", async () => {
  await inScratch(async (directory) => {
    const redex = await Redex.open(directory);
    const db = await NetDb.open({ ...both, store: redex });
    const log = await redex.openFile("cortex/tasks");
    const raw = (dispatch: number, tail: readonly number[], originHash = origin): Uint8Array =>
      encodeEnvelope(new PostcardWriter(), { dispatch, originHash, seqOrTs: 90n }, (writer) =>
        writer.raw(new Uint8Array(tail)),
      );
    db.tasks.create(1n, "first", 1n);
    log.append(raw(0x7f, [1, 2, 3])); // an operation that nobody knows
    log.append(raw(0x04, [1, 99, 99])); // a delete with bytes behind it
    db.tasks.create(2n, "second", 2n);
    log.append(raw(0x01, [3, 1, 0x78, 5], 77n)); // another writer's create
    const [reserved, damaged] = [raw(0x02, [2, 1, 0x79, 6]), raw(0x02, [2, 1, 0x7a, 6])];
    reserved.fill(0xee, 2, 4);
    damaged[25] = 0;
    log.append(reserved);
    log.append(damaged);
    log.append(new Uint8Array([1, 2, 3]));
    log.append(raw(0x02, [2])); // ends too early
    log.append(raw(0x02, [2, 1, 0xff, 6])); // not UTF-8
    db.tasks.complete(2n, 7n);
    const expected = answers(db);
    const ours = decodeBundle(db.snapshot());
    expect(db.tasks.progress).toMatchObject({ folded: 10n, applied: 5n, skipped: 4 });
    expect(db.tasks.list().map(({ title }) => title)).toEqual(["y", "x"]);
    await redex.close();

    const report = await runCortexPeer({ origin, directory, queries });
    const theirs = decodeBundle(Buffer.from(report.bundle, "hex"));
    for (const model of models) expect(report.found[model].map(byId)).toEqual(expected[model]);
    expect(theirs.tasks?.lastSeq).toBe(ours.tasks?.lastSeq);
    expect(theirs.tasks?.bytes.slice(0, 2)).toEqual(ours.tasks?.bytes.slice(0, 2));
  });
});
