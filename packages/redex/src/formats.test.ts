import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isChannelName } from "@gaiaftcl/channel-name";
import { compileKernel } from "@gaiaftcl/config/wasm-kernel";
import { xxh3 } from "@gaiaftcl/xxh3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ensureChannelName } from "./channel-name.js";
import { checksum } from "./checksum.js";
import {
  decodeIndexRecord,
  encodeIndexRecord,
  INLINE_FLAG,
  inlinePayload,
  RECORD_BYTES,
} from "./index-record.js";
import { decodeManifest, encodeManifest, MAX_GENERATION } from "./manifest.js";
import { vectors } from "./vectors.testing.js";

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("XXH3-64", () => {
  it.each(vectors.xxh3_64)("agrees with the vector of $input", ({ input, hash }) => {
    expect(xxh3(bytesOf(input)).toString(16).padStart(16, "0")).toBe(hash);
    expect(checksum(bytesOf(input))).toBe(Number(BigInt(`0x${hash}`) & 0x0fff_ffffn));
  });

  it("hashes what is longer than its window as if it were not", () => {
    // The checksums are what 0.19.0 wrote for these payloads.
    const pattern = (length: number): Uint8Array =>
      Uint8Array.from({ length }, (_, n) => (n * 31 + (n >>> 8)) & 0xff);
    expect(checksum(pattern(2 * 1024 * 1024 + 77))).toBe(0x6e9b2f7);
    expect(checksum(pattern(1024 * 1024 + 1))).toBe(0xc75d7d1);
    expect(checksum(pattern(2 * 1024 * 1024))).toBe(0x10404c0);
  });

  it("is the module that its sources compile to", async () => {
    const { file, text } = await compileKernel(join(import.meta.dirname, ".."));
    expect(await readFile(file, "utf8")).toBe(text);
  });
});

describe("an index record", () => {
  it.each(vectors.entries)("of sequence $seq has the reference's bytes", (entry) => {
    const payload = bytesOf(entry.payload);
    const view = new DataView(payload.buffer);
    const record = {
      seq: entry.seq,
      offset: entry.inline ? view.getUint32(0, true) : entry.offset,
      length: entry.inline ? view.getUint32(4, true) : payload.length,
      flags: entry.inline ? INLINE_FLAG : 0,
      checksum: checksum(payload),
    };
    expect(hexOf(encodeIndexRecord(record))).toBe(entry.bytes);
    const decoded = decodeIndexRecord(bytesOf(entry.bytes));
    expect(decoded).toEqual({ ...record, inline: entry.inline });
    if (entry.inline) expect(inlinePayload(decoded.offset, decoded.length)).toEqual(payload);
  });

  it("decodes from any 20 bytes, and encodes to the same", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: RECORD_BYTES, maxLength: RECORD_BYTES }), (bytes) => {
        expect(encodeIndexRecord(decodeIndexRecord(bytes))).toEqual(bytes);
      }),
    );
  });
});

describe("a manifest", () => {
  it.each(vectors.manifest)("of generation $generation has the reference's bytes", (entry) => {
    expect(hexOf(encodeManifest(entry.generation))).toBe(entry.bytes);
    expect(decodeManifest(bytesOf(entry.bytes))).toBe(entry.generation);
  });

  it("comes back from its bytes, whatever follows them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_GENERATION }), fc.uint8Array(), (n, rest) => {
        expect(decodeManifest(new Uint8Array([...encodeManifest(n), ...rest]))).toBe(n);
      }),
    );
  });

  it("is refused with any bit changed, cut short, or of generation 0", () => {
    const good = encodeManifest(7);
    for (let bit = 0; bit < 128; bit += 1) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decodeManifest(bad)).toBeUndefined();
    }
    expect(decodeManifest(good.subarray(0, 15))).toBeUndefined();
    expect(decodeManifest(encodeManifest(0))).toBeUndefined();
  });
});

describe("a channel name", () => {
  const refused = vectors.errors.flatMap(({ call, message }) => {
    const name = /^open_file\('(.*)'(\*\d+)?\)$/.exec(call)?.[1];
    if (name === undefined) return [];
    return [{ name: call.includes("*256") ? "x".repeat(256) : name, message }];
  });

  it.each(refused)("$name is refused in the reference's words", ({ name, message }) => {
    expect(() => ensureChannelName(name)).toThrow(`redex: invalid channel name: ${message}`);
  });

  it("of the allowed characters is accepted, up to 255 bytes", () => {
    for (const name of ["a", "orders/audit", "a-b_c.d/9", "...", "x".repeat(255)]) {
      expect(ensureChannelName(name)).toBe(name);
    }
  });

  it("is never a path that leaves its directory", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        if (!isChannelName(name)) return;
        expect(name).toMatch(/^[a-z0-9\-_.]+(\/[a-z0-9\-_.]+)*$/);
        expect(name.split("/")).not.toContain("..");
      }),
    );
  });
});
