import { xxh3 } from "@gaiaftcl/xxh3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shardOf } from "./shard-selection.js";
import { vectors } from "./vectors.testing.js";

function payloadOf(vector: (typeof vectors.shard_assignment.vectors)[number]): string {
  return vector.payload ?? vector.payload_repeat?.unit.repeat(vector.payload_repeat.count) ?? "";
}

describe("shard selection", () => {
  it("hashes and places every captured payload as the reference does", () => {
    for (const vector of vectors.shard_assignment.vectors) {
      const payload = payloadOf(vector);
      expect(xxh3(payload).toString(16).padStart(16, "0")).toBe(vector.xxh3_64);
      for (const [shards, shard] of Object.entries(vector.shard)) {
        expect(shardOf(payload, Number(shards))).toBe(shard);
      }
    }
  });

  it("places the texts that Python stores for a dict where the reference placed them", () => {
    for (const vector of vectors.dict_ingest.vectors) {
      expect(shardOf(vector.stored_text, vector.num_shards)).toBe(vector.shard);
    }
  });

  it("is floor(XXH3 * shards / 2^64), at every length class and for every shard count", () => {
    const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => (i * 131) ^ (i >> 3));
    const place = (input: string | Uint8Array, shards: number): number =>
      Number((xxh3(input) * BigInt(shards)) >> 64n);
    for (const length of [
      ...Array(300).keys(),
      511,
      512,
      513,
      1023,
      1024,
      1025,
      2047,
      2048,
      5_000,
    ]) {
      const input = bytes.subarray(0, length);
      expect([length, shardOf(input, 65_535)]).toEqual([length, place(input, 65_535)]);
    }
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array({ maxLength: 3_000 })),
        fc.integer({ min: 1, max: 65_535 }),
        (input, shards) => {
          expect(shardOf(input, shards)).toBe(place(input, shards));
        },
      ),
    );
  });
});
