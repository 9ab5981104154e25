import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileBinary } from "@gaiaftcl/config/wasm-kernel";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { openMessage, sealMessage } from "./message-cipher.js";
import { hex, unhex } from "./vectors.testing.js";

const packageDirectory = join(import.meta.dirname, "..");
const vectorFile = (name: string): string =>
  readFileSync(join(packageDirectory, "vectors", "chacha20-poly1305", name), "utf8");

// Where the kernel has its arguments (assembly/memory.as).
const [KEY, NONCE, ONE_TIME_KEY, TAG, MESSAGE] = [1024, 1056, 1088, 1344, 2048];

interface Primitives {
  readonly memory: { readonly buffer: ArrayBuffer };
  keyStream(counter: number, length: number): void;
  mac(length: number): void;
}

// The part of the WebAssembly interface used here; the DOM library, which declares it, stays out.
declare const WebAssembly: {
  readonly Module: new (binary: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: Primitives };
};

let kernel: Primitives;
let memory: Uint8Array;

beforeAll(async () => {
  const binary = await compileBinary(packageDirectory, "primitives.testing");
  kernel = new WebAssembly.Instance(new WebAssembly.Module(binary), {}).exports;
  memory = new Uint8Array(kernel.memory.buffer);
});

function keyStream(key: Uint8Array, nonce: Uint8Array, counter: number, data: Uint8Array) {
  memory.set(key, KEY);
  memory.set(nonce, NONCE);
  memory.set(data, MESSAGE);
  kernel.keyStream(counter, data.length);
  return memory.slice(MESSAGE, MESSAGE + data.length);
}

function poly1305(key: Uint8Array, message: Uint8Array): Uint8Array {
  memory.set(key, ONE_TIME_KEY);
  memory.set(message, MESSAGE);
  kernel.mac(message.length);
  return memory.slice(TAG, TAG + 16);
}

const padded = (bytes: Uint8Array): Uint8Array => {
  const whole = new Uint8Array((bytes.length + 15) & ~15);
  whole.set(bytes);
  return whole;
};

/** RFC 8439, section 2.8, put together of the kernel's parts. */
function kernelTag(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, body: Uint8Array) {
  const oneTimeKey = keyStream(key, nonce, 0, new Uint8Array(32));
  const lengths = new Uint8Array(16);
  new DataView(lengths.buffer).setBigUint64(0, BigInt(aad.length), true);
  new DataView(lengths.buffer).setBigUint64(8, BigInt(body.length), true);
  return poly1305(oneTimeKey, Uint8Array.from([...padded(aad), ...padded(body), ...lengths]));
}

interface AeadGroup {
  readonly ivSize: number;
  readonly tests: readonly {
    readonly tcId: number;
    readonly key: string;
    readonly iv: string;
    readonly aad: string;
    readonly msg: string;
    readonly ct: string;
    readonly tag: string;
    readonly result: "valid" | "invalid";
  }[];
}

const wycheproof = (
  JSON.parse(vectorFile("chacha20_poly1305_test.json")) as { testGroups: readonly AeadGroup[] }
).testGroups
  // Nonces of other sizes, which no caller of the package can give, are refused by type elsewhere.
  .filter(({ ivSize }) => ivSize === 96)
  .flatMap(({ tests }) => tests);

describe("every case of Wycheproof with a nonce of 96 bits", () => {
  it("is sealed and opened by the kernel as it says", () => {
    expect(wycheproof).toHaveLength(316);
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of wycheproof) {
      const [k, nonce, body] = [unhex(key), unhex(iv), unhex(ct)];
      const verifies = hex(kernelTag(k, nonce, unhex(aad), body)) === tag;
      expect({ tcId, verifies }).toEqual({ tcId, verifies: result === "valid" });
      if (verifies) expect(hex(keyStream(k, nonce, 1, unhex(msg)))).toBe(ct);
    }
  });

  it("is sealed and opened as a message as it says", () => {
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of wycheproof) {
      const [k, nonce, data] = [unhex(key), unhex(iv), unhex(aad)];
      const opened = openMessage(k, nonce, data, unhex(ct + tag));
      expect({ tcId, opened: opened && hex(opened) }).toEqual({
        tcId,
        opened: result === "valid" ? msg : undefined,
      });
      if (result === "valid") {
        expect(hex(sealMessage(k, nonce, data, unhex(msg)))).toBe(ct + tag);
      }
    }
  });
});

const P = 2n ** 130n - 5n;
const HIGH_BIT = 2n ** 128n;
const number = (bytes: Uint8Array): bigint => BigInt(`0x${hex(bytes.toReversed())}`);
const block = (value: bigint): Uint8Array =>
  unhex(value.toString(16).padStart(32, "0")).toReversed();

/** Section 2.5, the plain way. */
function referenceTag(key: Uint8Array, message: Uint8Array): string {
  const r = number(key.subarray(0, 16)) & 0x0ffffffc_0ffffffc_0ffffffc_0fffffffn;
  let h = 0n;
  for (let at = 0; at < message.length; at += 16) {
    h = ((h + number(message.subarray(at, at + 16)) + HIGH_BIT) * r) % P;
  }
  return hex(block((h + number(key.subarray(16))) % HIGH_BIT));
}

describe("the kernel's Poly1305", () => {
  it("gives the tags of RFC 8439, appendix A.3", () => {
    const cases = [
      ...vectorFile("poly1305-rfc7539.txt").matchAll(/KEY = (.*)\nMSG = (.*)\nTAG = (.*)/g),
    ]
      .map(([, key = "", message = "", tag = ""]) => ({ key, message, tag }))
      // The packet cipher has whole blocks only.
      .filter(({ message }) => message.length % 32 === 0);
    expect(cases).toHaveLength(8);
    for (const { key, message, tag } of cases) {
      expect(hex(poly1305(unhex(key), unhex(message)))).toBe(tag.toLowerCase());
      expect(referenceTag(unhex(key), unhex(message))).toBe(tag.toLowerCase());
    }
  });

  it("is right for any message, also of bytes that make the largest limbs and carries", () => {
    const byte = fc.oneof(fc.constantFrom(0x00, 0xff, 0x01, 0x80, 0x1f, 0xe0), fc.nat(0xff));
    const blocks = (count: number) =>
      fc.uint8Array({ minLength: 16 * count, maxLength: 16 * count });
    const edged = (length: number) =>
      fc
        .array(byte, { minLength: length, maxLength: length })
        .map((bytes) => Uint8Array.from(bytes));
    const message = fc.nat({ max: 520 }).chain((count) =>
      fc.oneof(
        blocks(count),
        edged(64).map((part) =>
          Uint8Array.from({ length: 16 * count }, (_, at) => part[at % 64] as number),
        ),
      ),
    );
    fc.assert(
      fc.property(fc.oneof(edged(32), blocks(2)), message, (key, bytes) => {
        expect(hex(poly1305(key, bytes))).toBe(referenceTag(key, bytes));
      }),
      { numRuns: 400 },
    );
  });

  it("reduces every sum next to a multiple of the prime", () => {
    // With r = 1 the remainder is that of the blocks' sum.
    const key = Uint8Array.from([...block(1n), ...new Uint8Array(16)]);
    for (const count of [0, 1, 2, 3, 20, 21, 22, 23, 24, 60]) {
      const before = Uint8Array.from({ length: 16 * count }, (_, at) => (at * 167) & 0xff);
      let sum = 0n;
      for (let at = 0; at < before.length; at += 16) {
        sum += number(before.subarray(at, at + 16)) + HIGH_BIT;
      }
      for (const target of [
        0n,
        1n,
        4n,
        5n,
        P - 1n,
        P - 5n,
        HIGH_BIT - 1n,
        HIGH_BIT,
        2n * HIGH_BIT,
      ]) {
        // Four more blocks bring it anywhere.
        const missing = (((target - sum - 4n * HIGH_BIT) % P) + P) % P;
        const last = [0n, 1n, 2n, 3n].flatMap((part) => [...block((missing + part) / 4n)]);
        const tag = poly1305(key, Uint8Array.from([...before, ...last]));
        expect(hex(tag)).toBe(hex(block(target % HIGH_BIT)));
      }
    }
  });
});
