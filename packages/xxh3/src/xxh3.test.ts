import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compileKernel } from "@gaiaftcl/config/wasm-kernel";
import fc from "fast-check";
import { xxhash3 } from "hash-wasm";
import { describe, expect, it } from "vitest";
import { xxh3 } from "./xxh3.js";

/** The input of xxHash's own sanity test: the top bytes of powers of a prime. */
function sanityInput(length: number): Uint8Array {
  let state = 2_654_435_761n;
  return Uint8Array.from({ length }, () => {
    const byte = Number(state >> 56n);
    state = BigInt.asUintN(64, state * 11_400_714_785_074_694_797n);
    return byte;
  });
}

const peer = async (data: Uint8Array | string): Promise<bigint> =>
  BigInt(`0x${await xxhash3(data)}`);

describe("XXH3-64", () => {
  // xxHash 0.8, tests/sanity_test: seed 0.
  it.each([
    [0, 0x2d06800538d394c2n],
    [1, 0xc44bdff4074eecdbn],
    [6, 0x27b56a84cd2d7325n],
    [12, 0xa713daf0dfbb77e7n],
    [24, 0xa3fe70bf9d3510ebn],
    [48, 0x397da259ecba1f11n],
    [80, 0xbcdefbbb2c47c90an],
    [195, 0xcd94217ee362ec3an],
    [403, 0xcdeb804d65c6dea4n],
    [512, 0x617e49599013cb6bn],
    [2048, 0xdd59e2c3a5f038e0n],
    [2240, 0x6e73a90539cf2948n],
    [2367, 0xcb37aeb9e5d361edn],
  ])("of the sanity test's %i bytes is what xxHash publishes", (length, hash) => {
    expect(xxh3(sanityInput(length))).toBe(hash);
  });

  it("agrees with another implementation on every length to 1,024", async () => {
    const bytes = sanityInput(1_024);
    for (let length = 0; length <= bytes.length; length++) {
      const piece = bytes.subarray(0, length);
      expect([length, xxh3(piece)]).toEqual([length, await peer(piece)]);
    }
  });

  it("agrees with another implementation on inputs that pass in pieces", async () => {
    const bytes = sanityInput(200_000);
    for (const edge of [65_536, 66_560, 131_072, 196_608]) {
      for (const length of [edge - 1, edge, edge + 1, edge + 63, edge + 64, edge + 65]) {
        const piece = bytes.subarray(7, 7 + length);
        expect([length, xxh3(piece)]).toEqual([length, await peer(piece)]);
      }
    }
  });

  it("agrees with another implementation on any bytes, wherever they lie", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), fc.nat(16), async (bytes, skip) => {
        const view = bytes.subarray(Math.min(skip, bytes.length));
        expect(xxh3(view)).toBe(await peer(view));
      }),
    );
  });

  it("of a string is that of its UTF-8 bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (text) => {
        expect(xxh3(text)).toBe(xxh3(Buffer.from(text, "utf8")));
      }),
    );
    for (const length of [21_845, 21_846, 65_536, 70_000]) {
      const text = "\u20ac".repeat(length);
      expect(xxh3(text)).toBe(xxh3(Buffer.from(text, "utf8")));
    }
    expect(xxh3("a\ud800b")).toBe(xxh3("a\ufffdb"));
  });

  it("leaves the bytes it hashes as they were", () => {
    const bytes = sanityInput(100_000);
    xxh3(bytes);
    expect(Buffer.compare(bytes, sanityInput(100_000))).toBe(0);
  });

  it("is the module that its source compiles to", async () => {
    const { file, text } = await compileKernel(join(import.meta.dirname, ".."));
    expect(await readFile(file, "utf8")).toBe(text);
  });
});
