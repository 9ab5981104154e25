import { spawnSync } from "node:child_process";
import { join } from "node:path";
import {
  encode,
  encodePortable,
  encodePortableBytes,
  type JsonValue,
} from "@gaiaftcl/canonical-json";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { suiteFile } from "./json-suites.ts";

/** What Python's own encoder, told to sort and be compact, makes of each of the values. */
function encodedByPython(values: readonly JsonValue[]): readonly string[] {
  const peer = join(import.meta.dirname, "json-python-peer.py");
  const { stdout, stderr, error, status } = spawnSync("python3", ["-X", "utf8", peer], {
    input: JSON.stringify(values),
    maxBuffer: 2 ** 28,
    timeout: 100_000,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`python3 ended with ${status}: ${stderr.toString()}`);
  return stdout.toString().trimEnd().split("\n");
}

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ maxLength: 20 }),
  fc.constantFrom("\u007f\u2028\u2029\ufeff", '\\"/\b\f\n\r\t\u0000\u001f', "</script>", "\\ud800"),
);

/** Values of the portable profile, and some whose keys are sorted differently elsewhere. */
const anyValue: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    anyText,
    fc.array(tie("value"), { maxLength: 5 }),
    fc
      .array(fc.tuple(fc.stringMatching(/^[A-Za-z0-9_.:/@+-]{0,6}$/), tie("value")), {
        maxLength: 6,
      })
      .map((members) => Object.fromEntries(members)),
  ),
})).value;

function isPortable(value: JsonValue): boolean {
  try {
    encodePortable(value);
    return true;
  } catch {
    return false;
  }
}

describe("Python", () => {
  test("writes every value of the portable profile as the same bytes", () => {
    const values = fc.sample(anyValue, 6_000).filter(isPortable);
    expect(values.length).toBeGreaterThan(3_000);
    const theirs = encodedByPython(values);
    expect(theirs).toHaveLength(values.length);
    for (const [index, value] of values.entries()) {
      expect(Buffer.from(encodePortableBytes(value)).toString()).toBe(theirs[index]);
    }
  });

  test("writes every naughty string and every character as the same bytes", () => {
    const naughty = JSON.parse(suiteFile("strings", "blns.json").toString()) as string[];
    const planes = Array.from({ length: 0x1100 }, (_, row) =>
      Array.from({ length: 0x100 }, (_, column) => row * 0x100 + column)
        .filter((code) => code < 0xd800 || code > 0xdfff)
        .map((code) => String.fromCodePoint(code))
        .join(""),
    );
    const values = [...naughty, ...planes];
    for (const [index, text] of encodedByPython(values).entries()) {
      expect(encodePortable(values[index]) === text).toBe(true);
    }
  });

  test("differs from RFC 8785 in the order of keys and in fractions, which is why the profile refuses", () => {
    const differing: readonly JsonValue[] = [{ "\ufb33": 1, "\u{1f600}": 2 }, [1.5e-7]];
    for (const [index, text] of encodedByPython(differing).entries()) {
      expect(encode(differing[index])).not.toBe(text);
      expect(isPortable(differing[index] as JsonValue)).toBe(false);
    }
  });
});
