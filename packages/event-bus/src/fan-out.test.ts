import { describe, expect, it } from "vitest";
import { discard } from "./discard.js";
import { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import { fanOut } from "./fan-out.js";
import { memoryStore } from "./memory-store.js";
import { StreamBackend } from "./stream-backend.testing.js";

const fast = { baseDelayMs: 1, maxDelayMs: 2 };

describe("a fan-out", () => {
  it("brings every event to every adapter once, although one fails for a while", async () => {
    const [steady, flaky] = [new StreamBackend(), new StreamBackend()];
    let failures = 4;
    flaky.fail = (what) => {
      if (what === "append" && failures-- > 0)
        throw new EventBusError("TRANSIENT", "connection refused");
    };
    const store = memoryStore();
    const adapter = fanOut([steady, flaky, store], { readFrom: 2 });
    await using bus = new EventBus({ numShards: 2, adapter, retry: fast });
    await bus.ready();
    const texts = Array.from({ length: 500 }, (_, i) => String(i));
    bus.ingestRawBatch(texts);
    await bus.flush();
    for (const backend of [steady, flaky]) {
      expect([...backend.texts(0), ...backend.texts(1)].toSorted()).toEqual(texts.toSorted());
    }
    expect(store.stats().events).toBe(500);
    expect(
      adapter.stats().map(({ name, delivered, failures: failed }) => [name, delivered, failed]),
    ).toEqual([
      ["stream backend", 500, 0],
      ["stream backend", 500, 4],
      ["memory", 500, 0],
    ]);
    const { events } = await bus.poll({ limit: 1_000 });
    expect(events.map(({ raw }) => raw).toSorted()).toEqual(texts.toSorted());
    await using group = bus.consumerGroup("g", { consumer: "a" });
    expect((await group.next()).done).toBe(false);
    await using stream = bus.events();
    expect((await stream.next()).done).toBe(false);
  });

  it("fails for good only when nothing that failed may pass", async () => {
    const refusing = new StreamBackend();
    refusing.fail = () => {
      throw new EventBusError("FATAL", "WRONGTYPE");
    };
    const store = memoryStore();
    const bus = new EventBus({ numShards: 1, adapter: fanOut([store, refusing]), retry: fast });
    bus.ingestRaw("1");
    await expect(bus.flush()).rejects.toMatchObject({ code: "UNDELIVERED" });
    expect([bus.stats().failed, store.stats().events]).toEqual([1, 1]);
    await bus.close();
  });

  it("takes events at once when all its adapters do", async () => {
    await using bus = new EventBus({
      numShards: 1,
      ringBufferCapacity: 1_024,
      backpressure: "failProducer",
      adapter: fanOut([memoryStore(), discard()]),
    });
    for (let i = 0; i < 5_000; i += 1) bus.ingestRaw(String(i));
    await bus.flush();
    expect(bus.stats().delivered).toBe(5_000);
    expect(() => fanOut([])).toThrow(EventBusError);
    const twice = memoryStore();
    expect(() => fanOut([twice, twice])).toThrow(EventBusError);
    expect(() => fanOut([twice], { readFrom: 1 })).toThrow(EventBusError);
    const plain = new EventBus({ numShards: 1, adapter: fanOut([discard()]) });
    expect(() => plain.consumerGroup("g", { consumer: "a" })).toThrow(/no consumer groups/);
  });
});
