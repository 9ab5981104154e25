import { describe, expect, test } from "vitest";
import { CanonicalJsonError, encodePortable, encodePortableBytes } from "./index.js";

function refusal(value: unknown): CanonicalJsonError {
  try {
    encodePortable(value);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error;
    throw error;
  }
  throw new Error("the value was encoded");
}

function keyed(...keys: readonly string[]): object {
  return Object.fromEntries(keys.map((key) => [key, 1]));
}

describe("the portable profile accepts", () => {
  test("what a sealed row consists of", () => {
    const row = {
      tau_block: null,
      seq: 9007199254740991n,
      bytes: 12,
      path: "a/é\u2028\u007f\u{1f600}",
    };
    expect(encodePortable(row)).toBe(
      '{"bytes":12,"path":"a/é\u2028\u007f\u{1f600}","seq":9007199254740991,"tau_block":null}',
    );
    expect(encodePortableBytes([true])).toEqual(new TextEncoder().encode("[true]"));
  });

  test("every character that a key may have", () => {
    expect(encodePortable(keyed("Az09_.:/@+-"))).toBe('{"Az09_.:/@+-":1}');
    expect(encodePortable(keyed(""))).toBe('{"":1}');
    expect(encodePortable(JSON.parse('{"__proto__":1,"a":2}'))).toBe('{"__proto__":1,"a":2}');
  });

  test.each([
    [["a", "b"]],
    [["a", "a_b", "ab"]],
    [["A", "B", "b1"]],
    [["a1", "a2", "a9"]],
    [["a02", "a10"]],
    [["", "+", "-", ".", "/", "0", ":", "@", "_", "a"]],
    [["x1y2", "x1y3", "x2"]],
    [["1", "2", "10".padStart(3, "9")]],
  ])("keys that all three orders sort alike: %j", (keys) => {
    const expected = `{${keys
      .toSorted()
      .map((key) => `"${key}":1`)
      .join(",")}}`;
    expect(encodePortable(keyed(...keys))).toBe(expected);
    expect(encodePortable(keyed(...keys.toReversed()))).toBe(expected);
  });

  test("safe integers, negative zero as 0", () => {
    expect(encodePortable([Number.MIN_SAFE_INTEGER, -9007199254740991n, 1e3, -0])).toBe(
      "[-9007199254740991,-9007199254740991,1000,0]",
    );
  });

  test("an object whose offending property is undefined and so left out", () => {
    expect(encodePortable({ a: 1, A: undefined })).toBe('{"a":1}');
    expect(encodePortable({ "no good": undefined, b: 1, a: 2 })).toBe('{"a":2,"b":1}');
  });
});

describe("the portable profile refuses, with the path to it", () => {
  test.each([
    [["a", "B"], "/a", "a < B without case, B < a by byte"],
    [["a2", "a10"], "/a2", "2 < 10 by number"],
    [["a", "A"], "/a", "no order between them without case"],
    [["a1", "a01"], "/a1", "no order between them by number"],
    [["1", "01"], "/1", "no order between them by number"],
    [["x", "Xa", "xb"], "/x", "three, of which two disagree"],
    [["aB", "a_"], "/a_", "_ stands between upper and lower case"],
    [["a1b", "A1B"], "/a1b", "case after a number"],
    [["a9223372036854775808", "a10000000000000000000"], "/a9223372036854775808", "beyond 64 bits"],
  ])("keys %j", (keys, path) => {
    expect(refusal(keyed(...keys))).toMatchObject({ code: "KEY_ORDER_NOT_PORTABLE", path });
    expect(refusal([keyed(...keys)])).toMatchObject({ path: `/0${path}` });
    expect(refusal(keyed(...keys.toReversed()))).toMatchObject({ path });
  });

  test.each(["a b", "é", "a\n", "a,b", "a\u0000", "~", "a=b", "$", "\u{1f600}", '"', "\\"])(
    "the key %j",
    (key) => {
      expect(refusal({ x: [{ a: 1, [key]: 2 }] })).toMatchObject({ code: "KEY_NOT_PORTABLE" });
    },
  );

  test.each([
    [0.5],
    [1e21],
    [2 ** 53],
    [-(2 ** 53)],
    [9007199254740992n],
    [-9007199254740992n],
    [10n ** 400n],
  ])("the number %s", (number) => {
    expect(refusal({ a: [number] })).toMatchObject({ code: "NUMBER_NOT_PORTABLE", path: "/a/0" });
  });

  test("a property that hides its key until it is read a second time", () => {
    let reading = 0;
    const value = {
      a: 1,
      get A(): number | undefined {
        reading += 1;
        return reading === 1 ? undefined : 1;
      },
    };
    expect(encodePortable(value)).toBe('{"a":1}');
  });

  test("the same keys each time, also once they are known", () => {
    for (let round = 0; round < 3; round += 1) {
      expect(refusal(keyed("b", "C")).code).toBe("KEY_ORDER_NOT_PORTABLE");
    }
  });
});
