import fc from "fast-check";
import { xxhash3 } from "hash-wasm";
import { describe, expect, it } from "vitest";
import { shardOf, xxh3 } from "./shard-selection.js";
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

  it("agrees with another implementation of XXH3 at every length class and on any bytes", async () => {
    const bytes = Uint8Array.from({ length: 5_000 }, (_, i) => (i * 131) ^ (i >> 3));
    const lengths = [
      ...Array(300).keys(),
      511,
      512,
      513,
      1023,
      1024,
      1025,
      2047,
      2048,
      2049,
      5_000,
    ];
    for (const length of lengths) {
      const input = bytes.subarray(0, length);
      expect(xxh3(input).toString(16).padStart(16, "0")).toBe(await xxhash3(input));
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3_000 }), async (input) => {
        expect(xxh3(input).toString(16).padStart(16, "0")).toBe(await xxhash3(input));
      }),
    );
  });

  it("is floor(hash * shards / 2^64) for every shard count", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.integer({ min: 1, max: 65_535 }),
        (text, shards) => {
          const wanted = Number((xxh3(text) * BigInt(shards)) >> 64n);
          expect(shardOf(text, shards)).toBe(wanted);
        },
      ),
    );
  });
});
