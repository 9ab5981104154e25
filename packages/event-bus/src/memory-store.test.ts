import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drain } from "./bus.testing.js";
import { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import { memoryStore } from "./memory-store.js";

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
