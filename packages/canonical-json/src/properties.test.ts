import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CanonicalJsonError, decode, encode, encodePortable, type JsonValue } from "./index.js";
import { parse } from "./parser.js";
import {
  anyJson,
  anyKey,
  anyNearlyPortable,
  anyPortable,
  anyText,
  referenceEncode,
  referenceSortsAlike,
} from "./reference.testing.js";
import { parseSurveyed } from "./survey.js";

const RUNS = { numRuns: 500 };

/** The outcome of a call: its value, or the code of the error that this package may throw. */
function outcome(run: () => unknown): { value: unknown } | { code: string } {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof CanonicalJsonError) return { code: error.code };
    throw error;
  }
}

function portableKeysThroughout(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(portableKeysThroughout);
  return (
    referenceSortsAlike(Object.keys(value)) && Object.values(value).every(portableKeysThroughout)
  );
}

describe("encoding", () => {
  test("agrees with an independent encoder", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(encode(value)).toBe(referenceEncode(value));
      }),
      RUNS,
    );
  });

  test("does not depend on the order in which keys were added, nor on the prototype", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(anyKey, anyText), { selector: ([key]) => key }),
        (entries) => {
          const text = encode(Object.fromEntries(entries));
          expect(encode(Object.fromEntries(entries.toReversed()))).toBe(text);
          const bare = Object.create(null);
          for (const [key, value] of entries) bare[key] = value;
          expect(encode(bare)).toBe(text);
        },
      ),
      RUNS,
    );
  });

  test("is undone by decoding, also in canonical mode", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = encode(value);
        expect(isDeepStrictEqual(decode(text, { canonical: true }), value)).toBe(true);
      }),
      RUNS,
    );
  });

  test("is the same a second time", () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const text = encode(value);
        expect(encode(decode(text))).toBe(text);
      }),
      RUNS,
    );
  });

  test("of large integers is undone where decoding gives bigints", () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt()), (values) => {
        const decoded = decode(encode(values), { bigints: "bigint", canonical: true });
        expect((decoded as (number | bigint)[]).map(BigInt)).toEqual(values);
      }),
      RUNS,
    );
  });

  test("of any strings writes the well-formed and refuses the others", () => {
    const unit = fc.oneof(
      fc.nat(0xffff).map((code) => String.fromCharCode(code)),
      fc.constantFrom("\ud83d", "\ude00", '"', "\\", "a"),
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit }), { maxLength: 4 }), (texts) => {
        const expected = texts.every((text) => text.isWellFormed())
          ? { value: JSON.stringify(texts) }
          : { code: "UNPAIRED_SURROGATE" };
        expect(outcome(() => encode(texts))).toEqual(expected);
        const unordered = { b: 1, a: texts };
        expect("code" in outcome(() => encode(unordered))).toBe("code" in expected);
      }),
      RUNS,
    );
  });

  test("of whatever JavaScript has throws nothing but its own error", () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        const result = outcome(() => encode(value));
        if ("value" in result) expect(encode(JSON.parse(result.value as string))).toBeDefined();
      }),
      RUNS,
    );
  });
});

describe("encoding portably", () => {
  test("gives what encode gives", () => {
    fc.assert(
      fc.property(anyPortable, (value) => {
        expect(encodePortable(value)).toBe(encode(value));
      }),
      RUNS,
    );
  });

  test("succeeds exactly where three orders, each compared over all pairs, are one", () => {
    fc.assert(
      fc.property(anyNearlyPortable, (value) => {
        const expected = portableKeysThroughout(value)
          ? { value: encode(value) }
          : { code: "KEY_ORDER_NOT_PORTABLE" };
        expect(outcome(() => encodePortable(value))).toEqual(expected);
      }),
      RUNS,
    );
  });

  test("accepts a list of keys exactly where the three orders are one", () => {
    const key = fc.string({
      unit: fc.constantFrom("a", "A", "b", "_", "0", "1", "9", "."),
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 4 }), (keys) => {
        const result = outcome(() => encodePortable(Object.fromEntries(keys.map((k) => [k, 1]))));
        expect("value" in result).toBe(referenceSortsAlike(keys));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("decoding", () => {
  /** Texts that are nearly JSON: valid ones with a few places cut, doubled or replaced. */
  const nearlyJson = fc
    .tuple(
      anyJson,
      fc.constantFrom(undefined, 1, "\t"),
      fc.array(
        fc.tuple(
          fc.nat(),
          fc.nat(3),
          fc.constantFrom(
            "",
            '"',
            "\\",
            "\\ud800",
            "\\u0061",
            ",",
            ":",
            "{",
            "[",
            "]",
            "}",
            "-0",
            "1e999",
            "9007199254740993",
            "1.5e+3",
            '"a":1,',
            "null",
            " ",
            "\u0000",
            "é",
          ),
        ),
        { maxLength: 3 },
      ),
    )
    .map(([value, indent, edits]) =>
      edits.reduce(
        (text, [place, removed, inserted]) => {
          const at = place % (text.length + 1);
          return text.slice(0, at) + inserted + text.slice(at + removed);
        },
        JSON.stringify(value, null, indent),
      ),
    );

  test("agrees with JSON.parse wherever it accepts", () => {
    fc.assert(
      fc.property(nearlyJson, (text) => {
        const result = outcome(() => decode(text));
        if ("value" in result) {
          expect(isDeepStrictEqual(result.value, JSON.parse(text))).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("refuses as SYNTAX or TRAILING_BYTES only what JSON.parse refuses", () => {
    fc.assert(
      fc.property(nearlyJson, (text) => {
        const result = outcome(() => decode(text));
        if ("code" in result && ["SYNTAX", "TRAILING_BYTES"].includes(result.code)) {
          expect(() => JSON.parse(text)).toThrow(SyntaxError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("has a short way that never accepts what the parser refuses, nor differs from it", () => {
    fc.assert(
      fc.property(nearlyJson, fc.integer({ min: 1, max: 5 }), (text, maxDepth) => {
        fc.pre(text.isWellFormed());
        const short = parseSurveyed(text, maxDepth);
        if (short === undefined) return;
        expect(isDeepStrictEqual(short, parse(text, { maxDepth, bigints: false }))).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test("of arbitrary bytes throws nothing but its own error, with an offset inside the input", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(nearlyJson, fc.nat(), fc.nat(255)).map(([text, place, byte]) => {
        const bytes = Buffer.from(text);
        if (bytes.length > 0) bytes[place % bytes.length] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(garbage, fc.boolean(), (bytes, canonical) => {
        try {
          decode(bytes, { canonical, bigints: canonical ? "bigint" : "refuse" });
        } catch (error) {
          expect(error).toBeInstanceOf(CanonicalJsonError);
          const { offset } = error as CanonicalJsonError;
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset).toBeLessThanOrEqual(bytes.length);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test("of a string and of its bytes is the same", () => {
    fc.assert(
      fc.property(nearlyJson, (text) => {
        fc.pre(text.isWellFormed());
        const offsetOf = (input: Uint8Array | string): unknown => {
          try {
            return decode(input);
          } catch (error) {
            const { code, offset } = error as CanonicalJsonError;
            return { code, offset };
          }
        };
        expect(isDeepStrictEqual(offsetOf(text), offsetOf(Buffer.from(text)))).toBe(true);
      }),
      RUNS,
    );
  });

  test("finds the first byte that is not UTF-8 where a decoder that replaces puts its mark", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const result = (() => {
          try {
            decode(bytes);
          } catch (error) {
            return error as CanonicalJsonError;
          }
          return undefined;
        })();
        if (result?.code !== "INVALID_UTF8") return;
        const before = bytes.subarray(0, result.offset);
        expect(() => new TextDecoder("utf-8", { fatal: true }).decode(before)).not.toThrow();
        const from = bytes.subarray(result.offset);
        for (let length = 1; length <= Math.min(4, from.length); length += 1) {
          expect(() =>
            new TextDecoder("utf-8", { fatal: true }).decode(from.subarray(0, length)),
          ).toThrow();
        }
      }),
      { numRuns: 3000 },
    );
  });
});
