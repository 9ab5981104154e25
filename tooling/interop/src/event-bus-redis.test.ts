import {
  EventBus,
  type PollOptions,
  RedisStreamDedup,
  type StoredEvent,
  shardOf,
} from "@gaiaftcl/event-bus";
import { redisStreams } from "@gaiaftcl/event-bus/redis";
import type { RedisServer } from "@gaiaftcl/peers";
import { createClient } from "@redis/client";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { durableRedis, type PeerEvent, type PeerPoll, ReferencePeer } from "./event-bus-peers.ts";

let redis: RedisServer;
let peer: ReferencePeer;
let client: ReturnType<typeof createClient>;
let prefixes = 0;

beforeAll(async () => {
  redis = await durableRedis();
  peer = await ReferencePeer.start();
  client = createClient({ url: redis.url });
  await client.connect();
});
afterAll(async () => {
  client?.destroy();
  await peer?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

/** A bus of ours and one of the reference on the same streams. */
async function pair(numShards: number): Promise<{ bus: EventBus; name: string; prefix: string }> {
  const prefix = `t${prefixes++}`;
  const bus = new EventBus({ numShards, adapter: redisStreams({ url: redis.url, prefix }) });
  const options = { num_shards: numShards, redis_url: redis.url, redis_prefix: prefix };
  await peer.ask({ op: "open", bus: prefix, options });
  return { bus, name: prefix, prefix };
}

const shown = ({ id, raw, insertionTs, shardId }: StoredEvent): PeerEvent => [
  id,
  raw,
  String(insertionTs),
  shardId,
];

async function drain(bus: EventBus, limit: number): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  let cursor: string | null = null;
  for (let hasMore = true; hasMore; ) {
    const response = await bus.poll({ limit, cursor });
    events.push(...response.events);
    cursor = response.nextId;
    hasMore = response.hasMore;
  }
  return events;
}

const texts = Array.from(
  { length: 2_000 },
  (_, i) => `{"token": "tök_${i % 17}", "index": ${i}, "n": ${i % 3 === 0 ? `${i}.0` : i}}`,
);

describe("the reference and this bus on one Redis", () => {
  it("read, verbatim and in the same order, what this bus wrote", async () => {
    const { bus, name, prefix } = await pair(3);
    bus.ingestRawBatch(texts.slice(0, 1_500));
    for (const text of texts.slice(1_500)) bus.ingestRaw(text);
    await bus.flush();
    const theirs = await peer.ask<PeerPoll>({ op: "drain", bus: name, limit: 700 });
    const ours = await drain(bus, 700);
    expect(theirs.events).toEqual(ours.map(shown));
    expect(theirs.events.map(([, raw]) => raw).toSorted()).toEqual(texts.toSorted());
    const entries = (await client.xRange(`${prefix}:shard:0`, "-", "+")) ?? [];
    const inShard0 = texts.filter((text) => shardOf(text, 3) === 0);
    expect(entries.map(({ message }) => Object.keys(message))).toEqual(
      inShard0.map(() => ["d", "dedup_id"]),
    );
    const numbers = entries.map(({ message }) => {
      const match = /^([0-9a-f]+):0:([0-9]+):([0-9]+)$/.exec(message["dedup_id"] ?? "");
      expect(match?.[1]).toBe(bus.nonce);
      return Number(match?.[2]) + Number(match?.[3]);
    });
    expect(numbers).toEqual([...inShard0.keys()]);
    await bus.close();
    await peer.ask({ op: "shutdown", bus: name });
  });

  it("read what the reference wrote, from where the reference would have put it", async () => {
    const { bus, name } = await pair(4);
    const shards = await peer.ask<number[]>({ op: "ingest", bus: name, events: texts });
    expect(shards).toEqual(texts.map((text) => shardOf(text, 4)));
    const dicts = [{ w: "wörld" }, { a: [1, 2.5, null, true], b: { c: "d" } }];
    await peer.ask({ op: "ingest_dicts", bus: name, events: dicts });
    const before = new Set<string>();
    await expect
      .poll(
        async () => {
          for (const { raw } of await drain(bus, 1_000)) before.add(raw);
          return before.size;
        },
        { timeout: 30_000 },
      )
      .toBe(texts.length + dicts.length);
    const ours = await drain(bus, 333);
    expect(ours.map(shown)).toEqual(
      (await peer.ask<PeerPoll>({ op: "drain", bus: name, limit: 333 })).events,
    );
    for (const { raw, shardId, dedupId } of ours) {
      expect(shardId).toBe(shardOf(raw, 4));
      expect(dedupId).toMatch(new RegExp(`^[0-9a-f]+:${shardId}:[0-9]+:[0-9]+$`));
    }
    expect(
      ours.filter(({ raw }) => raw.includes("w\\u00f6rld")).map((event) => event.parse()),
    ).toEqual([{ w: "wörld" }]);
    await bus.close();
    await peer.ask({ op: "shutdown", bus: name });
  });

  it("can go on from each other's cursors", async () => {
    const { bus, name } = await pair(2);
    bus.ingestRawBatch(texts);
    await bus.flush();
    const found: string[] = [];
    let cursor: string | null = null;
    for (let turn = 0; found.length < texts.length; turn += 1) {
      expect(turn).toBeLessThan(100);
      if (turn % 2 === 0) {
        const response = await bus.poll({ limit: 101, cursor });
        found.push(...response.events.map(({ raw }) => raw));
        cursor = response.nextId;
      } else {
        const request = { limit: 101, cursor };
        const response: PeerPoll = await peer.ask({ op: "poll", bus: name, request });
        found.push(...response.events.map(([, raw]) => raw));
        cursor = response.next_id;
      }
    }
    expect(found.toSorted()).toEqual(texts.toSorted());
    await bus.close();
    await peer.ask({ op: "shutdown", bus: name });
  });

  it("answer any poll alike", async () => {
    const { bus, name } = await pair(3);
    bus.ingestRawBatch(
      Array.from({ length: 300 }, (_, i) => `{"i":${i},"even":${i % 2 === 0},"k":"${i % 5}"}`),
    );
    await bus.flush();
    const filters = [
      null,
      '{"path":"even","value":true}',
      '{"$or":[{"path":"k","value":"1"},{"path":"i","value":7}]}',
      '{"$not":{"path":"even","value":true}}',
      '{"path":"i","value":-1}',
    ];
    const request = fc.record({
      limit: fc.constantFrom(1, 2, 7, 50, 150, 299, 1_000),
      filter: fc.constantFrom(...filters),
      ordering: fc.constantFrom("none", "insertion_ts"),
      skip: fc.nat(4),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ skip, ...options }) => {
        let cursor: string | null = null;
        for (let i = 0; i <= skip; i += 1) {
          const theirs: PeerPoll = await peer.ask({
            op: "poll",
            bus: name,
            request: { ...options, cursor },
          });
          const ours = await bus.poll({ ...(options as PollOptions), cursor });
          expect(ours.events.map(shown)).toEqual(theirs.events);
          expect(ours.hasMore).toBe(theirs.has_more);
          const decoded = (text: string | null): unknown =>
            text && JSON.parse(Buffer.from(text, "base64").toString());
          expect(decoded(ours.nextId)).toEqual(decoded(theirs.next_id));
          cursor = theirs.next_id;
        }
      }),
      { numRuns: 100 },
    );
    await bus.close();
    await peer.ask({ op: "shutdown", bus: name });
  });

  it("agree on which events any filter selects, to the last digit", async () => {
    const { bus, name, prefix } = await pair(1);
    const number = fc.oneof(
      fc.integer().map(String),
      fc.bigInt(-(2n ** 70n), 2n ** 70n).map(String),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc
        .tuple(fc.nat(), fc.nat(), fc.integer({ min: -330, max: 330 }))
        .map(([a, b, e]) => `${a}.${b}e${e}`),
      fc.tuple(fc.bigInt(0n, 10n ** 25n), fc.bigInt(0n, 10n ** 25n)).map(([a, b]) => `${a}.${b}`),
      fc.constantFrom(
        "0",
        "-0",
        "0.0",
        "1.0",
        "1",
        "1e0",
        "9007199254740993.0",
        "9007199254740992.0",
        "9007199254740994.0",
        "1e400",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "1E+2",
        "100",
        "0e999999999999",
        "1e-999999999999",
      ),
    );
    const text = fc.constantFrom(
      '"a"',
      '"\\u0061"',
      '"é"',
      '"\\u00e9"',
      '"\\ud83d\\ude00"',
      '"😀"',
      '"\\ud800"',
      '"\\n"',
      '""',
      "null",
      "true",
      "false",
    );
    const value = fc.oneof(
      number,
      text,
      fc.array(number, { maxLength: 2 }).map((items) => `[${items.join(",")}]`),
      text.map((item) => `{"b":${item}}`),
    );
    const values = [...new Set(fc.sample(value, { numRuns: 400, seed: 4 }))];
    const multi = client.multi();
    for (const [i, each] of values.entries())
      multi.xAdd(`${prefix}:shard:0`, `${i + 1}-0`, { d: `{"r":{"a":${each}},"t":1,"s":0}` });
    await multi.exec();
    const filters = values.flatMap((each) => [
      `{"path":"a","value":${each}}`,
      `{"$not":{"$eq":["a",${each}]}}`,
    ]);
    const requests = filters.map((filter) => ({ limit: 1_000, filter }));
    const theirs = await peer.ask<({ error: string } | PeerPoll)[]>({
      op: "polls",
      bus: name,
      requests,
    });
    for (const [i, answer] of theirs.entries()) {
      const filter = filters[i] as string;
      if ("error" in answer)
        await expect(bus.poll({ limit: 1_000, filter }), filter).rejects.toThrow(answer.error);
      else {
        const { events } = await bus.poll({ limit: 1_000, filter });
        expect([filter, events.map(({ raw }) => raw)]).toEqual([
          filter,
          answer.events.map(([, raw]) => raw),
        ]);
      }
    }
    await bus.close();
    await peer.ask({ op: "shutdown", bus: name });
  });

  it("agree on which entries of a stream are events, and on what is in them", async () => {
    const { bus, name, prefix } = await pair(1);
    const piece = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"r"',
      '"t"',
      '"s"',
      '"\\u0072"',
      '"x"',
      '"\\ud800"',
      "1",
      "0",
      "-0",
      "1.0",
      "70000",
      "65535",
      "18446744073709551615",
      "18446744073709551616",
      "null",
      "tru",
      '"é"',
      " ",
      "\n",
      '{"a":1}',
      "[1,2]",
    );
    const broken = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
    const field = fc.tuple(
      fc.constantFrom('"r"', '"t"', '"s"', '"x"', '"\\u0074"', '"\\u0073"', '""'),
      fc.constantFrom(
        "1",
        "0",
        "5",
        "-0",
        "1.0",
        "1e1",
        "70000",
        "null",
        '"q"',
        '{"a":[1]}',
        "[",
        "18446744073709551615",
        "18446744073709551616",
      ),
    );
    const object = fc
      .array(field, { maxLength: 4 })
      .map((fields) => `{${fields.map(([key, item]) => `${key}:${item}`).join(",")}}`);
    const list = fc
      .array(fc.constantFrom("1", "0", "-0", "1.0", "70000", "null", '{"a":1}', "65535"), {
        maxLength: 4,
      })
      .map((items) => `[${items.join(",")}]`);
    const envelopes = [
      ...new Set(fc.sample(fc.oneof(broken, object, list), { numRuns: 6_000, seed: 4 })),
    ];
    const multi = client.multi();
    for (const [i, d] of envelopes.entries()) multi.xAdd(`${prefix}:shard:0`, `${i + 1}-0`, { d });
    await multi.exec();
    const theirs = await peer.ask<PeerPoll>({ op: "poll", bus: name, request: { limit: 10_000 } });
    const ours = await bus.poll({ limit: 10_000 });
    expect(ours.events.map(shown)).toEqual(theirs.events);
    expect(theirs.events.length).toBeGreaterThan(100);
    expect(ours.events.length + ours.unreadable).toBe(envelopes.length);
    await bus.close();
    await peer.ask({ op: "shutdown", bus: name });
  });

  it("recognise the same ids as duplicates", async () => {
    const ids = fc.array(fc.constantFrom(..."abcdefghij"), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.nat(8), ids, async (capacity, sequence) => {
        const window = new RedisStreamDedup(capacity);
        const theirs = await peer.ask<boolean[]>({ op: "dedup", capacity, ids: sequence });
        expect(sequence.map((id) => window.isDuplicate(id))).toEqual(theirs);
      }),
      { numRuns: 50 },
    );
  });

  it("refuse the same cursors, and keep to the length of streams alike", async () => {
    const { bus, name, prefix } = await pair(1);
    bus.ingestRaw("1");
    await bus.flush();
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    for (const cursor of [
      "",
      "!!!",
      base64("[]"),
      base64('{"00":"1-0"}'),
      base64('{"0":1}'),
      base64('{"70000":"1-0"}'),
    ]) {
      const theirs = peer.ask({ op: "poll", bus: name, request: { limit: 1, cursor } });
      await expect(theirs).rejects.toThrow(/invalid cursor/);
      await expect(bus.poll({ limit: 1, cursor })).rejects.toThrow(/invalid cursor/);
    }
    await bus.close();
    await peer.ask({ op: "shutdown", bus: name });
    const adapter = redisStreams({ url: redis.url, prefix, maxStreamLength: 100 });
    const bounded = new EventBus({ numShards: 1, adapter });
    for (let i = 0; i < 50; i += 1) bounded.ingestRawBatch(texts.slice(0, 100));
    await bounded.close();
    expect(await client.xLen(`${prefix}:shard:0`)).toBeLessThan(400);
  });
});
