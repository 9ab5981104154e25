import { Buffer } from "node:buffer";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redex } from "@gaiaftcl/redex";
import fc from "fast-check";
import { expect, it } from "vitest";
import { NetDb } from "./net-db.js";
import { TasksAdapter } from "./tasks-adapter.js";
import { hex, loadVectors, vectorsDirectory } from "./vectors.testing.js";

const originHash = 0xabcdef01n;
const written = new Set(
  loadVectors().cortex.flatMap(({ ops }) => ops.map(({ payload }) => payload)),
);
const titles = new Set(
  loadVectors().cortex.flatMap(({ ops }) => ops.flatMap(({ args }) => args.map(String))),
);

it("opens the reference's files however they were damaged, and invents nothing", async () => {
  const root = await mkdtemp(join(tmpdir(), "cortex-damage-"));
  let run = 0;
  const damage = fc.record({
    file: fc.constantFrom("dat", "idx", "ts"),
    at: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
    cut: fc.boolean(),
  });
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
        run += 1;
        const directory = join(root, `${run}`);
        const log = join(directory, "cortex", "tasks");
        await cp(join(vectorsDirectory, "tasks-log"), log, { recursive: true });
        for (const { file, at, bytes, cut } of damages) {
          const path = join(log, "v0000000001", file);
          const content = await readFile(path);
          const position = Math.floor(content.length * at);
          if (!cut) content.set(bytes.subarray(0, content.length - position), position);
          await writeFile(path, cut ? content.subarray(0, position) : content);
        }
        await using redex = await Redex.open(directory);
        const file = await redex.openFile("cortex/tasks");
        const adapter = await TasksAdapter.open(file, { originHash });
        // Whatever was passed over is counted; whatever was folded is something that was written.
        const survivors = file.readRange(0n, file.nextSeq);
        const foreign = survivors.filter(({ payload }) => !written.has(hex(payload)));
        expect(adapter.progress.skipped).toBeGreaterThanOrEqual(foreign.length === 0 ? 0 : 1);
        expect(adapter.running).toBe(true);
        for (const { title } of adapter.list()) expect(titles).toContain(title);
        adapter.create(1_000n, "still working", 1n);
        expect(adapter.get(1_000n)?.title).toBe("still working");
      }),
      { numRuns: 150 },
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

it.each([1n << 40n, 1n << 60n, 0xfffffffffffffffen])(
  "is not held up by a damaged record that claims to be event %s",
  async (seq) => {
    const directory = await mkdtemp(join(tmpdir(), "cortex-far-"));
    try {
      const log = join(directory, "cortex", "tasks");
      await cp(join(vectorsDirectory, "tasks-log"), log, { recursive: true });
      const path = join(log, "v0000000001", "idx");
      const index = await readFile(path);
      index.writeBigUInt64LE(seq, index.length - 20);
      await writeFile(path, index);
      await using db = await NetDb.open({ directory, originHash, withTasks: true });
      expect(db.tasks.get(6n)?.title).toBe("dup again");
      expect(db.tasks.progress).toMatchObject({ folded: seq, applied: 16n });
      expect(db.tasks.create(7n, "after it", 1n)).toBe(seq + 1n);
      expect(db.tasks.get(7n)?.title).toBe("after it");
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
);

it("opens from any bytes as a bundle, or says that they are none", async () => {
  const bundles = loadVectors().snapshots.map(({ bytes }) => Buffer.from(bytes, "hex"));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...bundles),
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      fc.uint8Array({ maxLength: 6 }),
      async (bundle, at, bytes) => {
        const changed = Buffer.from(bundle);
        const position = Math.floor(changed.length * at);
        changed.set(bytes.subarray(0, changed.length - position), position);
        try {
          const db = await NetDb.openFromSnapshot(changed, {
            originHash,
            withTasks: true,
            withMemories: true,
          });
          expect(db.tasks.list()).toHaveLength(db.tasks.count());
          await db.close();
        } catch (error) {
          expect(error).toMatchObject({ code: "DECODE" });
        }
      },
    ),
    { numRuns: 400 },
  );
});
