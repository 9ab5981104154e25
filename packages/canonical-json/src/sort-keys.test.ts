import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyKey, compareUnits } from "./reference.testing.js";
import { isSorted, sortKeys } from "./sort-keys.js";

/** Few letters and few lengths, so that long runs of keys begin alike; some far beyond ASCII. */
const similarKey = fc.string({
  unit: fc.constantFrom("a", "b", "\u00fe", "\u00ff", "\u0100", "\ud83d", "\udc00", "\uffff"),
  maxLength: 9,
});

describe("sorting keys by UTF-16 unit", () => {
  test.each([
    ["few", anyKey, 20],
    ["many", anyKey, 400],
    ["many similar", similarKey, 1500],
    ["many with one beginning", similarKey.map((key) => `a long beginning ${key}`), 600],
  ])("%s keys come out as a comparison unit by unit puts them", (_, key, maxLength) => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength, size: "max" }), (keys) => {
        const expected = keys.toSorted(compareUnits);
        expect(sortKeys(keys)).toEqual(expected);
        expect(isSorted(expected)).toBe(true);
        expect(isSorted(keys)).toBe(keys.join("\n") === expected.join("\n"));
      }),
      { numRuns: 60 },
    );
  });

  test("a key that all others continue comes first among many", () => {
    const keys = Array.from({ length: 300 }, (_, n) => "x".repeat(300 - n));
    expect(sortKeys(keys)).toEqual(keys.toReversed());
  });
});
