import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBus, type StoredEvent, shardOf } from "@gaiaftcl/event-bus";
import { jetStream } from "@gaiaftcl/event-bus/jetstream";
import { type NatsServer, until } from "@gaiaftcl/peers";
import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { jetStreamServer } from "./event-bus-peers.ts";

let server: NatsServer;
let connection: NatsConnection;
let prefixes = 0;

beforeAll(async () => {
  server = await jetStreamServer();
  connection = await connect({ servers: server.url });
});
afterAll(async () => {
  await connection?.close();
  await server?.[Symbol.asyncDispose]();
});

async function drain(bus: EventBus, limit: number, filter?: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let cursor: string | null = null;
  for (let hasMore = true; hasMore; ) {
    const response = await bus.poll({ limit, cursor, ...(filter === undefined ? {} : { filter }) });
    events.push(...response.events);
    cursor = response.nextId;
    hasMore = response.hasMore;
  }
  return events;
}

describe("a bus on JetStream", () => {
  it("writes the streams, envelopes and message ids of the format, and reads them back", async () => {
    const prefix = `j${prefixes++}`;
    const adapter = jetStream({ url: server.url, prefix, maxMessages: 10_000, maxAgeMs: 600_000 });
    const bus = new EventBus({ numShards: 3, adapter });
    await bus.ready();
    const texts = Array.from({ length: 2_500 }, (_, i) => `{"i": ${i}, "w": "wörld"}`);
    bus.ingestRawBatch(texts);
    await bus.flush();
    const manager = await jetstream(connection).jetstreamManager();
    for (let shard = 0; shard < 3; shard += 1) {
      const { config, state } = await manager.streams.info(`${prefix}_shard_${shard}`);
      expect(config).toMatchObject({
        subjects: [`${prefix}.shard.${shard}`],
        retention: "limits",
        storage: "file",
        discard: "old",
        allow_direct: true,
        num_replicas: 1,
        max_msgs: 10_000,
        max_age: 600_000 * 1e6,
        duplicate_window: 600_000 * 1e6,
      });
      const inShard = texts.filter((text) => shardOf(text, 3) === shard);
      expect(state.messages).toBe(inShard.length);
      const message = await manager.direct.getMessage(`${prefix}_shard_${shard}`, { seq: 1 });
      expect(message?.header.get("Nats-Msg-Id")).toBe(`${bus.nonce}:${shard}:0:0`);
      const pattern = /^\{"r":(.*),"t":([0-9]+),"s":([0-9]+)\}$/.exec(message?.string() ?? "");
      expect([pattern?.[1], pattern?.[3]]).toEqual([inShard[0], String(shard)]);
    }
    const events = await drain(bus, 700);
    expect(events.map(({ raw }) => raw).toSorted()).toEqual(texts.toSorted());
    for (const { id, shardId, dedupId } of events) {
      expect(dedupId).toMatch(new RegExp(`^${bus.nonce}:${shardId}:`));
      expect(id).toMatch(/^[0-9]+$/);
    }
    // Where more matches than fit, the reference passes over one message per poll.
    const matching = await drain(bus, 3, '{"$not":{"path":"i","value":5}}');
    expect(matching).toHaveLength(texts.length - 1);
    const other = new EventBus({ numShards: 3, adapter: jetStream({ url: server.url, prefix }) });
    const streamed: string[] = [];
    for await (const { raw } of other.events()) if (streamed.push(raw) === texts.length) break;
    expect(streamed.toSorted()).toEqual(texts.toSorted());
    await other.close();
    await bus.close();
  });

  it("tells a waiting reader what came, passes over what is no event, and reads empty streams", async () => {
    const prefix = `j${prefixes++}`;
    const bus = new EventBus({ numShards: 2, adapter: jetStream({ url: server.url, prefix }) });
    expect(await bus.poll({ limit: 10 })).toMatchObject({
      events: [],
      nextId: null,
      hasMore: false,
    });
    await using stream = bus.events();
    const first = stream.next();
    connection.publish(`${prefix}.shard.0`, "garbage");
    connection.publish(`${prefix}.shard.0`, '{"r":{"by":"hand"},"t":7,"s":0}');
    expect((await first).value).toMatchObject({
      raw: '{"by":"hand"}',
      insertionTs: 7n,
      dedupId: null,
      id: "2",
    });
    const next = stream.next();
    bus.ingestRaw("1");
    expect((await next).value).toMatchObject({ raw: "1" });
    expect(stream.unreadable).toBe(1);
    const cursor = Buffer.from('{"0":"1-0"}').toString("base64");
    expect((await bus.poll({ limit: 1, cursor })).failedShards).toMatchObject([
      { shardId: 0, error: { code: "FATAL" } },
    ]);
    await bus.close();
  });

  it("keeps its producer nonce and never repeats an id, so that a restart loses nothing", async () => {
    const prefix = `j${prefixes++}`;
    const directory = await mkdtemp(join(tmpdir(), "event-bus-nonce-"));
    try {
      const nonces = new Set<string>();
      for (let run = 0; run < 3; run += 1) {
        const bus = new EventBus({
          numShards: 1,
          adapter: jetStream({ url: server.url, prefix }),
          producerNoncePath: join(directory, "nonce"),
        });
        nonces.add(bus.nonce);
        bus.ingestRawBatch([`"a${run}"`, `"b${run}"`]);
        await bus.close();
      }
      expect(nonces.size).toBe(1);
      const reader = new EventBus({
        numShards: 1,
        adapter: jetStream({ url: server.url, prefix }),
      });
      const found = (await drain(reader, 10)).map(({ raw }) => raw);
      expect(found).toEqual(['"a0"', '"b0"', '"a1"', '"b1"', '"a2"', '"b2"']);
      await reader.close();
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("shares events among the members of a group, and delivers again what is left", async () => {
    const prefix = `j${prefixes++}`;
    const adapter = () => jetStream({ url: server.url, prefix });
    const bus = new EventBus({ numShards: 2, adapter: adapter() });
    const texts = Array.from({ length: 100 }, (_, i) => String(i));
    bus.ingestRawBatch(texts);
    await bus.flush();
    const done = new Map<string, number>();
    const members = ["a", "b"].map((consumer) =>
      bus.consumerGroup("g", { consumer, prefetch: 10, redeliverAfterMs: 2_000 }),
    );
    let skipped = 0;
    await Promise.all(
      members.map(async (member, i) => {
        for await (const { event, attempt, acknowledge, release } of member) {
          if (i === 0 && attempt === 1 && skipped < 5) {
            skipped += 1;
            await release();
            continue;
          }
          await acknowledge();
          done.set(event.raw, attempt);
          if (done.size === texts.length) for (const each of members) void each.close();
        }
      }),
    );
    expect([...done.keys()].toSorted()).toEqual(texts.toSorted());
    expect([...done.values()].filter((attempt) => attempt > 1)).toHaveLength(skipped);
    await bus.close();
    expect(() =>
      new EventBus({ numShards: 1, adapter: adapter() }).consumerGroup("a b", { consumer: "x" }),
    ).toThrow(/cannot be the name/);
  });

  it("leaves to other members of a group what one does not come to", async () => {
    const prefix = `j${prefixes++}`;
    const adapter = () => jetStream({ url: server.url, prefix });
    const bus = new EventBus({ numShards: 2, adapter: adapter() });
    bus.ingestRawBatch(Array.from({ length: 500 }, (_, i) => String(i)));
    await bus.flush();
    const options = { prefetch: 10, redeliverAfterMs: 60_000 };
    const slow = bus.consumerGroup("g", { consumer: "slow", ...options });
    await slow.next();
    // Far from everything the slow member has; a second one gets the rest without waiting for it.
    const other = bus.consumerGroup("g", { consumer: "other", ...options });
    let received = 0;
    for await (const delivery of other) {
      await delivery.acknowledge();
      received += 1;
      if (received === 400) break;
    }
    await slow.close();
    await bus.close();
    expect(received).toBe(400);
  });

  it("refuses options that cannot be used", () => {
    expect(() => jetStream({ url: "" })).toThrow(/non-empty/);
    for (const prefix of ["a.b", "a b", "*", ">", ""]) {
      expect(() => jetStream({ url: server.url, prefix }), prefix).toThrow(
        /cannot be part of a stream's name/,
      );
    }
    for (const wrong of [
      { replicas: 0 },
      { maxBytes: -1 },
      { requestTimeoutMs: 0 },
      { maxUnacknowledged: 0 },
    ]) {
      expect(() => jetStream({ url: server.url, ...wrong })).toThrow(/must be from/);
    }
  });
});

describe("a nats-server that fails under load", () => {
  it("is killed and started again twice: every accepted event is stored once, in order, and read once", async () => {
    await using own = await jetStreamServer();
    const adapter = () =>
      jetStream({ url: own.url, prefix: "kill", requestTimeoutMs: 1_000, connectTimeoutMs: 1_000 });
    const bus = new EventBus({ numShards: 2, adapter: adapter(), backpressure: "failProducer" });
    const outcomes = new Set<string>();
    bus.on("error", ({ outcome }) => outcomes.add(outcome));
    const consumer = new EventBus({ numShards: 2, adapter: adapter() });
    let count = 0;
    let isStopped = false;
    const producing = (async () => {
      while (!isStopped) {
        for (let i = 0; i < 50; i += 1) bus.ingestRaw(String(count++));
        await bus.writable();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    const found: number[][] = [[], []];
    let total = Number.POSITIVE_INFINITY;
    const reading = (async () => {
      for await (const { raw, shardId } of consumer.events()) {
        found[shardId]?.push(Number(raw));
        if (found.flat().length === total) return;
      }
    })();
    for (let round = 0; round < 2; round += 1) {
      const before = bus.stats().delivered;
      await until("load", () => (bus.stats().delivered > before + 1_000 ? true : undefined));
      await own.kill();
      await until("failures", () => (bus.stats().failingShards.length > 0 ? true : undefined));
      await expect(consumer.poll({ limit: 1 })).rejects.toMatchObject({ code: "TRANSIENT" });
      await own.start();
      await until("recovery", () => (bus.stats().failingShards.length === 0 ? true : undefined));
    }
    isStopped = true;
    await producing;
    await bus.flush();
    total = count;
    bus.ingestRaw(String(count));
    total += 1;
    await reading;
    for (const [shard, numbers] of found.entries()) {
      expect(numbers).toEqual(
        [...Array(total).keys()].filter((n) => shardOf(String(n), 2) === shard),
      );
    }
    const stored = await drain(consumer, 10_000);
    expect(stored).toHaveLength(total);
    expect([...outcomes]).toEqual(["retry"]);
    expect(await bus.close()).toMatchObject({ delivered: total, failed: 0, undelivered: 0 });
    await consumer.close();
  });
});
