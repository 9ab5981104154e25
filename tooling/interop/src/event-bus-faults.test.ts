import { setTimeout as delay } from "node:timers/promises";
import { EventBus, type StoredEvent, shardOf } from "@gaiaftcl/event-bus";
import { redisStreams } from "@gaiaftcl/event-bus/redis";
import { until } from "@gaiaftcl/peers";
import { createClient } from "@redis/client";
import { describe, expect, it } from "vitest";
import { durableRedis } from "./event-bus-peers.ts";

const NUM_SHARDS = 2;

/** Produces numbered events without a pause until it is told to stop; never past a full ring. */
function produce(bus: EventBus): { stop: () => Promise<number> } {
  let count = 0;
  let isStopped = false;
  const running = (async () => {
    while (!isStopped) {
      for (let i = 0; i < 200; i += 1) {
        bus.ingestRaw(String(count));
        count += 1;
      }
      await bus.writable();
      await delay(1);
    }
    return count;
  })();
  return {
    stop: () => {
      isStopped = true;
      return running;
    },
  };
}

/** Collects a stream until it has everything; the numbers of each shard in the order they came. */
async function collect(bus: EventBus, wanted: () => number): Promise<number[][]> {
  const shards: number[][] = Array.from({ length: NUM_SHARDS }, () => []);
  let found = 0;
  await using stream = bus.events();
  for await (const { raw, shardId } of stream as AsyncIterable<StoredEvent>) {
    shards[shardId]?.push(Number(raw));
    found += 1;
    if (found === wanted()) break;
  }
  return shards;
}

function expectEachOnceInOrder(shards: readonly (readonly number[])[], count: number): void {
  for (const [shard, numbers] of shards.entries()) {
    const wanted = [...Array(count).keys()].filter((n) => shardOf(String(n), NUM_SHARDS) === shard);
    expect(numbers).toEqual(wanted);
  }
}

describe("a Redis that fails under load", () => {
  it("is killed and started again twice: every accepted event is stored once, in order, and read once", async () => {
    await using redis = await durableRedis();
    const adapter = redisStreams({ url: redis.url, prefix: "kill" });
    const bus = new EventBus({ numShards: NUM_SHARDS, adapter, backpressure: "failProducer" });
    const outcomes = new Set<string>();
    bus.on("error", ({ outcome }) => outcomes.add(outcome));
    let recoveries = 0;
    bus.on("recovered", () => {
      recoveries += 1;
    });
    let total = Number.POSITIVE_INFINITY;
    const consumer = new EventBus({
      numShards: NUM_SHARDS,
      adapter: redisStreams({ url: redis.url, prefix: "kill" }),
    });
    const reading = collect(consumer, () => total);
    const producer = produce(bus);
    for (let round = 1; round <= 2; round += 1) {
      const before = bus.stats().delivered;
      await until("load", () => (bus.stats().delivered > before + 2_000 ? true : undefined));
      await redis.kill();
      await until("failures to be seen", () =>
        bus.stats().failingShards.length > 0 ? true : undefined,
      );
      await expect(consumer.poll({ limit: 1 })).rejects.toMatchObject({ code: "TRANSIENT" });
      await delay(300);
      await redis.start();
      await until("recovery", () => (bus.stats().failingShards.length === 0 ? true : undefined));
    }
    await delay(100);
    total = await producer.stop();
    await bus.flush();
    // One more, so that a reader that had everything already sees that this is the end.
    expectEachOnceInOrder(await reading, total);
    const client = createClient({ url: redis.url });
    await client.connect();
    let stored = 0;
    for (let shard = 0; shard < NUM_SHARDS; shard += 1) {
      const entries = (await client.xRange(`kill:shard:${shard}`, "-", "+")) ?? [];
      const ids = entries.map(({ message }) => message["dedup_id"]);
      expect(new Set(ids).size).toBe(ids.length);
      stored += ids.length;
    }
    client.destroy();
    expect(stored).toBe(total);
    expect([...outcomes]).toEqual(["retry"]);
    expect(recoveries).toBeGreaterThan(0);
    expect(await bus.close()).toMatchObject({
      ingested: total,
      delivered: total,
      failed: 0,
      evicted: 0,
      undelivered: 0,
    });
    await consumer.close();
  });

  it.each([
    ["a script", true],
    ["a transaction", false],
  ])(
    "hangs and comes back: %s whose answer came too late is not carried out twice",
    async (_, scripts) => {
      await using redis = await durableRedis();
      const options = {
        scripts,
        url: redis.url,
        prefix: "hang",
        commandTimeoutMs: 200,
        connectTimeoutMs: 200,
      };
      const bus = new EventBus({ numShards: NUM_SHARDS, adapter: redisStreams(options) });
      const codes = new Set<string>();
      bus.on("error", ({ error }) => codes.add(error.code));
      bus.ingestRawBatch(["0", "1"]);
      await bus.flush();
      let count = 2;
      for (let round = 0; round < 3; round += 1) {
        redis.signal("SIGSTOP");
        for (let i = 0; i < 100; i += 1) bus.ingestRaw(String(count++));
        const { retries } = bus.stats();
        await until("attempts to time out", () =>
          bus.stats().retries > retries + 3 ? true : undefined,
        );
        redis.signal("SIGCONT");
        await bus.flush();
      }
      expect([...codes]).toContain("TIMEOUT");
      const { events } = await bus.poll({ limit: 10_000 });
      const shards = Array.from({ length: NUM_SHARDS }, (_, shard) =>
        events.filter(({ shardId }) => shardId === shard).map(({ raw }) => Number(raw)),
      );
      expectEachOnceInOrder(shards, count);
      expect(await bus.close()).toMatchObject({ delivered: count, undelivered: 0 });
    },
  );

  it("is gone when the bus closes: the bus says what it could not deliver", async () => {
    await using redis = await durableRedis();
    const adapter = redisStreams({ url: redis.url, prefix: "gone" });
    const bus = new EventBus({ numShards: 1, adapter });
    await bus.ready();
    await redis.kill();
    bus.ingestRawBatch(["1", "2", "3"]);
    const started = bus.close({ timeoutMs: 300 });
    expect(await started).toMatchObject({ ingested: 3, delivered: 0, undelivered: 3 });
    const other = new EventBus({ adapter: redisStreams({ url: redis.url }), numShards: 1 });
    await expect(other.ready()).rejects.toMatchObject({ code: "TRANSIENT" });
    await other.close({ timeoutMs: 0 });
  });

  it("does not hold what a bus expects: what it refuses is failed, counted and told", async () => {
    await using redis = await durableRedis();
    const client = createClient({ url: redis.url });
    await client.connect();
    await client.set("wrong:shard:0", "not a stream");
    const bus = new EventBus({
      numShards: 1,
      adapter: redisStreams({ url: redis.url, prefix: "wrong" }),
    });
    const told: string[] = [];
    bus.on("error", ({ outcome, error }) => told.push(`${outcome} ${error.code} ${error.message}`));
    bus.ingestRaw("1");
    await expect(bus.flush()).rejects.toMatchObject({ code: "UNDELIVERED" });
    expect(told).toEqual([expect.stringMatching(/^failed FATAL .*WRONGTYPE/)]);
    await expect(bus.poll({ limit: 1 })).rejects.toMatchObject({ code: "FATAL" });
    client.destroy();
    expect(await bus.close()).toMatchObject({ failed: 1 });
  });
});
