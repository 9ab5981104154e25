import { type Delivery, EventBus, type StoredEvent } from "@gaiaftcl/event-bus";
import { jetStream } from "@gaiaftcl/event-bus/jetstream";
import { redisStreams } from "@gaiaftcl/event-bus/redis";
import { until } from "@gaiaftcl/peers";
import { createClient } from "@redis/client";
import { describe, expect, it } from "vitest";
import { JetStreamClusterServers, RedisClusterServers } from "./event-bus-peers.ts";

describe("a Redis Cluster", () => {
  it("takes the shards of a bus by configuration alone, and survives a node that is killed", async () => {
    await using cluster = await RedisClusterServers.run();
    const adapter = () =>
      redisStreams({
        url: cluster.urls,
        prefix: "spread",
        connectTimeoutMs: 1_000,
        commandTimeoutMs: 1_000,
      });
    const bus = new EventBus({ numShards: 6, adapter: adapter() });
    await bus.ready();
    const texts = Array.from({ length: 3_000 }, (_, i) => String(i));
    bus.ingestRawBatch(texts.slice(0, 1_000));
    await bus.flush();
    let spread = 0;
    for (const { url } of cluster.nodes) {
      const client = await createClient({ url }).connect();
      if ((await client.keys("*")).length > 0) spread += 1;
      client.destroy();
    }
    expect(spread).toBeGreaterThan(1);

    const [victim] = cluster.nodes;
    await victim?.kill();
    bus.ingestRawBatch(texts.slice(1_000));
    await until("the dead node to be noticed", () =>
      bus.stats().failingShards.length > 0 ? true : undefined,
    );
    await victim?.start();
    await bus.flush();
    expect(bus.stats()).toMatchObject({ delivered: 3_000, failed: 0 });

    const other = new EventBus({ numShards: 6, adapter: adapter() });
    const found: StoredEvent[] = [];
    for await (const event of other.events()) if (found.push(event) === 3_000) break;
    expect(found.map(({ raw }) => raw).toSorted()).toEqual(texts.toSorted());
    const { events } = await other.poll({ limit: 10_000 });
    expect(events).toHaveLength(3_000);

    const members = ["a", "b"].map((consumer) =>
      other.consumerGroup("g", { consumer, prefetch: 100 }),
    );
    const shares = await Promise.all(
      members.map(async (member) => {
        const deliveries: Delivery[] = [];
        for await (const delivery of member) {
          deliveries.push(delivery);
          void delivery.acknowledge();
          if (deliveries.length === 1_500) break;
        }
        return deliveries.map(({ event }) => event.raw);
      }),
    );
    expect(new Set(shares.flat()).size).toBe(3_000);
    await other.close();
    await bus.close();
  });
});

describe("a JetStream cluster", () => {
  it("replicates the shards of a bus by configuration alone, and survives a node that is killed", async () => {
    await using cluster = await JetStreamClusterServers.run();
    const adapter = () =>
      jetStream({
        url: cluster.urls,
        prefix: "spread",
        replicas: 3,
        connectTimeoutMs: 2_000,
        requestTimeoutMs: 2_000,
      });
    // A cluster that has just come up has no leader yet; the bus waits for one.
    const bus = new EventBus({ numShards: 4, adapter: adapter(), retry: { maxDelayMs: 500 } });
    const texts = Array.from({ length: 2_000 }, (_, i) => String(i));
    bus.ingestRawBatch(texts.slice(0, 1_000));
    await bus.flush({ signal: AbortSignal.timeout(60_000) });

    const [victim] = cluster.nodes;
    await victim?.kill();
    bus.ingestRawBatch(texts.slice(1_000));
    // Two of three are a majority: nothing has to wait for the third.
    await bus.flush({ signal: AbortSignal.timeout(60_000) });
    expect(bus.stats()).toMatchObject({ delivered: 2_000, failed: 0, undelivered: 0 });

    const other = new EventBus({ numShards: 4, adapter: adapter() });
    const found: StoredEvent[] = [];
    for await (const event of other.events()) if (found.push(event) === 2_000) break;
    expect(found.map(({ raw }) => raw).toSorted()).toEqual(texts.toSorted());
    await victim?.start();

    const settled = new Set<string>();
    const members = ["a", "b"].map((consumer) =>
      other.consumerGroup("g", { consumer, prefetch: 100 }),
    );
    const shares = members.map(async (member) => {
      for await (const delivery of member) {
        await delivery.acknowledge();
        settled.add(delivery.event.raw);
        // Only now: whoever closes takes the other's acknowledgements under way with it.
        if (settled.size === 2_000) for (const each of members) void each.close();
      }
      return member.stats().delivered;
    });
    const [ofA = 0, ofB = 0] = await Promise.all(shares);
    // How they share depends on which servers have elected their leaders.
    expect(settled.size).toBe(2_000);
    expect(ofA + ofB).toBeGreaterThanOrEqual(2_000);
    await other.close();
    await bus.close();
  });
});
