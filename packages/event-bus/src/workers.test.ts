import { BroadcastChannel } from "node:worker_threads";
import { EventBus } from "@gaiaftcl/event-bus";
import { type WorkerFailure, workerPool } from "@gaiaftcl/event-bus/workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SharedRing } from "./shared-ring.js";

let channels = 0;

/** A handler as a module of its own, and what it posts with `post(value)`. */
function handler<T>(body: string): { url: URL; posted: T[]; close: () => void } {
  const name = `event-bus-workers-${process.pid}-${channels++}`;
  const channel = new BroadcastChannel(name);
  const posted: T[] = [];
  channel.onmessage = (message) => posted.push((message as { data: T }).data);
  channel.unref();
  const source = `
    import { BroadcastChannel, threadId } from "node:worker_threads";
    const channel = new BroadcastChannel("${name}");
    channel.unref();
    const post = (value) => channel.postMessage(value);
    export ${body}
  `;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  return { url, posted, close: () => channel.close() };
}

describe("a worker pool", () => {
  it("handles every event once, those of a shard in one thread and in order", async () => {
    const bus = new EventBus({ numShards: 4 });
    const { url, posted, close } = handler<[string, number, number]>(
      "function handle({ raw, shardId }) { post([raw, shardId, threadId]); }",
    );
    const pool = workerPool(bus, { handler: url, workers: 2, ringBytes: 4_096 });
    for (let i = 0; i < 5_000; i += 1) {
      bus.ingestRaw(`{"i":${i}}`);
      if (i % 100 === 0) await new Promise(setImmediate);
    }
    await bus.close();
    await pool.finished();
    await expect.poll(() => posted.length, { timeout: 20_000 }).toBe(5_000);
    const threads = new Map<number, Set<number>>();
    for (let shard = 0; shard < 4; shard += 1) {
      const ofShard = posted.filter(([, each]) => each === shard);
      const numbers = ofShard.map(([raw]) => (JSON.parse(raw) as { i: number }).i);
      expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      threads.set(shard, new Set(ofShard.map(([, , thread]) => thread)));
      expect(threads.get(shard)?.size).toBe(1);
    }
    expect(threads.get(0)).toEqual(threads.get(2));
    expect(threads.get(0)).not.toEqual(threads.get(1));
    expect(pool.stats()).toEqual({ dispatched: 5_000, processed: 5_000, failed: 0, restarts: 0 });
    await pool.close();
    close();
  });

  it("tells of events its handler throws on, and goes on", async () => {
    const bus = new EventBus({ numShards: 1 });
    const failures: WorkerFailure[] = [];
    const { url, posted, close } = handler<string>(
      'async function handle({ raw }) { if (raw === "2") throw new Error("two"); post(raw); }',
    );
    const pool = workerPool(bus, { handler: url, onFailure: (failure) => failures.push(failure) });
    bus.ingestRawBatch(["1", "2", "3"]);
    await expect.poll(() => posted.length, { timeout: 20_000 }).toBe(2);
    await expect.poll(() => pool.stats()).toMatchObject({ processed: 3, failed: 1 });
    expect(failures).toMatchObject([
      { shardId: 0, id: "2", reason: expect.stringContaining("two") },
    ]);
    const cursor = pool.cursor;
    await pool.close();
    expect((await bus.poll({ limit: 10, cursor })).events).toEqual([]);
    await bus.close();
    close();
  });

  it("gives the event a thread died of to a new one, and gives up on it after three", async () => {
    const bus = new EventBus({ numShards: 1 });
    const failures: WorkerFailure[] = [];
    const { url, posted, close } = handler<string>(
      'function handle({ raw }) { post(raw); if (raw === "2") process.exit(1); }',
    );
    const pool = workerPool(bus, { handler: url, onFailure: (failure) => failures.push(failure) });
    bus.ingestRawBatch(["1", "2", "3"]);
    await expect.poll(() => pool.stats(), { timeout: 20_000 }).toMatchObject({ processed: 3 });
    expect(failures).toMatchObject([{ id: "2" }]);
    expect(pool.stats()).toMatchObject({ failed: 1, restarts: 3 });
    await expect.poll(() => posted.at(-1)).toBe("3");
    await pool.close();
    await bus.close();
    close();
  });

  it("filters, takes up a cursor, and ends threads that do not come to an end", async () => {
    const bus = new EventBus({ numShards: 1 });
    bus.ingestRawBatch(['{"k":1,"i":1}', '{"k":2}', '{"k":1,"i":3}']);
    const { url, posted, close } = handler<string>(
      "function handle({ raw }) { post(raw); for (;;); }",
    );
    const cursor = Buffer.from('{"0":"1"}').toString("base64");
    const pool = workerPool(bus, { handler: url, filter: { path: "k", value: 1 }, cursor });
    await expect.poll(() => posted, { timeout: 20_000 }).toEqual(['{"k":1,"i":3}']);
    await pool.close({ timeoutMs: 10 });
    expect(pool.stats()).toMatchObject({ dispatched: 1, processed: 0 });
    await bus.close();
    close();
  });

  it("says what is wrong with a handler or an event that cannot be used", async () => {
    const bus = new EventBus({ numShards: 1 });
    const none = workerPool(bus, { handler: handler("const other = 1;").url });
    await expect(none.finished()).rejects.toThrow(/exports no function called "handle"/);
    const missing = workerPool(bus, { handler: new URL("file:///nowhere/handler.js") });
    bus.ingestRaw("1");
    await expect(missing.finished()).rejects.toThrow(/cannot be used: Cannot find module/);
    const { url, close } = handler("function handle() {}");
    const small = workerPool(bus, { handler: url, ringBytes: 4_096 });
    bus.ingestRaw(`"${"x".repeat(5_000)}"`);
    await expect(small.finished()).rejects.toMatchObject({ code: "EVENT_TOO_LARGE" });
    for (const wrong of [
      { workers: 0 },
      { workers: 2 },
      { ringBytes: 5_000 },
      { ringBytes: 1_024 },
    ]) {
      expect(() => workerPool(bus, { handler: url, ...wrong })).toThrow(
        /invalid configuration|ringBytes/,
      );
    }
    await Promise.all([none.close(), missing.close(), small.close()]);
    await bus.close();
    close();
  });
});

describe("a shared ring", () => {
  it("gives back what was written, over any number of rounds and across the overflow of positions", () => {
    const event = fc.record({
      id: fc.string({ maxLength: 20 }),
      raw: fc.string({ unit: "grapheme", maxLength: 300 }),
      insertionTs: fc.bigInt(0n, 2n ** 64n - 1n),
      shardId: fc.nat(65_535),
      dedupId: fc.option(fc.string({ maxLength: 30 })),
    });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(event, fc.nat(3)), { maxLength: 100 }),
        fc.boolean(),
        (steps, late) => {
          const ring = SharedRing.allocate(4_096);
          const start = late ? 2 ** 31 - 2_048 : 0;
          ring.process(start);
          ring.publish(start);
          let position = start;
          const waiting: unknown[] = [];
          const take = (): void => {
            const { event: read, next } = ring.read(position);
            expect({ ...read, parse: 0 }).toEqual({ ...(waiting.shift() as object), parse: 0 });
            position = next;
            ring.process(position);
          };
          for (const [each, reads] of steps) {
            const wellFormed = {
              ...each,
              id: each.id.toWellFormed(),
              raw: each.raw.toWellFormed(),
              dedupId: each.dedupId?.toWellFormed() ?? null,
            };
            const stored = { ...wellFormed, parse: <T>() => undefined as T };
            let end = ring.write(stored, ring.written);
            while (end === undefined) {
              take();
              end = ring.write(stored, ring.written);
            }
            ring.publish(end);
            waiting.push(wellFormed);
            for (let i = 0; i < reads && waiting.length > 0; i += 1) take();
          }
          while (waiting.length > 0) take();
          expect(ring.processed).toBe(ring.written);
        },
      ),
    );
  });
});
