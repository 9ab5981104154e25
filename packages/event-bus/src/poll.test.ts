import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCursor, encodeCursor } from "./cursor.js";
import { EventBus } from "./event-bus.js";
import { EventBusError } from "./event-bus-error.js";
import type { PollOptions, PollResponse } from "./poll.js";
import { StreamBackend } from "./stream-backend.testing.js";
import { vectors } from "./vectors.testing.js";

function seeded(): { bus: EventBus; backend: StreamBackend } {
  const backend = new StreamBackend();
  for (const { shard, id, raw, t } of vectors.poll.seed) {
    backend.put(shard, id, `{"r":${raw},"t":${t},"s":${shard}}`);
  }
  return { bus: new EventBus({ numShards: 3, adapter: backend }), backend };
}

type Ordering = NonNullable<PollOptions["ordering"]>;

function shown(response: PollResponse) {
  const { nextId } = response;
  return {
    events: response.events.map(({ shardId, id, insertionTs }) => [
      shardId,
      id,
      Number(insertionTs),
    ]),
    next: nextId === null ? null : Object.fromEntries(decodeCursor(nextId)),
    hasMore: response.hasMore,
  };
}

describe("poll", () => {
  for (const { name, polls } of vectors.poll.chains) {
    it(`walks through the stream as the reference does: ${name}`, async () => {
      const { bus } = seeded();
      let cursor: string | null = null;
      for (const { limit, filter, ordering, ...wanted } of polls) {
        const response: PollResponse = await bus.poll({
          limit,
          cursor,
          filter,
          ordering: ordering as Ordering,
        });
        expect(shown(response)).toEqual({
          events: wanted.events,
          next: wanted.next_decoded,
          hasMore: wanted.has_more,
        });
        cursor = response.nextId;
      }
    });
  }

  it("answers each single request as the reference does", async () => {
    for (const vector of vectors.poll.single) {
      const { bus } = seeded();
      const { limit, filter, ordering, cursor_raw: raw, cursor_decoded: decoded } = vector;
      const positions = decoded && new Map(Object.entries(decoded).map(([k, v]) => [Number(k), v]));
      const cursor = raw ?? (positions && encodeCursor(positions));
      const answer = bus.poll({ limit, cursor, filter, ordering: ordering as Ordering });
      if (vector.exception !== undefined) await expect(answer).rejects.toThrow(EventBusError);
      else {
        expect(shown(await answer)).toEqual({
          events: vector.events,
          next: vector.next_decoded,
          hasMore: vector.has_more,
        });
      }
    }
  });

  it("names the shards it could not read, and why", async () => {
    const { bus } = seeded();
    const wrongShape = await bus.poll({ limit: 5, cursor: encodeCursor(new Map([[0, "42"]])) });
    expect(wrongShape.failedShards.map(({ shardId, error }) => [shardId, error.code])).toEqual([
      [0, "INVALID_CURSOR"],
    ]);
    const refused = await bus.poll({ limit: 5, cursor: encodeCursor(new Map([[0, "abc"]])) });
    expect(refused.failedShards.map(({ shardId, error }) => [shardId, error.code])).toEqual([
      [0, "FATAL"],
    ]);
  });

  it("returns the other shards' events although those of an unusable one fill the limit", async () => {
    const { bus } = seeded();
    const cursor = encodeCursor(new Map([[0, "42"]]));
    const { events, hasMore } = await bus.poll({ limit: 2, cursor });
    expect(events.map(({ id }) => id)).toEqual(["999-0", "1000-0"]);
    expect(hasMore).toBe(true);
  });

  it("throws when no shard can be read, and never pretends that there is nothing", async () => {
    const { bus, backend } = seeded();
    backend.fail = () => {
      throw new EventBusError("TRANSIENT", "connection refused");
    };
    await expect(bus.poll({ limit: 5 })).rejects.toMatchObject({
      code: "TRANSIENT",
      message: expect.stringContaining("connection refused"),
    });
    backend.fail = (_, shardId) => {
      if (shardId !== 1) throw new EventBusError("TIMEOUT", "no answer");
    };
    const { events, failedShards, nextId } = await bus.poll({ limit: 5 });
    expect(events.map(({ shardId }) => shardId)).toEqual([1, 1, 1, 1]);
    expect(failedShards.map(({ shardId }) => shardId)).toEqual([0, 2]);
    // The one shard that answers has nothing more.
    await expect(bus.poll({ limit: 5, cursor: nextId })).rejects.toMatchObject({
      code: "TIMEOUT",
      message: expect.stringContaining("the others have nothing new"),
    });
  });

  it("asks each shard for what the reference asks for, or for less when less can be returned", async () => {
    const { bus, backend } = seeded();
    const askedFor = async (options: PollOptions) => {
      backend.asked.length = 0;
      await bus.poll(options);
      return backend.asked[0];
    };
    const filter = '{"path":"k","value":0}';
    expect(await askedFor({ limit: 4 })).toBe(5);
    expect(await askedFor({ limit: 100 })).toBe(69);
    expect(await askedFor({ limit: 100, filter })).toBe(103);
    expect(await askedFor({ limit: 1 })).toBe(2);
    expect(await askedFor({ limit: 1, filter })).toBe(4);
    expect(await askedFor({ limit: 1_000_000 })).toBe(10_001);
  });

  it("says that the cap per shard kept it from more", async () => {
    const backend = new StreamBackend();
    for (let i = 1; i <= 10_001; i += 1) backend.put(0, `${i}-0`, '{"r":1}');
    const bus = new EventBus({ numShards: 1, adapter: backend });
    const first = await bus.poll({ limit: 20_000 });
    expect([first.events.length, first.hasMore, first.truncatedAtPerShardCap]).toEqual([
      10_000,
      true,
      true,
    ]);
    const last = await bus.poll({ limit: 20_000, cursor: first.nextId });
    expect([last.events.length, last.hasMore, last.truncatedAtPerShardCap]).toEqual([
      1,
      false,
      false,
    ]);
  });

  it("gets past entries that are not events, however many there are", async () => {
    const backend = new StreamBackend();
    for (let i = 1; i <= 10; i += 1) backend.put(0, `${i}-0`, '{"r":not json,"t":1,"s":0}');
    backend.put(0, "11-0", '{"r":{"good":1},"t":1,"s":0}');
    const bus = new EventBus({ numShards: 1, adapter: backend });
    let cursor: string | null = null;
    const found: string[] = [];
    let unreadable = 0;
    for (let hasMore = true; hasMore; ) {
      const response: PollResponse = await bus.poll({ limit: 1, cursor });
      found.push(...response.events.map(({ raw }) => raw));
      unreadable += response.unreadable;
      ({ nextId: cursor, hasMore } = response);
    }
    expect([found, unreadable]).toEqual([['{"good":1}'], 10]);
  });

  it("returns every event once in time order although a producer's clock was reset", async () => {
    const backend = new StreamBackend();
    const times = { "1000-0": 100, "1000-1": 200, "1001-0": 5, "1001-1": 6 };
    for (const [id, t] of Object.entries(times)) backend.put(0, id, `{"r":1,"t":${t},"s":0}`);
    const bus = new EventBus({ numShards: 1, adapter: backend });
    const ids: string[] = [];
    let cursor: string | null = null;
    for (let hasMore = true; hasMore; ) {
      const response: PollResponse = await bus.poll({ limit: 1, cursor, ordering: "insertion_ts" });
      ids.push(...response.events.map(({ id }) => id));
      ({ nextId: cursor, hasMore } = response);
    }
    expect(ids).toEqual(["1000-0", "1000-1", "1001-0", "1001-1"]);
    const all = await bus.poll({ limit: 10, ordering: "insertion_ts" });
    expect(all.events.map(({ insertionTs }) => Number(insertionTs))).toEqual([5, 6, 100, 200]);
  });

  it("keeps positions by the stream that was read, whatever shard an entry names", async () => {
    const { entries, polled, filtered_next_decoded: next } = vectors.redis_foreign_entries;
    const backend = new StreamBackend();
    for (const [id, fields] of entries) backend.put(0, id, fields["d"] ?? "");
    const bus = new EventBus({ numShards: 1, adapter: backend });
    const response = await bus.poll({ limit: 50 });
    expect(
      response.events.map(({ id, raw, insertionTs, shardId }) => [
        id,
        raw,
        Number(insertionTs),
        shardId,
      ]),
    ).toEqual(polled);
    // The reference leaves {"7":"7-0","0":"9-0"}: a position for a stream it did not read, and one
    // before an entry that can never be read.
    expect(shown(response).next).toEqual(next);
    const filter = '{"$not":{"$or":[]}}';
    const filtered = await bus.poll({ limit: 50, filter });
    expect(filtered.events).toHaveLength(vectors.redis_foreign_entries.filtered_count);
    expect(shown(filtered).next).toEqual(next);
  });

  it("returns everything that can be read exactly once, for any limit, filter and order", async () => {
    const entry = fc.record({
      shard: fc.nat(2),
      time: fc.nat(6),
      kind: fc.constantFrom("even", "odd", "bad"),
    });
    const options = fc.record({
      limit: fc.integer({ min: 1, max: 5 }),
      filter: fc.constantFrom(null, '{"path":"k","value":"even"}'),
      ordering: fc.constantFrom("none" as const, "insertion_ts" as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 30 }), options, async (entries, request) => {
        const backend = new StreamBackend();
        const wanted: string[][] = [[], [], []];
        for (const [i, { shard, time, kind }] of entries.entries()) {
          const raw = kind === "bad" ? "{" : `{"k":"${kind}","i":${i}}`;
          backend.put(shard, `${i + 1}-0`, `{"r":${raw},"t":${time},"s":${shard}}`);
          const isWanted = kind === "even" || (kind === "odd" && request.filter === null);
          if (isWanted) wanted[shard]?.push(raw);
        }
        const bus = new EventBus({ numShards: 3, adapter: backend });
        const found: string[][] = [[], [], []];
        let cursor: string | null = null;
        for (let polls = 0, hasMore = true; hasMore; polls += 1) {
          expect(polls).toBeLessThan(100);
          const response: PollResponse = await bus.poll({ ...request, cursor });
          const inOrder = response.events.toSorted(
            (a, b) => Number.parseInt(a.id, 10) - Number.parseInt(b.id, 10),
          );
          for (const { shardId, raw } of inOrder) found[shardId]?.push(raw);
          ({ nextId: cursor, hasMore } = response);
        }
        expect(found).toEqual(wanted);
      }),
    );
  });

  it("refuses a limit or an order that is none", async () => {
    const { bus } = seeded();
    for (const limit of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(bus.poll({ limit })).rejects.toMatchObject({ code: "INVALID_OPTION" });
    }
    const ordering = "zz" as "none";
    await expect(bus.poll({ limit: 5, ordering })).rejects.toThrow(
      "Invalid ordering: zz. Use 'none' or 'insertion_ts'",
    );
  });
});

describe("cursors", () => {
  it("come back as they were written", () => {
    expect(encodeCursor(new Map([[0, "1795212335764-2"]]))).toBe(
      "eyIwIjoiMTc5NTIxMjMzNTc2NC0yIn0=",
    );
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.nat(65_535),
            fc.string({ unit: "grapheme" }).map((id) => id.toWellFormed()),
          ),
        ),
        (entries) => {
          const positions = new Map(entries);
          expect(decodeCursor(encodeCursor(positions))).toEqual(positions);
        },
      ),
    );
  });

  it("are refused unless they are canonical base64 of a map from shards to texts", () => {
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const bad = [
      "",
      "!!!",
      "eyIwIjoiMTAwMC0wIn0",
      "eyIwIjoiMTAwMC0wIn0==",
      `${base64('{"0":"1-0"}')}\n`,
      "eyIwIjoiwr_Dvz8ifQ==",
      "e31=",
      base64("[]"),
      base64("null"),
      base64('"x"'),
      base64('{"0":1}'),
      base64('{"0":null}'),
      base64('{"00":"1-0"}'),
      base64('{"+1":"1-0"}'),
      base64('{"-1":"1-0"}'),
      base64('{"65536":"1-0"}'),
      base64('{"":"1-0"}'),
      base64('{"__proto__":"1-0"}'),
      base64('{"0":"1-0"}x'),
      base64('\ufeff{"0":"1-0"}'),
      Buffer.from([0x7b, 0xff, 0x7d]).toString("base64"),
      "A".repeat(9_000_000),
    ];
    for (const cursor of bad) {
      expect(() => decodeCursor(cursor), cursor.slice(0, 40)).toThrow(EventBusError);
    }
    expect(decodeCursor(base64(' {"65535" : "x", "0":""} '))).toEqual(
      new Map([
        [0, ""],
        [65_535, "x"],
      ]),
    );
  });

  it("of any kind are either read or refused", () => {
    const text = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString("base64")),
    );
    fc.assert(
      fc.property(text, (cursor) => {
        try {
          decodeCursor(cursor);
        } catch (error) {
          expect(error).toMatchObject({ code: "INVALID_CURSOR" });
        }
      }),
    );
  });
});
