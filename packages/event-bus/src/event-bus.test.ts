import { execFile } from "node:child_process";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { discard } from "./discard.js";
import { EventBus, type EventBusStats } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import type { EventBusOptions } from "./event-bus-options.js";
import type { Backpressure } from "./intake.js";
import { memoryStore } from "./memory-store.js";
import { RedisStreamDedup } from "./redis-stream-dedup.js";
import { shardOf } from "./shard-selection.js";
import type { StoredEvent } from "./stored-event.js";
import { encodeStoredEvent } from "./stored-event.js";
import { StreamBackend } from "./stream-backend.testing.js";
import { vectors } from "./vectors.testing.js";

const modes: Readonly<Record<string, Backpressure>> = {
  drop_newest: "dropNewest",
  drop_oldest: "dropOldest",
  fail_producer: "failProducer",
};

/** Everything a bus has stored, shard by shard. */
async function drain(bus: EventBus): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let cursor: string | null = null;
  for (let hasMore = true; hasMore; ) {
    const response = await bus.poll({ limit: 1_000, cursor });
    events.push(...response.events);
    cursor = response.nextId;
    hasMore = response.hasMore;
  }
  return events;
}

function expectBalanced(stats: EventBusStats): void {
  const { delivered, failed, evicted, queued, inFlight, spillPending, undelivered } = stats;
  expect(stats.ingested + stats.recovered).toBe(
    delivered + failed + evicted + queued + inFlight + spillPending + undelivered,
  );
}

describe("a bus", () => {
  it("stores what it is given and gives it back verbatim", async () => {
    await using bus = new EventBus({ numShards: 1 });
    expect(bus.ingest({ token: "hello", index: 0, w: "wörld" })).toBe(true);
    expect(bus.ingestRaw('{ "n":1.0,\n"n":1 } ')).toBe(true);
    expect(bus.ingestRaw(Buffer.from("[1,2]"))).toBe(true);
    const { events, nextId, hasMore } = await bus.poll({ limit: 10 });
    expect(events.map(({ id, raw, shardId, dedupId }) => [id, raw, shardId, dedupId])).toEqual([
      ["1", '{"token":"hello","index":0,"w":"wörld"}', 0, null],
      ["2", '{ "n":1.0,\n"n":1 }', 0, null],
      ["3", "[1,2]", 0, null],
    ]);
    expect([nextId, hasMore]).toEqual([Buffer.from('{"0":"3"}').toString("base64"), false]);
    expect(events[0]?.parse()).toEqual({ token: "hello", index: 0, w: "wörld" });
    expect(encodeStoredEvent(events[2] as StoredEvent)).toBe(
      `{"id":"3","raw":[1,2],"insertion_ts":${events[2]?.insertionTs},"shard_id":0,"dedup_id":null}`,
    );
  });

  it("takes the texts that the reference can give back, and no others", () => {
    const bus = new EventBus({ numShards: 1, adapter: discard() });
    for (const { ingested, polled } of vectors.raw_acceptance.vectors) {
      // The reference stores this one and gives back "1": a text that leaves its envelope.
      const isJson = polled !== null && ingested !== '1,"x":5';
      if (isJson) expect(bus.ingestRaw(ingested)).toBe(true);
      else expect(() => bus.ingestRaw(ingested)).toThrow(/expected exactly one JSON value/);
    }
    expect(() => bus.ingestRaw('"\ud800"')).toThrow(/expected Unicode text/);
    expect(() => bus.ingestRaw(Buffer.from([0x22, 0xff, 0x22]))).toThrow(/expected Unicode text/);
    expect(() => bus.ingestRaw(5 as unknown as string)).toThrow(EventBusError);
    expect(() => bus.ingest(undefined as unknown as object)).toThrow(EventBusError);
    expect(() => bus.ingest({ n: 1n })).toThrow(/no JSON text/);
    expectBalanced(bus.stats());
  });

  it("counts the events of a batch that it does not take, and takes the others", async () => {
    await using bus = new EventBus({ numShards: 2, maxEventBytes: 50_000 });
    const batch = [
      '{"a":1}',
      "nope",
      '"é"',
      '"\ud800"',
      Buffer.from("[]"),
      "",
      '"ok"',
      `"${"x".repeat(50_000)}"`,
    ];
    expect(bus.ingestRawBatch(batch)).toBe(4);
    expect(bus.ingestRawBatch(['{"a":1}', "nope", "{}"])).toBe(2);
    expect(bus.ingestRawBatch([])).toBe(0);
    expect(bus.stats()).toMatchObject({ ingested: 6, invalid: 5, dropped: 0 });
    expect((await drain(bus)).map(({ raw }) => raw).toSorted()).toEqual(
      ['{"a":1}', '"é"', "[]", '"ok"', '{"a":1}', "{}"].toSorted(),
    );
  });

  it("takes events of any size up to its limit, larger than all its buffers", async () => {
    await using bus = new EventBus({ numShards: 3 });
    const texts = [10, 70_000, 90_000, 262_142, 262_144, 300_000, 5_000_000].flatMap((size) => [
      `"${"x".repeat(size)}"`,
      `"${"é".repeat(size / 2)}"`,
      "[".repeat(size / 2) + "]".repeat(size / 2),
    ]);
    for (const text of texts) bus.ingestRaw(text);
    for (const text of texts) bus.ingestRaw(Buffer.from(text));
    bus.ingestRawBatch([...texts, ...texts.map((text) => Buffer.from(text))]);
    const found = (await drain(bus)).map(({ raw }) => raw);
    for (const text of texts) expect(found.filter((raw) => raw === text)).toHaveLength(4);
    expect(() => bus.ingestRaw(`"${"x".repeat(16_777_215)}"`)).toThrow(/larger than maxEventBytes/);
    expect(bus.stats()).toMatchObject({ ingested: texts.length * 4, invalid: 1 });
  });

  it("puts every event where every other implementation puts it", async () => {
    await using bus = new EventBus({ numShards: 7 });
    const texts = Array.from({ length: 5_000 }, (_, i) => `{"i":${i},"é":"${i % 7}"}`);
    bus.ingestRawBatch(texts.slice(0, 2_500));
    for (const text of texts.slice(2_500)) bus.ingestRaw(text);
    const events = await drain(bus);
    expect(events).toHaveLength(5_000);
    for (const { raw, shardId } of events) expect(shardId).toBe(shardOf(raw, 7));
  });

  it("stamps events so that their order within and across shards can be told", async () => {
    await using bus = new EventBus({ numShards: 4 });
    const texts = Array.from({ length: 10_000 }, (_, i) => String(i));
    for (const text of texts) bus.ingestRaw(text);
    const { events } = await bus.poll({ limit: 10_000, ordering: "insertion_ts" });
    expect(events.map(({ raw }) => raw)).toEqual(texts);
    const later = new EventBus({ numShards: 1 });
    later.ingestRaw("1");
    await later.flush();
    later.ingestRaw("2");
    const [first, second] = (await drain(later)).map(({ insertionTs }) => insertionTs);
    expect(first).toBeLessThan(second as bigint);
    expect(first).toBeLessThan(60_000_000_000n);
  });

  it("refuses work after it was closed, and may be closed twice", async () => {
    const bus = new EventBus({ numShards: 1 });
    bus.ingestRaw("1");
    const stats = await bus.close();
    expect(stats).toMatchObject({ delivered: 1, undelivered: 0 });
    expect(await bus.close()).toEqual(stats);
    const isClosed = { code: "CLOSED" };
    expect(() => bus.ingestRaw("1")).toThrow(expect.objectContaining(isClosed));
    expect(() => bus.ingestRawBatch([])).toThrow(expect.objectContaining(isClosed));
    expect(() => bus.events()).toThrow(expect.objectContaining(isClosed));
    await expect(bus.poll({ limit: 1 })).rejects.toMatchObject(isClosed);
    await expect(bus.flush()).rejects.toMatchObject(isClosed);
    await expect(bus.writable()).rejects.toMatchObject(isClosed);
    await expect(bus.ready()).rejects.toMatchObject(isClosed);
  });

  it("stores what was ingested although the process ends without closing it", async () => {
    const program = `
      import { EventBus } from "@gaiaftcl/event-bus";
      let stored = 0;
      const adapter = {
        name: "slow",
        append: (batch) => new Promise((resolve) => setTimeout(() => {
          stored += batch.count;
          if (stored === 500) console.log("stored", stored);
          resolve();
        }, 20)),
        read: () => { throw new Error("not read"); },
        close: async () => {},
      };
      const bus = new EventBus({ numShards: 2, adapter });
      for (let i = 0; i < 500; i += 1) bus.ingest({ i });
    `;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", program],
      { cwd: import.meta.dirname },
    );
    expect(stdout.trim()).toBe("stored 500");
  });

  it("refuses options that cannot be used, as the reference does", () => {
    const names: Readonly<Record<string, keyof EventBusOptions>> = {
      num_shards: "numShards",
      ring_buffer_capacity: "ringBufferCapacity",
      backpressure_mode: "backpressure",
    };
    let checked = 0;
    for (const { kwargs, ok } of vectors.constructor) {
      if (!Object.keys(kwargs).every((name) => name in names)) continue;
      const options = Object.fromEntries(
        Object.entries(kwargs).map(([name, value]) => [names[name] as string, value]),
      ) as EventBusOptions;
      checked += 1;
      if (ok) expect(() => new EventBus({ ...options, adapter: discard() })).not.toThrow();
      else expect(() => new EventBus(options)).toThrow(EventBusError);
    }
    expect(checked).toBe(10);
    expect(() => new EventBus({ numShards: 0 })).toThrow("numShards must be > 0");
    expect(() => new EventBus({ ringBufferCapacity: 1_000 })).toThrow("must be a power of 2");
    expect(() => new EventBus({ ringBufferCapacity: 512 })).toThrow("must be >= 1024");
    expect(() => new EventBus({ ringBufferCapacity: 0 })).toThrow("must be a power of 2");
    for (const wrong of [
      { maxEventBytes: 0 },
      { retry: { attempts: 0 } },
      { appendTimeoutMs: 0 },
      { spillAfterAttempts: 0 },
      { retry: { baseDelayMs: -1 } },
    ]) {
      expect(() => new EventBus(wrong)).toThrow(EventBusError);
    }
  });

  it("can be told to discard everything, as the reference does by default", async () => {
    await using bus = new EventBus({ numShards: 2, adapter: discard() });
    bus.ingest({ a: 1 });
    expect(await bus.poll({ limit: 10 })).toMatchObject({
      events: [],
      nextId: null,
      hasMore: false,
    });
    expect(bus.stats()).toMatchObject({ ingested: 1, delivered: 1 });
  });
});

describe("a ring", () => {
  for (const vector of vectors.ring_capacity) {
    const { mode, ring_buffer_capacity: ringBufferCapacity } = vector;
    it(`of ${ringBufferCapacity} keeps of a batch what the reference keeps: ${mode}`, async () => {
      const options = { numShards: vector.num_shards, ringBufferCapacity };
      await using bus = new EventBus({ ...options, backpressure: modes[mode] as Backpressure });
      const batch = Array.from({ length: 10_000 }, (_, i) => String(i));
      expect(bus.ingestRawBatch(batch)).toBe(vector.returned);
      const stored = (await drain(bus)).map(({ raw }) => Number(raw));
      expect([stored.length, stored[0], stored.at(-1)]).toEqual([
        vector.stored_count,
        vector.first_stored,
        vector.last_stored,
      ]);
      const stats = bus.stats();
      expect(stats).toMatchObject({
        ingested: vector.events_ingested,
        dropped: vector.events_dropped,
      });
      // The reference does not count these.
      expect(stats.evicted).toBe(vector.events_ingested - vector.stored_count);
      expectBalanced(stats);
    });
  }

  it("is emptied whenever it is full, as long as the adapter takes events at once", async () => {
    const options = { numShards: 1, ringBufferCapacity: 1_024 };
    await using bus = new EventBus({ ...options, backpressure: "failProducer" });
    for (let i = 0; i < 20_000; i += 1) bus.ingestRaw(String(i));
    expect((await drain(bus)).map(({ raw }) => Number(raw))).toEqual([...Array(20_000).keys()]);
  });

  it("that cannot be emptied tells its producer when it may go on", async () => {
    const backend = new StreamBackend();
    const options = { numShards: 1, ringBufferCapacity: 1_024, adapter: backend };
    await using bus = new EventBus({ ...options, backpressure: "failProducer" });
    for (let next = 0; next < 10_000; ) {
      try {
        bus.ingestRaw(String(next));
        next += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: "RING_FULL" });
        await bus.writable();
      }
    }
    await bus.flush();
    expect(backend.texts(0)).toEqual(Array.from({ length: 10_000 }, (_, i) => String(i)));
    expect(bus.stats()).toMatchObject({ ingested: 10_000, delivered: 10_000, evicted: 0 });
    expect(bus.stats().dropped).toBeGreaterThan(0);
  });

  it("is emptied between batches of one turn by an adapter that takes events at once", async () => {
    const bus = new EventBus({ numShards: 2, ringBufferCapacity: 4_096, adapter: discard() });
    for (let i = 0; i < 50; i += 1) {
      bus.ingestRawBatch(Array.from({ length: 1_000 }, (_, j) => String(i * 1_000 + j)));
    }
    expect(await bus.close()).toMatchObject({ ingested: 50_000, delivered: 50_000, evicted: 0 });
  });

  it("counts exactly, in every mode, whatever comes in and however the adapter behaves", async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ batch: fc.integer({ min: 0, max: 3_000 }) }) },
      { weight: 3, arbitrary: fc.record({ single: fc.integer({ min: 1, max: 1_500 }) }) },
      { weight: 1, arbitrary: fc.record({ wait: fc.constant(true) }) },
      { weight: 1, arbitrary: fc.record({ flush: fc.constant(true) }) },
    );
    const setting = fc.record({
      backpressure: fc.constantFrom<Backpressure>("dropOldest", "dropNewest", "failProducer"),
      numShards: fc.integer({ min: 1, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(setting, fc.array(step, { maxLength: 12 }), async (options, steps) => {
        const backend = new StreamBackend();
        const bus = new EventBus({ ...options, ringBufferCapacity: 1_024, adapter: backend });
        const offered: string[] = [];
        const refused = new Set<string>();
        for (const action of steps) {
          if ("batch" in action) {
            const batch = Array.from({ length: action.batch }, (_, i) =>
              String(offered.length + i),
            );
            offered.push(...batch);
            bus.ingestRawBatch(batch);
          } else if ("single" in action) {
            for (let i = 0; i < action.single; i += 1) {
              const text = String(offered.length);
              offered.push(text);
              try {
                if (!bus.ingestRaw(text)) refused.add(text);
              } catch {
                refused.add(text);
              }
            }
          } else if ("wait" in action) await new Promise(setImmediate);
          else await bus.flush();
          expectBalanced(bus.stats());
        }
        const stats = await bus.close();
        expectBalanced(stats);
        expect(stats.ingested + stats.dropped).toBe(offered.length);
        expect(stats).toMatchObject({ queued: 0, inFlight: 0, undelivered: 0, failed: 0 });
        let stored = 0;
        for (let shard = 0; shard < options.numShards; shard += 1) {
          const numbers = backend.texts(shard).map(Number);
          stored += numbers.length;
          // In the order they were offered, none twice, and none that was refused.
          expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
          for (const number of numbers) {
            expect(shardOf(String(number), options.numShards)).toBe(shard);
            expect(refused.has(String(number))).toBe(false);
          }
        }
        expect(stored).toBe(stats.delivered);
        if (options.backpressure !== "dropOldest") expect(stats.evicted).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a memory store", () => {
  it("gives up the oldest events beyond its limits, and says how many a reader missed", async () => {
    const store = memoryStore({ maxEvents: 100 });
    await using bus = new EventBus({ numShards: 1, adapter: store });
    for (let i = 0; i < 250; i += 1) bus.ingestRaw(String(i));
    const { events, missed, nextId } = await bus.poll({ limit: 1_000 });
    expect(events.map(({ raw }) => Number(raw))).toEqual(
      Array.from({ length: 100 }, (_, i) => i + 150),
    );
    expect([missed, store.stats().evicted, store.stats().events]).toEqual([150, 150, 100]);
    for (let i = 250; i < 400; i += 1) bus.ingestRaw(String(i));
    const next = await bus.poll({ limit: 1_000, cursor: nextId });
    expect([next.events.length, next.missed]).toEqual([100, 50]);
  });

  it("counts bytes and age as well", async () => {
    const store = memoryStore({ maxBytes: 1_000 });
    await using bus = new EventBus({ numShards: 2, adapter: store });
    for (let i = 0; i < 500; i += 1) bus.ingestRaw(`"${"x".repeat(i % 50)}"`);
    await bus.flush();
    expect(store.stats().bytes).toBeLessThanOrEqual(1_000);
    const kept = await drain(bus);
    expect(kept.reduce((sum, { raw }) => sum + raw.length, 0)).toBe(store.stats().bytes);
    expect(kept.length + store.stats().evicted).toBe(500);

    const shortLived = memoryStore({ maxAgeMs: 1 });
    await using other = new EventBus({ numShards: 1, adapter: shortLived });
    other.ingestRaw("1");
    await other.flush();
    await expect.poll(() => shortLived.stats()).toEqual({ events: 0, bytes: 0, evicted: 1 });
    expect(await drain(other)).toEqual([]);
  });

  it("keeps exactly the newest events in any mixture of sizes and limits", async () => {
    const sizes = fc.array(fc.constantFrom(0, 1, 30, 500, 9_000), { maxLength: 200 });
    const limits = fc.record({
      maxEvents: fc.integer({ min: 1, max: 100 }),
      maxBytes: fc.integer({ min: 1, max: 40_000 }),
    });
    await fc.assert(
      fc.asyncProperty(sizes, limits, fc.integer({ min: 1, max: 50 }), async (all, limit, turn) => {
        const store = memoryStore(limit);
        await using bus = new EventBus({ numShards: 1, adapter: store });
        const texts = all.map((size, i) => `"${i}${"x".repeat(size)}"`);
        for (const [i, text] of texts.entries()) {
          bus.ingestRaw(text);
          if (i % turn === 0) await bus.flush();
        }
        await bus.flush();
        let wanted = 0;
        for (let bytes = 0; wanted < Math.min(texts.length, limit.maxEvents); wanted += 1) {
          bytes += texts.at(-1 - wanted)?.length ?? 0;
          if (bytes > limit.maxBytes) break;
        }
        expect((await drain(bus)).map(({ raw }) => raw)).toEqual(
          texts.slice(texts.length - store.stats().events),
        );
        expect(store.stats().events).toBe(wanted);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses limits that are none, a second bus, and positions of another backend", async () => {
    expect(() => memoryStore({ maxEvents: 0 })).toThrow(EventBusError);
    expect(() => memoryStore({ maxAgeMs: Number.NaN })).toThrow(EventBusError);
    const store = memoryStore();
    await using bus = new EventBus({ numShards: 1, adapter: store });
    expect(() => new EventBus({ adapter: store })).toThrow(/serves one bus/);
    bus.ingestRaw("1");
    const cursor = Buffer.from('{"0":"1-0"}').toString("base64");
    await expect(bus.poll({ limit: 1, cursor })).rejects.toMatchObject({ code: "FATAL" });
  });
});

describe("RedisStreamDedup", () => {
  it("remembers and forgets as the reference does", () => {
    for (const { capacity_arg: capacity, ops, results, ...wanted } of vectors.redis_stream_dedup) {
      const dedup = new RedisStreamDedup(capacity);
      const found = ops.map((id) => (id === "__clear__" ? dedup.clear() : dedup.isDuplicate(id)));
      expect(found.map((result) => result ?? null)).toEqual(results);
      expect([dedup.length, dedup.capacity, dedup.isEmpty]).toEqual([
        wanted.len,
        wanted.capacity,
        wanted.is_empty,
      ]);
    }
    expect(() => new RedisStreamDedup(-1)).toThrow(EventBusError);
    expect(String(new RedisStreamDedup(5))).toBe("RedisStreamDedup(len=0, capacity=5)");
  });

  it("knows exactly the last different ids", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.constantFrom(..."abcdefgh")),
        (capacity, ids) => {
          const dedup = new RedisStreamDedup(capacity);
          let known: string[] = [];
          for (const id of ids) {
            expect(dedup.isDuplicate(id)).toBe(known.includes(id));
            if (!known.includes(id)) known = [...known, id].slice(-capacity);
          }
        },
      ),
    );
  });
});
