import { cp, mkdir, mkdtemp, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redex } from "@gaiaftcl/redex";
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoriesAdapter } from "./memories-adapter.js";
import { NetDb } from "./net-db.js";
import {
  applyMemory,
  applyTask,
  memoryFilter,
  memorySteps,
  replayMemories,
  replayTasks,
  searchMemories,
  searchTasks,
  taskFilter,
  taskSteps,
} from "./reference-model.testing.js";
import { TasksAdapter } from "./tasks-adapter.js";

const originHash = 7n;

it("answers any question about tasks as the reference model does, after any operations", async () => {
  await fc.assert(
    fc.asyncProperty(
      taskSteps(300, 900),
      taskSteps(300, 90),
      fc.array(taskFilter, { minLength: 4, maxLength: 8 }),
      async (before, after, filters) => {
        const log = await (await Redex.open()).openFile("cortex/tasks");
        const tasks = await TasksAdapter.open(log, { originHash });
        for (const step of before) applyTask(tasks, step);
        const rows = replayTasks(before);
        for (const filter of filters) expect(tasks.list(filter)).toEqual(searchTasks(rows, filter));
        // Now that there are indexes, each change has to keep them right.
        for (const step of after) applyTask(tasks, step);
        const later = replayTasks([...before, ...after]);
        for (const filter of filters)
          expect(tasks.list(filter)).toEqual(searchTasks(later, filter));
        expect(tasks.count()).toBe(later.length);
      },
    ),
    { numRuns: 60 },
  );
});

it("answers any question about memories as the reference model does", async () => {
  await fc.assert(
    fc.asyncProperty(
      memorySteps(300, 900),
      memorySteps(300, 90),
      fc.array(memoryFilter, { minLength: 4, maxLength: 8 }),
      async (before, after, filters) => {
        const log = await (await Redex.open()).openFile("cortex/memories");
        const memories = await MemoriesAdapter.open(log, { originHash });
        for (const step of before) applyMemory(memories, step);
        const rows = replayMemories(before);
        for (const filter of filters) {
          expect(memories.list(filter)).toEqual(searchMemories(rows, filter));
        }
        for (const step of after) applyMemory(memories, step);
        const later = replayMemories([...before, ...after]);
        for (const filter of filters) {
          expect(memories.list(filter)).toEqual(searchMemories(later, filter));
        }
      },
    ),
    { numRuns: 60 },
  );
});

it("is what a prefix of its operations makes of it after any crash, and goes on from there", async () => {
  const root = await mkdtemp(join(tmpdir(), "cortex-crash-"));
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(
        taskSteps(12, 60),
        memorySteps(12, 60),
        taskSteps(12, 10),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom("dat", "idx", "ts", "none"),
        async (taskHistory, memoryHistory, later, cut, torn) => {
          run += 1;
          const original = join(root, `${run}`);
          const crashed = join(root, `${run}-crashed`);
          const db = await NetDb.open({
            directory: original,
            originHash,
            withTasks: true,
            withMemories: true,
          });
          for (const step of taskHistory) applyTask(db.tasks, step);
          for (const step of memoryHistory) applyMemory(db.memories, step);
          // What a killed process leaves: the files as they are, and one of them cut short.
          await mkdir(crashed);
          await cp(join(original, "cortex"), join(crashed, "cortex"), { recursive: true });
          await db.close();
          if (torn !== "none") {
            const file = join(crashed, "cortex", "tasks", "v0000000001", torn);
            await truncate(file, Math.floor((await stat(file)).size * cut));
          }

          const redex = await Redex.open(crashed);
          const { nextSeq } = await redex.openFile("cortex/tasks");
          const survivors = taskHistory.slice(0, Number(nextSeq));
          if (torn === "none" || torn === "ts") expect(survivors).toHaveLength(taskHistory.length);
          const again = await NetDb.open({
            store: redex,
            originHash,
            withTasks: true,
            withMemories: true,
          });
          expect(again.tasks.list()).toEqual(searchTasks(replayTasks(survivors), {}));
          expect(again.memories.list()).toEqual(searchMemories(replayMemories(memoryHistory), {}));
          for (const step of later) applyTask(again.tasks, step);
          const expected = searchTasks(replayTasks([...survivors, ...later]), {});
          expect(again.tasks.list()).toEqual(expected);
          await redex.close();

          await using third = await NetDb.open({ directory: crashed, originHash, withTasks: true });
          expect(third.tasks.list()).toEqual(expected);
        },
      ),
      { numRuns: 25 },
    );
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

it("is the same state from a bundle taken at any point and the log after it", async () => {
  await fc.assert(
    fc.asyncProperty(
      taskSteps(10, 30),
      taskSteps(10, 30),
      memorySteps(10, 30),
      memorySteps(10, 30),
      async (tasksBefore, tasksAfter, memoriesBefore, memoriesAfter) => {
        const store = await Redex.open();
        const options = { store, originHash, withTasks: true, withMemories: true };
        const db = await NetDb.open(options);
        for (const step of tasksBefore) applyTask(db.tasks, step);
        for (const step of memoriesBefore) applyMemory(db.memories, step);
        const bundle = db.snapshot();
        for (const step of tasksAfter) applyTask(db.tasks, step);
        for (const step of memoriesAfter) applyMemory(db.memories, step);
        const restored = await NetDb.openFromSnapshot(bundle, options);
        expect(restored.tasks.list()).toEqual(db.tasks.list());
        expect(restored.memories.list()).toEqual(db.memories.list());
        expect(restored.tasks.list()).toEqual(
          searchTasks(replayTasks([...tasksBefore, ...tasksAfter]), {}),
        );
        await store.close();
      },
    ),
    { numRuns: 40 },
  );
});
