import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compileKernel } from "@gaiaftcl/config/wasm-kernel";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EnvelopeReader } from "./envelope.js";
import { Kernel } from "./kernel.js";
import { vectors } from "./vectors.testing.js";

const kernel = new Kernel();

function isJson(input: string | Uint8Array): boolean {
  const bytes = typeof input === "string" ? Buffer.from(input) : input;
  return kernel.run.isJson(kernel.place(bytes), bytes.length) !== 0;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Texts that are JSON, and texts that are nearly JSON. */
const nearlyJson = fc
  .tuple(
    fc.oneof(
      fc.json(),
      fc.json({ stringUnit: "binary" }),
      fc.json().map((text) => ` ${text}\n`),
    ),
    fc.array(
      fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[]",:\\u0e+-.1 \t\n\u0000tfna/')),
      { maxLength: 3 },
    ),
  )
  .map(([text, edits]) => {
    let edited = text;
    for (const [position, removed, inserted] of edits) {
      const at = position % (edited.length + 1);
      edited = edited.slice(0, at) + inserted + edited.slice(at + removed);
    }
    return edited.toWellFormed();
  });

describe("the JSON grammar of the kernel", () => {
  it("is what its sources compile to", async () => {
    const { file, text } = await compileKernel(join(import.meta.dirname, ".."));
    expect(await readFile(file, "utf8")).toBe(text);
  }, 120_000);

  it("accepts and refuses exactly what JSON.parse does", () => {
    fc.assert(
      fc.property(nearlyJson, (text) => {
        expect(isJson(text)).toBe(parses(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it("does not read behind the text", () => {
    for (const text of [
      "tru",
      "nul",
      "fals",
      '"a',
      "[1",
      '{"a"',
      "1.",
      "1e",
      "-",
      '"\\',
      '"\\u12',
    ]) {
      const followed = Buffer.from(`${text}e]}"0000`);
      const at = kernel.place(followed);
      expect(kernel.run.isJson(at, text.length)).toBe(0);
      expect(kernel.memory.toString("latin1", at, at + followed.length)).toBe(followed.toString());
    }
  });

  it("counts levels of any depth, of either kind", () => {
    for (const depth of [1, 63, 64, 65, 127, 128, 129, 1_000, 100_000]) {
      const open = Array.from({ length: depth }, (_, i) => (i % 3 === 0 ? '{"a":' : "["));
      const close = open.map((text) => (text === "[" ? "]" : "}")).reverse();
      const text = `${open.join("")}1${close.join("")}`;
      expect(isJson(text)).toBe(true);
      expect(isJson(text.slice(0, -1))).toBe(false);
      expect(isJson(`${text}]`)).toBe(false);
      const swapped = close[depth >> 1] === "]" ? "}" : "]";
      expect(isJson(`${open.join("")}1${close.with(depth >> 1, swapped).join("")}`)).toBe(false);
    }
  });

  it("tells UTF-8 from other bytes as TextDecoder does", () => {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const wellFormed = (bytes: Uint8Array): boolean => {
      try {
        decoder.decode(bytes);
        return true;
      } catch {
        return false;
      }
    };
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.string({ unit: "binary", maxLength: 40 }).map((text) => Buffer.from(text)),
      fc.tuple(fc.string({ unit: "binary" }), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
        const encoded = Buffer.from(text);
        if (encoded.length > 0) encoded[at % encoded.length] = byte;
        return encoded;
      }),
      fc
        .array(
          fc.constantFrom(
            0xc1,
            0xc2,
            0xe0,
            0xed,
            0xf0,
            0xf4,
            0xf5,
            0x80,
            0x8f,
            0x90,
            0x9f,
            0xa0,
            0xbf,
            0x41,
          ),
          { maxLength: 8 },
        )
        .map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const at = kernel.place(input);
        expect(kernel.run.isUtf8(at, input.length) !== 0).toBe(wellFormed(input));
      }),
      { numRuns: 3_000 },
    );
  });
});

describe("envelopes", () => {
  const reader = new EnvelopeReader();
  const read = (text: string | Uint8Array): readonly [string, bigint, number] | undefined => {
    const bytes = Buffer.from(text);
    const event = reader.read("1-0", bytes, null);
    return event && [event.raw, event.insertionTs, event.shardId];
  };
  const deep = `${"[".repeat(300)}${"]".repeat(300)}`;

  // Each line was put into a Redis stream and polled with the reference.
  const observed: readonly (readonly [string, readonly [string, bigint, number] | undefined])[] = [
    [
      '{"r":{"token": "hello", "index": 0},"t":173849,"s":0}',
      ['{"token": "hello", "index": 0}', 173849n, 0],
    ],
    ['[{"q":1},5,0]', ['{"q":1}', 5n, 0]],
    ["[1]", ["1", 0n, 0]],
    ["[1,2,3]", ["1", 2n, 3]],
    ["[ 1 , 5 , 2 ]", ["1", 5n, 2]],
    ["[1,2,3,4]", undefined],
    ["[]", undefined],
    ["[1,2,70000]", undefined],
    ["[1,null]", undefined],
    ["[1,5,2] x", undefined],
    ['{"\\u0072":1,"t":2}', ["1", 2n, 0]],
    ['{"r":1,"\\u007a":2,"\\u007A":3}', ["1", 0n, 0]],
    ['{"r":1,"\\u0074":7}', ["1", 7n, 0]],
    ['{"r":1,"\\u0074":7,"t":7}', undefined],
    ['{"r":1,"t\\u0000":3}', ["1", 0n, 0]],
    ['{"r":1,"a\\qb":3}', undefined],
    ['{"r":1,"":2}', ["1", 0n, 0]],
    ['{"r":1,"t":1.0}', undefined],
    ['{"r":1,"t":1e3}', undefined],
    ['{"r":1,"t":-0}', undefined],
    ['{"r":1,"t":00}', undefined],
    ['{"r":1,"t":18446744073709551615}', ["1", 18446744073709551615n, 0]],
    ['{"r":1,"t":18446744073709551616}', undefined],
    ['{"r":1,"t":null}', undefined],
    ['{"r":1,"t":"5"}', undefined],
    ['{"r":1,"s":null}', undefined],
    ['{"r":1,"s":65535}', ["1", 0n, 65535]],
    ['{"r":1,"t":1,"s":70000}', undefined],
    ['{"r":1,"s":01}', undefined],
    ['{"r":1,"s":+1}', undefined],
    ['{"r":1,"s":-0}', undefined],
    ['{"r":1,"s":1e1}', undefined],
    ['{"r":1,"x":1,"x":2}', ["1", 0n, 0]],
    ['{"r":1,"r":2}', undefined],
    ['{"r":1,"t":1,"t":1}', undefined],
    [' {"r": 1 } ', ["1", 0n, 0]],
    ['{"r" : 1 , "t" : 5}', ["1", 5n, 0]],
    ['{"r":1,"t":5 ,"s":0\n}\n', ["1", 5n, 0]],
    ['{"r":1}x', undefined],
    ['{"r":1,"t":5,}', undefined],
    ['{"r":1e999}', ["1e999", 0n, 0]],
    ['{"r":1,"x":1e999}', ["1", 0n, 0]],
    ['{"r":1,"x":"\\ud800"}', ["1", 0n, 0]],
    ['{"r":"\\ud800"}', ['"\\ud800"', 0n, 0]],
    ['{"\\ud800":1,"r":2}', undefined],
    ['{"r":1,"x":tru}', undefined],
    ['{"r":1,"x":-}', undefined],
    ['{"r":1,"x":"\u0001"}', undefined],
    ['{"r":1,"x":"\\q"}', undefined],
    [`{"r":1,"x":${deep}}`, ["1", 0n, 0]],
    [`{"r":${deep}}`, [deep, 0n, 0]],
    ['{"R":1}', undefined],
    ['{"r":01}', undefined],
    ["{}", undefined],
    ['\ufeff{"r":1}', undefined],
    ['"r"', undefined],
    ["5", undefined],
    ["", undefined],
    ['{"r":1,"dedup_id":"x"}', ["1", 0n, 0]],
  ];

  it("are read as the reference reads them", () => {
    for (const [text, wanted] of observed) expect([text, read(text)]).toEqual([text, wanted]);
  });

  it("may hold bytes that are not UTF-8 only in values that are passed over", () => {
    const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
    expect(read(bytes('{"r":"\u00ff\u00fe","t":1,"s":0}'))).toBeUndefined();
    expect(read(bytes('{"r":1,"x":"\u00ff","t":1,"s":0}'))).toEqual(["1", 1n, 0]);
    expect(read(bytes('{"r":1,"\u00ffx":0}'))).toBeUndefined();
    expect(read(bytes('{"r":1,"\u00ff":0}'))).toBeUndefined();
  });

  it("give back what was captured from the reference", () => {
    for (const entries of Object.values(vectors.redis_written.streams)) {
      for (const { d } of entries) {
        const wanted = JSON.parse(d) as { r: unknown; t: number; s: number };
        expect(read(d)).toEqual([JSON.stringify(wanted.r), BigInt(wanted.t), wanted.s]);
      }
    }
  });

  it("return the text of every JSON value verbatim, and survive any bytes", () => {
    fc.assert(
      fc.property(
        fc.json({ stringUnit: "binary" }),
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.nat(65_535),
        (raw, t, s) => {
          const text = raw.toWellFormed();
          expect(read(`{"r":${text},"t":${t},"s":${s}}`)).toEqual([text, t, s]);
          expect(read(`{"s":${s},"x":${text},"r":${text} ,"t":${t}}`)).toEqual([text, t, s]);
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void read(bytes)));
    fc.assert(
      fc.property(nearlyJson, (text) => {
        if (!parses(text)) expect(read(`{"r":${text}}`)?.[0]).not.toBe(text);
      }),
    );
  });
});
