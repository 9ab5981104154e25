import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventBusError } from "./event-bus-error.js";
import { RedisStreamDedup } from "./redis-stream-dedup.js";
import { vectors } from "./vectors.testing.js";

describe("RedisStreamDedup", () => {
  it("remembers and forgets as the reference does", () => {
    for (const { capacity_arg: capacity, ops, results, ...wanted } of vectors.redis_stream_dedup) {
      const dedup = new RedisStreamDedup(capacity);
      const found = ops.map((id) => (id === "__clear__" ? dedup.clear() : dedup.isDuplicate(id)));
      expect(found.map((result) => result ?? null)).toEqual(results);
      expect([dedup.length, dedup.capacity, dedup.isEmpty]).toEqual([
        wanted.len,
        wanted.capacity,
        wanted.is_empty,
      ]);
    }
    expect(() => new RedisStreamDedup(-1)).toThrow(EventBusError);
    expect(String(new RedisStreamDedup(5))).toBe("RedisStreamDedup(len=0, capacity=5)");
  });

  it("knows exactly the last different ids", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.constantFrom(..."abcdefgh")),
        (capacity, ids) => {
          const dedup = new RedisStreamDedup(capacity);
          let known: string[] = [];
          for (const id of ids) {
            expect(dedup.isDuplicate(id)).toBe(known.includes(id));
            if (!known.includes(id)) known = [...known, id].slice(-capacity);
          }
        },
      ),
    );
  });
});
