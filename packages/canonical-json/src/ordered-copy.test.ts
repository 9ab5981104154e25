import { describe, expect, test } from "vitest";
import { encode } from "./encode.js";
import { encodeOrdered } from "./ordered-copy.js";

const huge = "k".repeat(3_000);

/** Objects with as many keys as one another, which are kept in one place. */
const sequences: readonly (readonly [string, readonly object[]])[] = [
  [
    "the same keys",
    [
      { a: 1, b: 2 },
      { a: 3, b: 4 },
    ],
  ],
  [
    "keys of which the first is the same",
    [
      { a: 1, b: 2 },
      { a: 3, c: 4 },
      { a: 5, b: 6 },
    ],
  ],
  [
    "alternating keys",
    [
      { a: 1, b: 2 },
      { c: 3, d: 4 },
      { a: 5, b: 6 },
      { c: 7, e: 8 },
    ],
  ],
  ["fewer keys than the one before", [{ a: 1, b: 2, c: 3 }, { a: 4, b: 5 }, {}, { a: 6 }]],
  ["more keys than the one before", [{ a: 1 }, { a: 2, b: 3 }, { a: 4, b: 5, c: 6 }]],
  ["long keys", [{ [huge]: 1 }, { a: 2 }, { [huge]: 3 }]],
];

describe("objects encoded one after the other", () => {
  test.each(sequences)("%s: each is written by its own keys, wherever it stands", (_, objects) => {
    for (const nested of [0, 1, 2, 3]) {
      for (const object of [...objects, ...objects.toReversed(), ...objects]) {
        let value: object = object;
        for (let level = 0; level < nested; level += 1) value = [value];
        expect(encodeOrdered(value)).toBe(JSON.stringify(value));
      }
      const together = Array.from({ length: 3 }, () => objects).flat();
      expect(encodeOrdered(together)).toBe(JSON.stringify(together));
    }
  });

  test("keys that agree with those before, but continue out of order, are left to the writer", () => {
    for (const wrap of [(value: object) => value, (value: object) => [[value]]]) {
      expect(encodeOrdered(wrap({ a: 1, b: 2, x: 3, y: 4, z: 5 }))).toBeDefined();
      expect(encodeOrdered(wrap({ a: 1, b: 2, x: 3, y: 4, c: 5 }))).toBeUndefined();
      expect(encodeOrdered(wrap({ a: 1, b: 2, x: 3, y: 4, z: 5, c: 6 }))).toBeUndefined();
    }
  });
});

test.each([
  ["a string", "text"],
  ["a number", 1.5],
  ["null", null],
  ["a boolean", true],
  ["an array", [[]]],
  ["an object", { a: [{}] }],
])("an array of one element, %s, is written as it is", (_, element) => {
  expect(encodeOrdered([element])).toBe(JSON.stringify([element]));
});

test.each([
  ["undefined", undefined],
  ["NaN", Number.NaN],
  ["a bigint", 1n],
  ["a function", () => 1],
  ["a symbol", Symbol("s")],
  ["half of a surrogate pair", "\ud800"],
  ["a date", new Date(0)],
  ["an array of a class", new (class List extends Array {})()],
])("%s is left to the writer, wherever it stands", (_, value) => {
  for (const holder of [[value], [0, value], { a: [value] }]) {
    expect(encodeOrdered(holder)).toBeUndefined();
  }
});

test.each([
  ["a string", "abc"],
  ["half of a surrogate pair", "\ud800"],
  ["an object", { toJSON: () => "called" }],
])("a length that is %s does not get into the text", (_, length) => {
  const array = new Proxy([1], {
    get: (target, key) => (key === "length" ? length : Reflect.get(target, key)),
  });
  expect(encodeOrdered(array)).toBeUndefined();
  expect(encode([array])).toBe("[[]]");
});
