import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drain, expectBalanced } from "./bus.testing.js";
import { discard } from "./discard.js";
import { EventBus } from "./event-bus.js";
import type { Backpressure } from "./intake.js";
import { shardOf } from "./shard-selection.js";
import { StreamBackend } from "./stream-backend.testing.js";
import { vectors } from "./vectors.testing.js";

const modes: Readonly<Record<string, Backpressure>> = {
  drop_newest: "dropNewest",
  drop_oldest: "dropOldest",
  fail_producer: "failProducer",
};

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
