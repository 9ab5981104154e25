import fc from "fast-check";
import { expect, it } from "vitest";
import { type Codec, decode, encode } from "./codec.js";
import { array, map, option, struct } from "./compound-codecs.js";
import { bool, bytes, f64, i64, string, u32, u64, variant } from "./scalar-codecs.js";
import { hex, unhex } from "./vectors.testing.js";

const everything = struct({
  u64,
  i64,
  u32,
  f64,
  bool,
  string,
  bytes,
  word: variant("a", "b", "c"),
  maybe: option(string),
  list: array(array(u64)),
  table: map(u64, struct({ name: string, tags: array(string) })),
});

const text = fc.string({ unit: "grapheme", maxLength: 60 });
const bits64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
  fc.integer({ min: 0, max: 64 }).map((shift) => (1n << BigInt(shift)) - 1n),
  fc.integer({ min: 0, max: 63 }).map((shift) => 1n << BigInt(shift)),
);
const anything = fc.record({
  u64: bits64,
  i64: bits64.map((value) => BigInt.asIntN(64, value)),
  u32: fc.integer({ min: 0, max: 0xffffffff }),
  f64: fc.double(),
  bool: fc.boolean(),
  string: text,
  bytes: fc.uint8Array({ maxLength: 200 }),
  word: fc.constantFrom("a" as const, "b" as const, "c" as const),
  maybe: fc.option(text, { nil: undefined }),
  list: fc.array(fc.array(bits64, { maxLength: 4 }), { maxLength: 4 }),
  table: fc
    .array(fc.tuple(bits64, fc.record({ name: text, tags: fc.array(text, { maxLength: 3 }) })), {
      maxLength: 4,
    })
    .map((entries) => new Map(entries)),
});

it("decodes what it has encoded, and an encoding has one form", () => {
  fc.assert(
    fc.property(anything, (value) => {
      const encoded = encode(everything, value);
      const decoded = decode(everything, encoded);
      expect(decoded).toEqual(value);
      expect(decoded).toEqual(everything.check(value, "value"));
      expect(hex(encode(everything, decoded))).toBe(hex(encoded));
    }),
  );
});

it("says that bytes end too early at every place where they can", () => {
  fc.assert(
    fc.property(anything, (value) => {
      const encoded = encode(everything, value);
      for (let length = 0; length < encoded.length; length += 7) {
        expect(() => decode(everything, encoded.subarray(0, length))).toThrow(
          /Hit the end of buffer, expected more data/u,
        );
      }
    }),
    { numRuns: 30 },
  );
});

it("throws nothing but its own error, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (input) => {
      try {
        decode(everything, input);
      } catch (error) {
        expect(error).toMatchObject({ name: "CortexError", code: "DECODE" });
      }
    }),
  );
});

it.each([
  [u64, 0n, "00"],
  [u64, 127n, "7f"],
  [u64, 128n, "8001"],
  [u64, 0x8000000000000000n, "80808080808080808001"],
  [u64, 0xffffffffffffffffn, "ffffffffffffffffff01"],
  [i64, -1n, "01"],
  [i64, 1n, "02"],
  [i64, -0x8000000000000000n, "ffffffffffffffffff01"],
  [bool, true, "01"],
  [f64, 1.5, "000000000000f83f"],
  [string, "ü✓", "05c3bce29c93"],
  [option(string), undefined, "00"],
  [option(string), "", "0100"],
  [array(u64), [1n, 300n], "0201ac02"],
  [variant("pending", "completed"), "completed", "01"],
] as [Codec<unknown>, unknown, string][])(
  "encodes as postcard does: %#",
  (codec, value, expected) => {
    expect(hex(encode(codec, value))).toBe(expected);
    expect(decode(codec, unhex(expected))).toEqual(value);
  },
);

it("accepts a varint longer than needed, and none that does not fit in 64 bits", () => {
  expect(decode(u64, unhex("8000"))).toBe(0n);
  expect(decode(u64, unhex("ffffffffffffffff8000"))).toBe(0x00ffffffffffffffn);
  expect(() => decode(u64, unhex("ffffffffffffffffff02"))).toThrow(/varint that didn't terminate/u);
  expect(() => decode(u64, unhex("8080808080808080808000"))).toThrow(/didn't terminate/u);
  expect(() => decode(u32, unhex("8080808010"))).toThrow(/didn't terminate/u);
});

it.each([
  [bool, "02", /bool that wasn't 0 or 1/u],
  [option(u64), "02", /Option discriminant that wasn't 0 or 1/u],
  [string, "02c328", /invalid utf-8/u],
  [string, "03eda080", /invalid utf-8/u],
  [variant("a"), "01", /variant below 1, found 1/u],
  [array(u64), "ffffffffffffffffff01", /end of buffer/u],
  [bytes, "ffffffffffffffffff01", /end of buffer/u],
] as [Codec<unknown>, string, RegExp][])(
  "refuses what no value encodes to: %#",
  (codec, input, text) => {
    expect(() => decode(codec, unhex(input))).toThrow(text);
  },
);

it.each([
  [u64, -1n],
  [u64, 1n << 64n],
  [u64, 1],
  [i64, 1n << 63n],
  [u32, 1.5],
  [u32, 1n],
  [f64, "1"],
  [bool, 1],
  [string, "\ud800"],
  [string, 5],
  [bytes, [1]],
  [array(u64), "x"],
  [map(u64, u64), {}],
  [variant("a"), "b"],
  [struct({ a: struct({ b: u64 }) }), { a: { b: "x" } }],
  [struct({ a: u64 }), null],
] as [Codec<unknown>, unknown][])("refuses a value that is not of the type: %#", (codec, value) => {
  expect(() => encode(codec, value)).toThrow(
    expect.objectContaining({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/expected/u),
    }),
  );
});

it("does not make a vector of items that take up no bytes", () => {
  expect(() => array(struct({}))).toThrow(expect.objectContaining({ code: "INVALID_MODEL" }));
});

it("names the field that is wrong", () => {
  const codec = struct({ a: array(struct({ b: u64 })) });
  expect(() => encode(codec, { a: [{ b: 1n }, { b: "x" as unknown as bigint }] })).toThrow(
    'cortex: value.a[1].b: expected a bigint from 0 to 2^64-1, found "x"',
  );
});

it("keeps nothing of what the caller can change afterwards", () => {
  const tags = ["a"];
  const raw = new Uint8Array([1]);
  const checked = struct({ tags: array(string), raw: bytes }).check({ tags, raw }, "value");
  tags.push("b");
  raw[0] = 2;
  expect(checked).toEqual({ tags: ["a"], raw: new Uint8Array([1]) });
});
