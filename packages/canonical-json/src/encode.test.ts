import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test } from "vitest";
import { CanonicalJsonError, encode, encodeBytes, encodePortable } from "./index.js";

/** The refusal of a value, by either encoder. */
function refusal(value: unknown, how: (value: unknown) => string = encode): CanonicalJsonError {
  try {
    how(value);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error;
    throw error;
  }
  throw new Error("the value was encoded");
}

function nested(levels: number): unknown {
  let value: unknown = "leaf";
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe("what encode writes", () => {
  test("literals, numbers and strings as RFC 8785 has them", () => {
    expect(encode(null)).toBe("null");
    expect(encode(true)).toBe("true");
    expect(encode([false, 1e21, 1e-7, 1 / 3, 4.5, 2e-3, 1e30])).toBe(
      "[false,1e+21,1e-7,0.3333333333333333,4.5,0.002,1e+30]",
    );
    expect(encode("\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/\u2028\u007f")).toBe(
      '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u2028\u007f"',
    );
  });

  test("negative zero as 0", () => {
    expect(encode(-0)).toBe("0");
    expect(encode([-0, { a: -0 }])).toBe('[0,{"a":0}]');
  });

  test("a bigint as its digits, at any size", () => {
    expect(encode(12345678901234567890123n)).toBe("12345678901234567890123");
    expect(encode({ b: [-1n], a: 0n })).toBe('{"a":0,"b":[-1]}');
  });

  test("keys by UTF-16 unit, not by code point and not by number", () => {
    expect(encode({ "\ufb33": 1, "\u{1f600}": 2 })).toBe('{"\u{1f600}":2,"\ufb33":1}');
    expect(encode({ 9: 1, 10: 2, a: 3 })).toBe('{"10":2,"9":1,"a":3}');
    expect(encode({ a: { 2: 0, 1: 0, 10: 0 } })).toBe('{"a":{"1":0,"10":0,"2":0}}');
    expect(encode({ a: 1, "": 2 })).toBe('{"":2,"a":1}');
    expect(encode({ "": 1, a: 2 })).toBe('{"":1,"a":2}');
  });

  test("keys that need an escape, in order or not", () => {
    expect(encode({ "\n": 1, '"': 2 })).toBe('{"\\n":1,"\\"":2}');
    expect(encode({ '"': 1, "\n": 2 })).toBe('{"\\n":2,"\\"":1}');
  });

  test("no property that is undefined, keyed by a symbol, or not enumerable", () => {
    expect(encode({ a: undefined, b: 1 })).toBe('{"b":1}');
    expect(encode({ b: undefined, a: undefined })).toBe("{}");
    expect(encode({ [Symbol("s")]: 1, b: 2 })).toBe('{"b":2}');
    expect(encode(Object.defineProperty({ a: 1 }, "hidden", { value: 2 }))).toBe('{"a":1}');
    expect(encode({ c: 1, b: undefined, a: 2 })).toBe('{"a":2,"c":1}');
  });

  test("text beside other values, whichever of them are left out", () => {
    const members = ["text", 1, undefined, {}];
    for (let round = 0; round < 2; round += 1) {
      for (const c of members) {
        for (const b of members) {
          for (const a of members) {
            const expected = JSON.stringify({ a, b, c });
            expect(encode({ c, b, a })).toBe(expected);
            expect(encode({ a, b, c })).toBe(expected);
            expect(encodePortable({ c, b, a })).toBe(expected);
            expect(encode({ "\n": c, '"': 1, "\t": b })).toBe(
              JSON.stringify({ "\t": b, "\n": c, '"': 1 }),
            );
          }
        }
      }
    }
  });

  test("__proto__ and other inherited names as ordinary keys", () => {
    const value = JSON.parse('{"toString":1,"constructor":{"__proto__":[2]},"__proto__":{"x":3}}');
    expect(encode(value)).toBe(
      '{"__proto__":{"x":3},"constructor":{"__proto__":[2]},"toString":1}',
    );
    expect(encode({ ["__proto__"]: 1 })).toBe('{"__proto__":1}');
  });

  test("objects without a prototype", () => {
    expect(encode(Object.assign(Object.create(null), { b: 1, a: 2 }))).toBe('{"a":2,"b":1}');
  });

  test("strings that look like escapes of surrogates", () => {
    expect(encode({ a: "\\ud800" })).toBe('{"a":"\\\\ud800"}');
  });

  test("the same value at two places, which is no cycle", () => {
    const shared = { x: [1] };
    expect(encode({ b: shared, a: shared })).toBe('{"a":{"x":[1]},"b":{"x":[1]}}');
  });

  test("wide objects and long arrays, whatever their order", () => {
    const keys = Array.from({ length: 3000 }, (_, n) => `key ${(n * 7919) % 3000}`);
    const value = Object.fromEntries(keys.map((key) => [key, key]));
    const expected = `{${keys
      .toSorted()
      .map((key) => `"${key}":"${key}"`)
      .join(",")}}`;
    expect(encode(value)).toBe(expected);
    expect(encode(JSON.parse(expected))).toBe(expected);
    const long = Array.from({ length: 10_000 }, (_, n) => n);
    expect(encode(long)).toBe(JSON.stringify(long));
  });

  test("a huge string, in parts that do not cut a surrogate pair", () => {
    const text = `${"x".repeat(2 ** 24 - 1)}\u{1f600}"${"y".repeat(10)}\n`;
    const expected = `${"x".repeat(2 ** 24 - 1)}\u{1f600}\\"${"y".repeat(10)}\\n`;
    expect(encode(text) === `"${expected}"`).toBe(true);
    expect(encode([text]) === `["${expected}"]`).toBe(true);
    expect(encode({ [text]: 1 }) === `{"${expected}":1}`).toBe(true);
    expect(refusal({ a: `${text}\ud800` })).toMatchObject({ code: "UNPAIRED_SURROGATE" });
  });

  test("64 levels", () => {
    expect(encode(nested(64))).toBe(JSON.stringify(nested(64)));
  });

  test("UTF-8 bytes on request", () => {
    expect(encodeBytes({ a: "é" })).toEqual(new TextEncoder().encode('{"a":"é"}'));
  });
});

describe("what encode refuses, with the path to it", () => {
  test.each([
    [undefined, "UNDEFINED", ""],
    [[1, undefined], "UNDEFINED", "/1"],
    [new Array(3), "UNDEFINED", "/0"],
    [() => 1, "FUNCTION", ""],
    [{ b: 1, a: { toJSON: () => 1 } }, "FUNCTION", "/a/toJSON"],
    [{ a: [Symbol("s")] }, "SYMBOL", "/a/0"],
    [{ a: Number.NaN }, "NOT_FINITE", "/a"],
    [[Number.POSITIVE_INFINITY], "NOT_FINITE", "/0"],
    [{ z: 1, a: Number.NEGATIVE_INFINITY }, "NOT_FINITE", "/a"],
    ["\ud800", "UNPAIRED_SURROGATE", ""],
    [{ a: ["ok", "x\udc00"] }, "UNPAIRED_SURROGATE", "/a/1"],
    [["\udc00\ud800"], "UNPAIRED_SURROGATE", "/0"],
    [["x\ud800", "\udc00x"], "UNPAIRED_SURROGATE", "/0"],
    [{ "\ud800": 1 }, "UNPAIRED_SURROGATE", "/\ud800"],
    [{ a: "x".repeat(200).concat("\ud800") }, "UNPAIRED_SURROGATE", "/a"],
    [{ a: new Date(0) }, "NOT_PLAIN", "/a"],
    [[new Map()], "NOT_PLAIN", "/0"],
    [new Set(), "NOT_PLAIN", ""],
    [new Uint8Array(2), "NOT_PLAIN", ""],
    [/x/, "NOT_PLAIN", ""],
    [new Error("x"), "NOT_PLAIN", ""],
    [Promise.resolve(), "NOT_PLAIN", ""],
    [Object("boxed"), "NOT_PLAIN", ""],
    [Object(1), "NOT_PLAIN", ""],
    [Object(true), "NOT_PLAIN", ""],
    [Object(1n), "NOT_PLAIN", ""],
    [{ a: new (class Point {})() }, "NOT_PLAIN", "/a"],
    [Object.create({ inherited: 1 }), "NOT_PLAIN", ""],
    [new (class List extends Array {})(), "NOT_PLAIN", ""],
    [runInNewContext("({ a: 1 })"), "NOT_PLAIN", ""],
    [{ "a/b": { "c~d": [undefined] } }, "UNDEFINED", "/a~1b/c~0d/0"],
  ] as const)("%o: %s at %j", (value, code, path) => {
    expect(refusal(value)).toMatchObject({ name: "CanonicalJsonError", code, path });
  });

  test("whichever way they are encoded", () => {
    expect(refusal({ b: 1, a: [Number.NaN] }, encodePortable)).toMatchObject({
      code: "NOT_FINITE",
      path: "/a/0",
    });
    expect(refusal({ b: 1, a: ["\ud800"] }, encodePortable)).toMatchObject({
      code: "UNPAIRED_SURROGATE",
      path: "/a/0",
    });
  });

  test("a cycle, at the place where it closes", () => {
    const object: Record<string, unknown> = { a: {} };
    object["self"] = object;
    expect(refusal(object)).toMatchObject({ code: "CYCLE", path: "/self" });
    const array: unknown[] = [];
    array.push({ deeper: [1, array] });
    expect(refusal({ x: array })).toMatchObject({ code: "CYCLE", path: "/x/0/deeper/1" });
  });

  test("more than 64 levels, whatever is inside", () => {
    const error = refusal(nested(65));
    expect(error.code).toBe("TOO_DEEP");
    expect(error.path?.split("/")).toHaveLength(65);
  });

  test("a value whose shared parts stand for too many, within bounded memory", () => {
    let value: unknown[] = [];
    for (let level = 0; level < 40; level += 1) value = [value, value];
    expect(refusal(value).code).toBe("TOO_LARGE");
  });

  test("a text longer than a string can be", () => {
    const parts = new Array(40).fill("x".repeat(2 ** 24));
    expect(refusal(parts)).toMatchObject({ code: "TOO_LARGE" });
    expect(refusal({ b: parts, a: 1 })).toMatchObject({ code: "TOO_LARGE" });
  });

  test("with a message that says what was expected, found, and where", () => {
    expect(refusal({ a: [new Map()] }).message).toBe(
      "expected an array or a plain object, found an object of class Map at /a/0; copy its fields into one",
    );
    expect(refusal(Number.NaN).message).toBe(
      "expected a finite number, found the number NaN as the whole value; use null, or text",
    );
  });
});

describe("values that answer differently each time they are asked", () => {
  /** A property that gives the next answer at each reading, and the last one from then on. */
  function changing(key: string, ...answers: unknown[]): object {
    let reading = 0;
    return Object.defineProperty({}, key, {
      enumerable: true,
      get: () => answers[Math.min(reading++, answers.length - 1)],
    });
  }

  test.each([
    ["a number that becomes NaN", changing("a", 1, Number.NaN)],
    ["a string that becomes a lone surrogate", changing("a", "x", "\ud800")],
    ["an object that becomes one out of order", changing("a", { a: 1 }, { b: 1, a: 1 })],
    ["an object that becomes a date", changing("a", {}, new Date(0))],
    ["a value that becomes undefined", [changing("a", [], [undefined])]],
  ])("%s is either refused or written as canonical JSON", (_, value) => {
    let text: string;
    try {
      text = encode(value);
    } catch (error) {
      expect(error).toBeInstanceOf(CanonicalJsonError);
      return;
    }
    expect(text).toBe(encode(JSON.parse(text)));
    expect(text).not.toContain("null");
  });

  test("a getter counts with the value it returned when it was validated", () => {
    expect(encode(changing("a", 1, Number.NaN))).toBe('{"a":1}');
    expect(encode(changing("a", { a: 1 }, { b: 1, a: 1 }))).toBe('{"a":{"a":1}}');
  });

  test("a getter that throws is named, with its error as the cause", () => {
    const cause = new Error("no value");
    const value = {
      b: 1,
      a: Object.defineProperty({}, "x", {
        enumerable: true,
        get: () => {
          throw cause;
        },
      }),
    };
    expect(refusal(value)).toMatchObject({ code: "UNREADABLE", path: "/a/x", cause });
    expect(refusal(value, encodePortable)).toMatchObject({ code: "UNREADABLE", cause });
  });

  test("a proxy is read as what it shows", () => {
    expect(encode(new Proxy({ b: 1, a: 2 }, {}))).toBe('{"a":2,"b":1}');
    expect(encode([new Proxy([1, 2], {})])).toBe("[[1,2]]");
  });

  test("a proxy that throws, or is revoked, is refused", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusal({ a: proxy })).toMatchObject({ code: "UNREADABLE", path: "/a" });
    const hostile = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new RangeError("Invalid string length");
        },
      },
    );
    expect(refusal([hostile])).toMatchObject({ code: "UNREADABLE" });
  });

  test("a getter may encode something itself", () => {
    const value = {
      get inner(): string {
        return encode({ b: 1, a: "\n" });
      },
      a: 1,
    };
    expect(encode(value)).toBe('{"a":1,"inner":"{\\"a\\":\\"\\\\n\\",\\"b\\":1}"}');
  });

  test("properties of an array other than its elements do not count", () => {
    expect(encode(Object.assign([1], { extra: 2 }))).toBe("[1]");
  });

  test("an array that iterates as something else is read by index", () => {
    expect(encode(Object.assign([1], { [Symbol.iterator]: () => [2, 3].values() }))).toBe("[1]");
  });
});

describe("a program that extended the built-in prototypes", () => {
  afterEach(() => {
    for (const prototype of [Object.prototype, Array.prototype, String.prototype]) {
      Reflect.deleteProperty(prototype, "toJSON");
      Reflect.deleteProperty(prototype, "polluted");
    }
  });

  test.each([
    ["Object", Object.prototype],
    ["Array", Array.prototype],
    ["String", String.prototype],
    ["BigInt", BigInt.prototype],
  ])("no toJSON of %s is called", (_, prototype) => {
    Object.defineProperty(prototype, "toJSON", { configurable: true, value: () => "called" });
    expect(encode({ a: [1, "x"], b: {} })).toBe('{"a":[1,"x"],"b":{}}');
    expect(encode({ b: { "\n": 1n }, a: ["x\n"] })).toBe('{"a":["x\\n"],"b":{"\\n":1}}');
    expect(encodePortable({ b: 1, a: ["x"] })).toBe('{"a":["x"],"b":1}');
    Reflect.deleteProperty(prototype, "toJSON");
  });

  test("inherited properties are not written", () => {
    Object.defineProperty(Object.prototype, "polluted", {
      configurable: true,
      enumerable: true,
      writable: true,
      value: { b: 1, a: 2 },
    });
    expect(encode({ a: [{}] })).toBe('{"a":[{}]}');
    expect(encode({ b: 1, a: {} })).toBe('{"a":{},"b":1}');
  });
});
