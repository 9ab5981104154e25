import { createHash } from "node:crypto";
import { decode, encode, encodeBytes } from "@gaiaftcl/canonical-json";
import { describe, expect, test } from "vitest";
import { suiteFile, suiteNames, verdict } from "./json-suites.ts";

describe.each(suiteNames("jcs", "input"))("the RFC 8785 document %s", (name) => {
  const input = suiteFile("jcs", "input", name);
  const output = suiteFile("jcs", "output", name);
  const hex = suiteFile("jcs", "outhex", name.replace(".json", ".txt"));

  test("comes out as published, in text and in bytes", () => {
    const value = decode(input);
    expect(encode(value)).toBe(output.toString());
    expect(Buffer.from(encodeBytes(value)).toString("hex")).toBe(
      hex.toString().replaceAll(/\s/gu, ""),
    );
  });

  test("is canonical only as published", () => {
    expect(verdict(output, { canonical: true })).toBe("accepted");
    expect(verdict(input, { canonical: true })).toBe("NOT_CANONICAL");
    expect(encode(decode(output))).toBe(output.toString());
  });
});

describe("the RFC 8785 numbers", () => {
  const lines = suiteFile("jcs", "es6numbers-10k.txt").toString().trimEnd().split("\n");

  test("are written as in the published file", () => {
    expect(lines).toHaveLength(10_000);
    for (const line of lines) {
      const [bits, expected] = line.split(",") as [string, string];
      const value = doubleOf(BigInt(`0x${bits}`));
      expect(encode(value)).toBe(expected);
      expect(encode({ b: value, a: [value] })).toBe(`{"a":[${expected}],"b":${expected}}`);
    }
  });

  test("give the published SHA-256 of the first 1,000, 10,000 and 1,000,000 lines", () => {
    const published = new Map([
      [1_000, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"],
      [10_000, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"],
      [100_000, "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7"],
      [1_000_000, "49415fee2c56c77864931bd3624faad425c3c577d6d74e89a83bc725506dad16"],
    ]);
    const hash = createHash("sha256");
    let count = 0;
    let block = "";
    for (const bits of numberBits(lines)) {
      block += `${bits.toString(16)},${encode(doubleOf(bits))}\n`;
      count += 1;
      if (count % 1_000 === 0) {
        hash.update(block);
        block = "";
      }
      const expected = published.get(count);
      if (expected !== undefined) expect(hash.copy().digest("hex")).toBe(expected);
      if (count === 1_000_000) break;
    }
  });
});

const SERIES_START = 0x0010_0000_0000_0000n;
const SERIES_LENGTH = 2_000;

/**
 * The published sequence of doubles, as bits: first a list of borderline cases, taken from the file
 * of the first 10,000; then a series of neighbours; then a chain of SHA-256 that starts from 32
 * zeros, each digest read as four little-endian doubles, of which zeros, infinities and NaN are
 * passed over.
 */
function* numberBits(lines: readonly string[]): Generator<bigint> {
  const listed = lines.map((line) => BigInt(`0x${line.split(",")[0]}`));
  const series = listed.findIndex(
    (bits, index) => bits === SERIES_START && listed[index + 1] === SERIES_START + 1n,
  );
  yield* listed.slice(0, series);
  for (let index = 0; index < SERIES_LENGTH; index += 1) yield SERIES_START + BigInt(index);
  let block = Buffer.alloc(32);
  for (;;) {
    block = createHash("sha256").update(block).digest();
    for (let offset = 0; offset < 32; offset += 8) {
      const value = block.readDoubleLE(offset);
      if (value !== 0 && Number.isFinite(value)) yield block.readBigUInt64LE(offset);
    }
  }
}

const scratch = new DataView(new ArrayBuffer(8));

function doubleOf(bits: bigint): number {
  scratch.setBigUint64(0, bits);
  return scratch.getFloat64(0);
}
