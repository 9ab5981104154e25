import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { CanonicalJsonError, type DecodeOptions, decode, encode } from "./index.js";

function refusal(input: Uint8Array | string, options?: DecodeOptions): CanonicalJsonError {
  try {
    decode(input, options);
  } catch (error) {
    if (error instanceof CanonicalJsonError) return error;
    throw error;
  }
  throw new Error("the input was accepted");
}

function bytes(...parts: readonly (string | readonly number[])[]): Uint8Array {
  return Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}

describe("what decode accepts", () => {
  test.each([
    ["null", null],
    [" true\r\n\t", true],
    ["-0", -0],
    ["0", 0],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["-9007199254740991", Number.MIN_SAFE_INTEGER],
    ["1.0", 1],
    ["1e2", 100],
    ["1E30", 1e30],
    ["9007199254740993.0", 9007199254740992],
    ["1e-400", 0],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ['"\\u0041\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\"\\\\"', 'A\u{1f600}/\b\f\n\r\t"\\'],
    ['"\u007f\u2028\ufffe\uffff"', "\u007f\u2028\ufffe\uffff"],
    ['"\ufeff"', "\ufeff"],
    ["[]", []],
    ["{}", {}],
    ['{"a":[1,{"b":[]}],"":0}', { a: [1, { b: [] }], "": 0 }],
    ['{"a":1,"A":2,"\\u0061\\u0062":3}', { a: 1, A: 2, ab: 3 }],
  ])("%j", (text, value) => {
    expect(decode(text)).toEqual(value);
    expect(decode(bytes(text))).toEqual(value);
  });

  test("bytes of a Buffer, of a view into a larger one, of shared memory and of another realm", () => {
    const framed = bytes("xx[1]yy");
    expect(decode(Buffer.from("[1]"))).toEqual([1]);
    expect(decode(framed.subarray(2, 5))).toEqual([1]);
    const shared = new Uint8Array(new SharedArrayBuffer(3));
    shared.set(bytes("[1]"));
    expect(decode(shared)).toEqual([1]);
    expect(decode(runInNewContext("Uint8Array.of(0x5b, 0x31, 0x5d)"))).toEqual([1]);
  });

  test("__proto__ as an ordinary key, once", () => {
    const value = decode('{"__proto__":{"polluted":1},"a":{"__proto__":null}}') as object;
    expect(Object.keys(value)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect("polluted" in value).toBe(false);
    const careful = decode('{"__proto__":[9007199254740993]}', { bigints: "bigint" }) as object;
    expect(Object.entries(careful)).toEqual([["__proto__", [9007199254740993n]]]);
    expect(refusal('{"__proto__":1,"__proto__":2}').code).toBe("DUPLICATE_KEY");
  });

  test("integers outside the safe range, as bigint where asked for", () => {
    const text = '{"a":[9007199254740993,-9007199254740992,1],"b":18446744073709551615}';
    expect(decode(text, { bigints: "bigint" })).toEqual({
      a: [9007199254740993n, -9007199254740992n, 1],
      b: 18446744073709551615n,
    });
    expect(decode("9007199254740993.5", { bigints: "bigint" })).toBe(9007199254740994);
  });

  test("as many levels as maxDepth says, a scalar being none", () => {
    const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    expect(decode(nested(64))).toBeDefined();
    expect(decode("1", { maxDepth: 0 })).toBe(1);
    expect(decode(nested(1024), { maxDepth: 1024 })).toBeDefined();
    expect(refusal(nested(1025), { maxDepth: 1024 }).code).toBe("TOO_DEEP");
  });

  test("exactly maxBytes, counted in UTF-8", () => {
    expect(decode('"é"', { maxBytes: 4 })).toBe("é");
    expect(decode(bytes('"é"'), { maxBytes: 4 })).toBe("é");
    expect(refusal('"é"', { maxBytes: 3 })).toMatchObject({ code: "TOO_LARGE", offset: 3 });
    expect(refusal(bytes('"é"'), { maxBytes: 3 })).toMatchObject({ code: "TOO_LARGE", offset: 3 });
  });
});

describe("what decode refuses, with code and byte offset", () => {
  test.each([
    ["", "SYNTAX", 0],
    [" ", "SYNTAX", 1],
    ["[1,]", "SYNTAX", 3],
    ['{"a":1,}', "SYNTAX", 7],
    ["{a:1}", "SYNTAX", 1],
    ["{'a':1}", "SYNTAX", 1],
    ['{"a" 1}', "SYNTAX", 5],
    ['{"a":1 "b":2}', "SYNTAX", 7],
    ["[1 2]", "SYNTAX", 3],
    ['["é" 2]', "SYNTAX", 6],
    ["[1", "SYNTAX", 2],
    ['"abc', "SYNTAX", 4],
    ['"abc\\', "SYNTAX", 5],
    ['"a\nb"', "SYNTAX", 2],
    ['"a\u0000"', "SYNTAX", 2],
    ['"\\x41"', "SYNTAX", 1],
    ['"\\u00G1"', "SYNTAX", 1],
    ['"\\u12', "SYNTAX", 5],
    ['"\\u12"', "SYNTAX", 1],
    ["nul", "SYNTAX", 0],
    ["NaN", "SYNTAX", 0],
    ["+1", "SYNTAX", 0],
    [".5", "SYNTAX", 0],
    ["-", "SYNTAX", 0],
    ["1.", "TRAILING_BYTES", 1],
    ["01", "TRAILING_BYTES", 1],
    ["0x10", "TRAILING_BYTES", 1],
    ["1 2", "TRAILING_BYTES", 2],
    ["{}}", "TRAILING_BYTES", 2],
    ['"é"x', "TRAILING_BYTES", 4],
    ["1\u00a0", "TRAILING_BYTES", 1],
    ["1\u0000", "TRAILING_BYTES", 1],
    ["[1]//", "TRAILING_BYTES", 3],
    ["\ufeff1", "BYTE_ORDER_MARK", 0],
    ['{"a":1,"a":2}', "DUPLICATE_KEY", 7],
    ['{"a":1, "\\u0061":2}', "DUPLICATE_KEY", 8],
    ['[{"":0,"":0}]', "DUPLICATE_KEY", 7],
    ['{"é":1,"b":{"x":1,"x":1}}', "DUPLICATE_KEY", 19],
    ['{"a":1,"b":2,"a":{"c":3}}', "DUPLICATE_KEY", 13],
    ['"\\ud800"', "UNPAIRED_SURROGATE", 1],
    ['"\\uDC00"', "UNPAIRED_SURROGATE", 1],
    ['"a\\ud83dx"', "UNPAIRED_SURROGATE", 2],
    ['"\\ud83d\\u0041"', "UNPAIRED_SURROGATE", 1],
    ['"\\ud83d\\ud83d\\ude00"', "UNPAIRED_SURROGATE", 1],
    ['"\\ud83d\\n"', "UNPAIRED_SURROGATE", 1],
    ['{"\\ud800":1}', "UNPAIRED_SURROGATE", 2],
    ["9007199254740992", "UNSAFE_INTEGER", 0],
    ["[1,-9007199254740993]", "UNSAFE_INTEGER", 3],
    ["100000000000000000000", "UNSAFE_INTEGER", 0],
    [`1${"0".repeat(400)}`, "UNSAFE_INTEGER", 0],
    ["[1e400]", "NUMBER_OVERFLOW", 1],
    ["-1e400", "NUMBER_OVERFLOW", 0],
    [`1${"0".repeat(400)}.5`, "NUMBER_OVERFLOW", 0],
    ["1.8e308", "NUMBER_OVERFLOW", 0],
    ["[".repeat(65), "TOO_DEEP", 64],
    ['{"a":'.repeat(65), "TOO_DEEP", 320],
  ])("%j: %s at %i", (text, code, offset) => {
    expect(refusal(text)).toMatchObject({ name: "CanonicalJsonError", code, offset });
    expect(refusal(bytes(text))).toMatchObject({ code, offset });
  });

  test.each([
    ["a stray byte", bytes('["é', [0x80], '"]'), 4],
    ["an overlong form", bytes('"', [0xc0, 0xaf], '"'), 1],
    ["an overlong form of three", bytes('"', [0xe0, 0x80, 0xaf], '"'), 1],
    ["an encoded surrogate", bytes('"', [0xed, 0xa0, 0x80], '"'), 1],
    ["more than U+10FFFF", bytes('"', [0xf4, 0x90, 0x80, 0x80], '"'), 1],
    ["a byte that never occurs", bytes('"a', [0xff], '"'), 2],
    ["a sequence cut short", bytes('"ab', [0xf0, 0x9f, 0x98]), 3],
    ["a cut sequence inside", bytes('"', [0xe2, 0x82], '"'), 1],
    ["UTF-16", bytes([0xff, 0xfe, 0x31, 0x00]), 0],
    ["bad bytes after the value", bytes("1", [0xc3]), 1],
  ])("%s, which is not UTF-8", (_, input, offset) => {
    expect(refusal(input)).toMatchObject({ code: "INVALID_UTF8", offset });
    expect(decode(bytes('"é"'))).toBe("é");
  });

  test("a byte-order mark in bytes", () => {
    expect(refusal(bytes([0xef, 0xbb, 0xbf], "{}"))).toMatchObject({ code: "BYTE_ORDER_MARK" });
  });

  test("an unpaired surrogate in a string, which no bytes could hold", () => {
    expect(refusal('"é\ud800"')).toMatchObject({ code: "UNPAIRED_SURROGATE", offset: 3 });
    expect(refusal('"\udc00\ud800"')).toMatchObject({ code: "UNPAIRED_SURROGATE", offset: 1 });
  });

  test.each([true, false])(
    "a duplicate key also in a program that extended Object.prototype with a property that is writable: %s",
    (writable) => {
      const extension = { configurable: true, enumerable: true, writable, value: 1 };
      Object.defineProperty(Object.prototype, "polluted", extension);
      let code: string;
      let value: unknown;
      let text: string;
      try {
        ({ code } = refusal('{"a":1,"a":2}'));
        value = decode('{"a":1,"polluted":{"a":2}}');
        text = encode(value);
      } finally {
        Reflect.deleteProperty(Object.prototype, "polluted");
      }
      expect(code).toBe("DUPLICATE_KEY");
      expect(value).toEqual({ a: 1, polluted: { a: 2 } });
      expect(text).toBe('{"a":1,"polluted":{"a":2}}');
    },
  );

  test("deep nesting, before anything is built", () => {
    expect(refusal("[".repeat(1_000_000)).code).toBe("TOO_DEEP");
    expect(refusal(`["${"]".repeat(100)}",`.repeat(100)).code).toBe("TOO_DEEP");
  });

  test("more than 16 MiB unless maxBytes allows it", () => {
    const large = `"${"x".repeat(16 * 1024 * 1024)}"`;
    expect(refusal(large)).toMatchObject({ code: "TOO_LARGE", offset: 16 * 1024 * 1024 });
    expect(decode(large, { maxBytes: large.length })).toHaveLength(large.length - 2);
  });

  test("anything but a Uint8Array or a string", () => {
    for (const input of [undefined, null, 1, {}, [0x31], new Uint16Array(1), new ArrayBuffer(1)]) {
      expect(refusal(input as unknown as string).code).toBe("INVALID_INPUT");
    }
  });

  test.each([
    { maxDepth: -1 },
    { maxDepth: 1025 },
    { maxDepth: 1.5 },
    { maxDepth: Number.NaN },
    { maxBytes: -1 },
    { maxBytes: Number.POSITIVE_INFINITY },
    { maxBytes: "1" },
    { bigints: "number" },
    { canonical: 1 },
  ])("the option %j", (options) => {
    expect(refusal("1", options as unknown as DecodeOptions).code).toBe("INVALID_OPTION");
  });

  test("with a message that says what was expected, found, and where", () => {
    expect(refusal('{"é":1,"é":2}').message).toBe(
      'expected a key that the object does not have yet, found "\\"é\\":2}" at byte 8',
    );
    expect(refusal("[1,").message).toBe("expected a value, found the end at byte 3");
  });
});

describe("with canonical: true", () => {
  test.each([
    ["null"],
    ['{"10":1,"9":2,"a":[1e+30,0.000001,1e-7,-1.5,"\\u001f\\n\u007f"]}'],
    ['{"\u{1f600}":1,"\ufb33":2}'],
  ])("%j is accepted", (text) => {
    expect(encode(decode(text, { canonical: true }))).toBe(text);
  });

  test.each([
    [' {"a":1}', 0],
    ['{"a":1}\n', 7],
    ['{"a": 1}', 5],
    ['{"b":1,"a":2}', 2],
    ["-0", 0],
    ["1.0", 1],
    ["1e2", 1],
    ["1E+30", 1],
    ["1e30", 2],
    ["0.0000001", 0],
    ['"\\u0041"', 1],
    ['"\\/"', 1],
    ['"\\u001F"', 6],
    ['"\\u000a"', 2],
    ['{"9":1,"10":2}', 2],
    ['["é", 1]', 6],
  ])("%j is refused at byte %i", (text, offset) => {
    expect(decode(text)).toBeDefined();
    expect(refusal(text, { canonical: true })).toMatchObject({ code: "NOT_CANONICAL", offset });
  });

  test("large integers are canonical where they are decoded at all", () => {
    const text = "[18446744073709551615]";
    expect(decode(text, { canonical: true, bigints: "bigint" })).toEqual([18446744073709551615n]);
    expect(refusal(text, { canonical: true }).code).toBe("UNSAFE_INTEGER");
  });

  test("levels that encode does not write are not canonical, whatever maxDepth allows", () => {
    const deep = "[".repeat(65) + "]".repeat(65);
    expect(refusal(deep, { canonical: true, maxDepth: 100 })).toMatchObject({
      code: "NOT_CANONICAL",
      cause: { code: "TOO_DEEP" },
    });
  });
});
