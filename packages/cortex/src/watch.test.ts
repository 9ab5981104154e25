import { Redex } from "@gaiaftcl/redex";
import fc from "fast-check";
import { expect, it } from "vitest";
import { TasksAdapter } from "./tasks-adapter.js";

async function open(): Promise<TasksAdapter> {
  const log = await (await Redex.open()).openFile("cortex/tasks");
  return TasksAdapter.open(log, { originHash: 1n });
}

function ids(result: IteratorResult<readonly { readonly id: bigint }[], undefined>): bigint[] {
  return (result.value ?? []).map(({ id }) => id);
}

/** Whether a promise settles by itself within a few turns of the event loop. */
async function settles(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol("pending");
  const turns = (async () => {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return pending;
  })();
  return (await Promise.race([promise, turns])) !== pending;
}

it("gives the current list first, then each that differs", async () => {
  const tasks = await open();
  tasks.create(1n, "one", 1n);
  const watch = tasks.watchList();
  expect(ids(await watch.next())).toEqual([1n]);
  const next = watch.next();
  tasks.create(2n, "two", 2n);
  expect(ids(await next)).toEqual([1n, 2n]);
});

it("makes one item of many quick writes", async () => {
  const tasks = await open();
  const watch = tasks.watchList();
  await watch.next();
  for (let id = 1n; id <= 57n; id += 1n) tasks.create(id, "quick", id);
  expect(ids(await watch.next())).toHaveLength(57);
  expect(await settles(watch.next())).toBe(false);
  await watch.return();
});

it("says nothing of writes that do not change the result", async () => {
  const tasks = await open();
  tasks.create(1n, "one", 1n);
  const watch = tasks.watchList({ status: "completed" });
  expect(ids(await watch.next())).toEqual([]);
  const next = watch.next();
  tasks.create(2n, "two", 2n);
  tasks.rename(1n, "uno", 3n);
  tasks.delete(99n);
  expect(await settles(next)).toBe(false);
  tasks.complete(1n, 4n);
  expect(ids(await next)).toEqual([1n]);
});

it("does not repeat an equal list made of new records", async () => {
  const tasks = await open();
  tasks.create(1n, "same", 1n);
  const watch = tasks.watchList();
  await watch.next();
  tasks.create(1n, "same", 1n);
  const next = watch.next();
  expect(await settles(next)).toBe(false);
  await watch.return();
  expect(await next).toEqual({ done: true, value: undefined });
});

it("loses nothing between a snapshot and its watch, wherever a write comes in", async () => {
  const tasks = await open();
  tasks.create(1n, "one", 1n);
  const { snapshot, updates } = tasks.snapshotAndWatchList();
  tasks.create(2n, "two", 2n);
  expect(snapshot.map(({ id }) => id)).toEqual([1n]);
  expect(ids(await updates.next())).toEqual([1n, 2n]);
  expect(await settles(updates.next())).toBe(false);
  await updates.return();
});

it("ends when it is returned, when the adapter is closed, and when its signal is aborted", async () => {
  const tasks = await open();
  const abort = new AbortController();
  const returned = tasks.snapshotAndWatchList().updates;
  const aborted = tasks.snapshotAndWatchList({}, { signal: abort.signal }).updates;
  const closed = tasks.snapshotAndWatchList().updates;
  const waiting = [returned.next(), aborted.next(), closed.next()] as const;
  await returned.return();
  await returned.return();
  expect(await waiting[0]).toEqual({ done: true, value: undefined });
  abort.abort();
  await expect(waiting[1]).rejects.toMatchObject({ code: "ABORTED" });
  tasks.create(1n, "last", 1n);
  tasks.close();
  expect(ids(await waiting[2])).toEqual([1n]);
  expect(await closed.next()).toEqual({ done: true, value: undefined });
  expect(await returned.next()).toEqual({ done: true, value: undefined });
});

it("answers calls of next in their order, and works in a for await loop", async () => {
  const tasks = await open();
  const watch = tasks.watchList();
  const results = [watch.next(), watch.next(), watch.next()];
  await results[0];
  tasks.create(1n, "one", 1n);
  await results[1];
  tasks.create(2n, "two", 2n);
  expect((await Promise.all(results)).map(ids)).toEqual([[], [1n], [1n, 2n]]);
  await using looped = tasks.watchList();
  for await (const list of looped) {
    if (list.length === 4) break;
    tasks.create(BigInt(list.length + 1), "more", 3n);
  }
  expect(tasks.count()).toBe(4);
});

it("passes on what a query throws, and stays usable", async () => {
  const tasks = await open();
  const watch = tasks.watchList({ status: "nonsense" as "pending" });
  await expect(watch.next()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await watch.return();
});

it("ends at the state of the end, and never repeats itself, however reads and writes mix", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("create" as const), id: fc.bigInt({ min: 0n, max: 5n }) }),
    fc.record({ kind: fc.constant("complete" as const), id: fc.bigInt({ min: 0n, max: 5n }) }),
    fc.record({ kind: fc.constant("delete" as const), id: fc.bigInt({ min: 0n, max: 5n }) }),
    fc.constant({ kind: "yield" as const, id: 0n }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const tasks = await open();
      const { snapshot, updates } = tasks.snapshotAndWatchList({ status: "pending" });
      const seen = [snapshot];
      const reading = (async () => {
        for await (const list of updates) seen.push(list);
      })();
      for (const { kind, id } of steps) {
        if (kind === "create") tasks.create(id, "t", 1n);
        else if (kind === "complete") tasks.complete(id, 2n);
        else if (kind === "delete") tasks.delete(id);
        else await new Promise((resolve) => setImmediate(resolve));
      }
      tasks.close();
      await reading;
      expect(seen.at(-1)).toEqual(tasks.list({ status: "pending" }));
      for (let at = 1; at < seen.length; at += 1) expect(seen[at]).not.toEqual(seen[at - 1]);
    }),
  );
});
