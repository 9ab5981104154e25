import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { drain, expectBalanced } from "./bus.testing.js";
import { discard } from "./discard.js";
import { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import type { EventBusOptions } from "./event-bus-options.js";
import { shardOf } from "./shard-selection.js";
import type { StoredEvent } from "./stored-event.js";
import { encodeStoredEvent } from "./stored-event.js";
import { vectors } from "./vectors.testing.js";

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
