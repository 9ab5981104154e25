import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import type { Delivery, GroupConsumer } from "./consumer-group.js";
import { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import type { EventStream } from "./event-stream.js";
import { memoryStore } from "./memory-store.js";
import type { StoredEvent } from "./stored-event.js";
import { StreamBackend } from "./stream-backend.testing.js";

async function take(stream: EventStream, count: number): Promise<string[]> {
  const raws: string[] = [];
  while (raws.length < count) {
    const { value } = await stream.next();
    if (value === undefined) break;
    raws.push(value.raw);
  }
  return raws;
}

async function all(stream: EventStream): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe("a stream of events", () => {
  it("gives what is there and then what comes, until its reader ends it", async () => {
    await using bus = new EventBus({ numShards: 1 });
    bus.ingestRaw("1");
    const seen: string[] = [];
    setTimeout(() => bus.ingestRaw("2"), 1);
    for await (const { raw } of bus.events()) {
      seen.push(raw);
      if (raw === "2") setTimeout(() => bus.ingestRaw("3"), 1);
      if (raw === "3") break;
    }
    expect(seen).toEqual(["1", "2", "3"]);
  });

  it("ends when its signal is aborted, while it waits or not", async () => {
    await using bus = new EventBus({ numShards: 1 });
    const controller = new AbortController();
    const stream = bus.events({ signal: controller.signal });
    const waiting = stream.next();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    bus.ingestRaw("1");
    expect(await bus.events({ signal: controller.signal }).next()).toMatchObject({ done: true });
  });

  it("is read to its end although the bus is closed", async () => {
    const bus = new EventBus({ numShards: 2 });
    const stream = bus.events();
    const first = stream.next();
    for (let i = 0; i < 5_000; i += 1) bus.ingestRaw(String(i));
    await bus.close();
    const rest = await all(stream);
    expect((await first).done).toBe(false);
    expect(rest).toHaveLength(4_999);
  });

  it("can be taken up where another was left", async () => {
    await using bus = new EventBus({ numShards: 3 });
    for (let i = 0; i < 100; i += 1) bus.ingestRaw(String(i));
    await using first = bus.events({ pageSize: 7 });
    const before = await take(first, 41);
    await using second = bus.events({ cursor: first.cursor });
    const after = await take(second, 59);
    expect([...before, ...after].map(Number).toSorted((a, b) => a - b)).toEqual([
      ...Array(100).keys(),
    ]);
  });

  it("passes over what a filter excludes, what is no event, and what a retry stored twice", async () => {
    const backend = new StreamBackend();
    backend.put(0, "1-0", '{"r":{"k":1}}', "a:0:0:0");
    backend.put(0, "2-0", "garbage");
    backend.put(0, "3-0", '{"r":{"k":1}}', "a:0:0:0");
    backend.put(0, "4-0", '{"r":{"k":2}}', "a:0:0:1");
    backend.put(0, "5-0", '{"r":{"k":1,"x":2}}');
    await using bus = new EventBus({ numShards: 1, adapter: backend });
    await using stream = bus.events({ filter: { path: "k", value: 1 } });
    expect(await take(stream, 2)).toEqual(['{"k":1}', '{"k":1,"x":2}']);
    expect([stream.unreadable, stream.duplicates]).toEqual([1, 1]);
  });

  it("says how many events a bounded store gave up before it came", async () => {
    await using bus = new EventBus({ numShards: 1, adapter: memoryStore({ maxEvents: 10 }) });
    for (let i = 0; i < 25; i += 1) bus.ingestRaw(String(i));
    await using stream = bus.events();
    expect(await take(stream, 10)).toEqual(Array.from({ length: 10 }, (_, i) => String(i + 15)));
    expect(stream.missed).toBe(15);
  });

  it("waits out an adapter that cannot be read, and tells; what is refused for good it throws", async () => {
    const backend = new StreamBackend();
    backend.put(0, "1-0", '{"r":1}');
    let failures = 2;
    backend.fail = () => {
      failures -= 1;
      if (failures >= 0) throw new EventBusError("TRANSIENT", "connection refused");
    };
    await using bus = new EventBus({ numShards: 1, adapter: backend, retry: { baseDelayMs: 1 } });
    const told: string[] = [];
    bus.on("readError", ({ error }) => told.push(error.code));
    await using stream = bus.events();
    expect(await take(stream, 1)).toEqual(["1"]);
    expect(told).toEqual(["TRANSIENT", "TRANSIENT"]);
    await using other = bus.events({ cursor: Buffer.from('{"0":"x"}').toString("base64") });
    await expect(other.next()).rejects.toMatchObject({ code: "FATAL" });
  });

  it("gives every consumer every accepted event once, in shard order, or counts it", async () => {
    const run = fc.record({
      numShards: fc.integer({ min: 1, max: 4 }),
      maxEvents: fc.constantFrom(50, 1_000_000),
      bursts: fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 8 }),
      pageSize: fc.integer({ min: 1, max: 100 }),
    });
    await fc.assert(
      fc.asyncProperty(run, async ({ numShards, maxEvents, bursts, pageSize }) => {
        const bus = new EventBus({ numShards, adapter: memoryStore({ maxEvents }) });
        const streams = [bus.events({ pageSize }), bus.events()];
        const readers = streams.map((stream) => all(stream));
        let count = 0;
        for (const burst of bursts) {
          for (let i = 0; i < burst; i += 1) bus.ingestRaw(String(count++));
          await new Promise(setImmediate);
        }
        await bus.close();
        for (const [i, reader] of readers.entries()) {
          const events = await reader;
          for (let shard = 0; shard < numShards; shard += 1) {
            const numbers = events
              .filter(({ shardId }) => shardId === shard)
              .map(({ raw }) => Number(raw));
            expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
          }
          expect(events.length + (streams[i]?.missed ?? 0)).toBe(count);
          if (maxEvents > count) expect(events).toHaveLength(count);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("a consumer group", () => {
  async function pull(consumer: GroupConsumer, count: number): Promise<Delivery[]> {
    const deliveries: Delivery[] = [];
    while (deliveries.length < count) {
      const { value } = await consumer.next();
      if (value === undefined) break;
      deliveries.push(value);
    }
    return deliveries;
  }

  it("shares the events: each goes to one member", async () => {
    await using bus = new EventBus({ numShards: 2 });
    await using a = bus.consumerGroup("g", { consumer: "a", prefetch: 10 });
    await using b = bus.consumerGroup("g", { consumer: "b", prefetch: 10 });
    for (let i = 0; i < 100; i += 1) bus.ingestRaw(String(i));
    await bus.flush();
    const [ofA, ofB] = await Promise.all([pull(a, 50), pull(b, 50)]);
    await Promise.all([...ofA, ...ofB].map((delivery) => delivery.acknowledge()));
    const numbers = [...ofA, ...ofB].map(({ event }) => Number(event.raw));
    expect(numbers.toSorted((x, y) => x - y)).toEqual([...Array(100).keys()]);
    expect(a.stats()).toEqual({ delivered: 50, redelivered: 0, acknowledged: 50 });
    const other = bus.consumerGroup("other", { consumer: "a" });
    expect(await pull(other, 100)).toHaveLength(100);
    await other.close();
  });

  it("delivers again what a member left, released, or did not acknowledge in time", async () => {
    await using bus = new EventBus({ numShards: 1 });
    bus.ingestRawBatch(["1", "2", "3"]);
    await bus.flush();
    const options = { redeliverAfterMs: 5 };
    const a = bus.consumerGroup("g", { consumer: "a", prefetch: 2, ...options });
    const [first, second] = await pull(a, 2);
    await first?.acknowledge();
    await expect(first?.acknowledge()).rejects.toMatchObject({ code: "CLOSED" });
    await second?.release();
    await using b = bus.consumerGroup("g", { consumer: "b", ...options });
    const again = await pull(b, 2);
    expect(again.map(({ event, attempt }) => [event.raw, attempt])).toEqual([
      ["2", 2],
      ["3", 1],
    ]);
    await again[0]?.acknowledge();
    const late = await pull(b, 1);
    expect(late.map(({ event, attempt }) => [event.raw, attempt])).toEqual([["3", 2]]);
    expect(b.stats()).toMatchObject({ redelivered: 2 });
    await a.close();
  });

  it("begins where it is told, and waits for what comes", async () => {
    await using bus = new EventBus({ numShards: 1 });
    bus.ingestRaw('"old"');
    await bus.flush();
    await using group = bus.consumerGroup("g", { consumer: "a", from: "end" });
    const next = pull(group, 1);
    setTimeout(() => bus.ingestRaw('"new"'), 1);
    expect((await next).map(({ event }) => event.raw)).toEqual(['"new"']);
    const controller = new AbortController();
    const { signal } = controller;
    await using waiting = bus.consumerGroup("g", { consumer: "b", signal });
    const nothing = waiting.next();
    controller.abort();
    expect(await nothing).toMatchObject({ done: true });
  });

  it("is refused by an adapter that has none, and for a prefetch that is none", () => {
    const bus = new EventBus({ numShards: 1, adapter: new StreamBackend() });
    expect(() => bus.consumerGroup("g", { consumer: "a" })).toThrow(/has no consumer groups/);
    const other = new EventBus({ numShards: 1 });
    expect(() => other.consumerGroup("g", { consumer: "a", prefetch: 0 })).toThrow(EventBusError);
  });
});

describe("a channel", () => {
  const Reading = v.object({ sensor: v.string(), celsius: v.pipe(v.number(), v.minValue(-273)) });

  it("carries checked values beside everything else on the bus", async () => {
    await using bus = new EventBus({ numShards: 2 });
    const readings = bus.channel("readings", Reading);
    const notes = bus.channel<string>("notes");
    bus.ingestRaw('{"channel":1}');
    expect(readings.publish({ sensor: "a", celsius: 21.5 })).toBe(true);
    notes.publish("hello");
    expect(await readings.publishAsync({ sensor: "b", celsius: 3 })).toBe(true);
    const seen: string[] = [];
    for await (const { value, event } of readings.events()) {
      expect(event.parse()).toEqual({ channel: "readings", data: value });
      seen.push(`${value.sensor} ${value.celsius}`);
      if (seen.length === 2) break;
    }
    expect(seen.toSorted()).toEqual(["a 21.5", "b 3"]);
    const { events } = await bus.poll({ limit: 10, filter: notes.filter });
    expect(events.map(({ raw }) => raw)).toEqual(['{"channel":"notes","data":"hello"}']);
  });

  it("refuses to publish what does not pass its schema", async () => {
    await using bus = new EventBus({ numShards: 1 });
    const readings = bus.channel("readings", Reading);
    const cold = { sensor: "a", celsius: -300 };
    expect(() => readings.publish(cold)).toThrow(
      expect.objectContaining({ code: "SCHEMA", message: expect.stringContaining("celsius: ") }),
    );
    await expect(readings.publishAsync(cold)).rejects.toMatchObject({ code: "SCHEMA" });
    const slow = bus.channel(
      "slow",
      v.pipeAsync(
        v.string(),
        v.checkAsync(async () => true),
      ),
    );
    expect(() => slow.publish("x")).toThrow(/use publishAsync/);
    expect(await slow.publishAsync("x")).toBe(true);
    expect(() => bus.channel("")).toThrow(EventBusError);
    expect(() => bus.channel<unknown>("any").publish(undefined)).toThrow(EventBusError);
    expect(bus.stats().ingested).toBe(1);
  });

  it("gives readers what the schema makes of a value, and reports what does not pass", async () => {
    await using bus = new EventBus({ numShards: 1 });
    const Upper = v.pipe(
      v.string(),
      v.transform((text) => text.toUpperCase()),
    );
    const channel = bus.channel("upper", Upper);
    const invalid: string[] = [];
    bus.on("invalid", ({ channel: name, event, error }) =>
      invalid.push(`${name} ${event.raw} ${error.code}`),
    );
    bus.ingest({ channel: "upper", data: 5 });
    channel.publish("abc");
    for await (const { value } of channel.events()) {
      expect(value).toBe("ABC");
      break;
    }
    expect(invalid).toEqual(['upper {"channel":"upper","data":5} SCHEMA']);
  });
});
