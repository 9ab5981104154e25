import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compileKernel } from "@gaiaftcl/config/wasm-kernel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openPacket, sealPacket } from "./packet-cipher.js";
import { referenceSeal } from "./reference-cipher.testing.js";
import { hex } from "./vectors.testing.js";

const fixedBytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const payloads = fc.oneof(
  fc.uint8Array({ maxLength: 700 }),
  fc.uint8Array({ minLength: 700, maxLength: 8112, size: "max" }),
);
const counters = fc.maxSafeNat();
const prefixes = fc.nat(0xffff_ffff);

function sealed(
  key: Uint8Array,
  prefix: number,
  counter: number,
  header: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  const packet = new Uint8Array(80 + payload.length);
  packet.set(header);
  sealPacket(key, prefix, counter, packet, payload);
  return packet;
}

describe("the packet cipher", () => {
  it("is compiled from the sources beside it", async () => {
    const { file, text } = await compileKernel(join(import.meta.dirname, ".."));
    expect(await readFile(file, "utf8")).toBe(text);
  });

  it("seals as OpenSSL does, and opens what it sealed", () => {
    fc.assert(
      fc.property(
        fixedBytes(32),
        prefixes,
        counters,
        fixedBytes(64),
        payloads,
        (key, prefix, counter, header, payload) => {
          const packet = sealed(key, prefix, counter, header, payload);
          const reference = referenceSeal(key, prefix, BigInt(counter), header, payload);
          expect(hex(packet)).toBe(hex(reference));
          const opened = openPacket(key, prefix, counter, packet);
          expect(opened && hex(opened)).toBe(hex(payload));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("agrees with OpenSSL at every length around its blocks", () => {
    const [key, header] = [new Uint8Array(32).fill(0x80), new Uint8Array(64).fill(0xff)];
    // Every size of what is left over, with and without four blocks of the tag at once.
    for (let length = 0; length <= 1100; length += 1) {
      const payload = Uint8Array.from({ length }, (_, at) => at * 31);
      const packet = sealed(key, 0xffff_ffff, length, header, payload);
      expect(hex(packet)).toBe(
        hex(referenceSeal(key, 0xffff_ffff, BigInt(length), header, payload)),
      );
      const opened = openPacket(key, 0xffff_ffff, length, packet);
      expect(opened && hex(opened)).toBe(hex(payload));
    }
  });

  it("refuses a packet with any bit changed that the tag covers", () => {
    const [key, header] = [new Uint8Array(32).fill(7), new Uint8Array(64)];
    const packet = sealed(key, 1, 2, header, new Uint8Array(33).fill(5));
    for (let bit = 0; bit < 8 * packet.length; bit += 1) {
      const at = bit >> 3;
      const changed = packet.slice();
      (changed[at] as number) ^= 1 << (bit & 7);
      // The hop count may change on the way; the nonce's bytes are rebuilt by the receiver.
      const isFree = at === 6 || (at >= 12 && at < 24);
      expect(openPacket(key, 1, 2, changed) !== undefined).toBe(isFree);
    }
    expect(openPacket(key, 2, 2, packet)).toBeUndefined();
    expect(openPacket(key, 1, 3, packet)).toBeUndefined();
    expect(openPacket(new Uint8Array(32), 1, 2, packet)).toBeUndefined();
  });

  it("leaves the packet it opens as it was", () => {
    const packet = sealed(new Uint8Array(32), 1, 2, new Uint8Array(64), new Uint8Array(100));
    const before = hex(packet);
    openPacket(new Uint8Array(32), 1, 2, packet);
    expect(hex(packet)).toBe(before);
  });
});
