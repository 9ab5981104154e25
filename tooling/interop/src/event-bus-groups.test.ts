import { type Delivery, EventBus, type GroupConsumer } from "@gaiaftcl/event-bus";
import { redisStreams } from "@gaiaftcl/event-bus/redis";
import { createClient } from "@redis/client";
import { describe, expect, it } from "vitest";
import { durableRedis } from "./event-bus-peers.ts";

async function pull(consumer: GroupConsumer, count: number): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  while (deliveries.length < count) {
    const { value } = await consumer.next();
    if (value === undefined) break;
    deliveries.push(value);
  }
  return deliveries;
}

const raws = (deliveries: readonly Delivery[]): string[] =>
  deliveries.map(({ event }) => event.raw);

describe("a consumer group on Redis", () => {
  it("shares events between processes' members, and delivers again what one did not acknowledge", async () => {
    await using redis = await durableRedis();
    const adapter = () => redisStreams({ url: redis.url, prefix: "g" });
    await using bus = new EventBus({ numShards: 2, adapter: adapter() });
    await using second = new EventBus({ numShards: 2, adapter: adapter() });
    const texts = Array.from({ length: 200 }, (_, i) => String(i));
    bus.ingestRawBatch(texts);
    await bus.flush();
    const options = { prefetch: 20, redeliverAfterMs: 500 };
    const a = bus.consumerGroup("work", { consumer: "a", ...options });
    const b = second.consumerGroup("work", { consumer: "b", ...options });
    const [ofA, ofB] = await Promise.all([pull(a, 100), pull(b, 100)]);
    expect([...raws(ofA), ...raws(ofB)].toSorted()).toEqual(texts.toSorted());
    await Promise.all(ofA.slice(10).map((delivery) => delivery.acknowledge()));
    await Promise.all(ofB.map((delivery) => delivery.acknowledge()));
    await ofA[0]?.release();
    await a.close();
    const again = await pull(b, 10);
    expect(raws(again).toSorted()).toEqual(raws(ofA.slice(0, 10)).toSorted());
    for (const { attempt } of again) expect(attempt).toBe(2);
    await Promise.all(again.map((delivery) => delivery.acknowledge()));
    expect(b.stats()).toEqual({ delivered: 110, redelivered: 10, acknowledged: 110 });
    const client = await createClient({ url: redis.url }).connect();
    for (const shard of [0, 1]) {
      const { pending } = await client.xPending(`g:shard:${shard}`, "work");
      expect(pending).toBe(0);
    }
    client.destroy();
    await b.close();
  });

  it("waits for new events, begins at the end when told to, and passes over what is no event", async () => {
    await using redis = await durableRedis();
    await using bus = new EventBus({ numShards: 1, adapter: redisStreams({ url: redis.url }) });
    bus.ingestRaw('"old"');
    await bus.flush();
    await using group = bus.consumerGroup("new", { consumer: "a", from: "end" });
    const first = pull(group, 1);
    const client = await createClient({ url: redis.url }).connect();
    let isThere = false;
    while (!isThere) isThere = (await client.xInfoGroups("net:shard:0")).length > 0;
    await client.xAdd("net:shard:0", "*", { d: "garbage" });
    client.destroy();
    bus.ingestRaw('"new"');
    expect(raws(await first)).toEqual(['"new"']);
  });
});
