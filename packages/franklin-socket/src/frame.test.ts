import { decode, encode } from "@gaiaftcl/canonical-json";
import { decodeHex, encodeHex } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../vectors/socket.json" with { type: "json" };
import {
  encodeFrame,
  encodeFrames,
  FRAME_BYTES,
  FrameDecoder,
  HANDSHAKE_FRAME_BYTES,
} from "./frame.js";
import { FranklinError } from "./franklin-error.js";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

function framesOf(decoder: FrameDecoder): string[] {
  const frames: string[] = [];
  for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(text(frame));
  return frames;
}

function header(length: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

describe("the vectors", () => {
  it.each(vectors.frames)("of frame $frame_hex", ({ value, frame_hex: hex }) => {
    expect(encodeHex(encodeFrame(encode(value)))).toBe(hex);
    const decoder = new FrameDecoder(HANDSHAKE_FRAME_BYTES);
    decoder.push(decodeHex(hex));
    const payload = decoder.next() ?? new Uint8Array();
    expect(encode(decode(payload))).toBe(encode(value));
    expect(decoder.next()).toBeUndefined();
  });
});

describe("the decoder", () => {
  it("gives the same frames however the stream is cut", () => {
    const texts = fc.array(fc.string({ minLength: 1, unit: "binary" }), { maxLength: 12 });
    const cuts = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(texts, cuts, fc.boolean(), (wanted, sizes, isEager) => {
        const stream = encodeFrames(wanted);
        const decoder = new FrameDecoder(FRAME_BYTES);
        const found: string[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
          decoder.push(stream.subarray(at, at + size));
          at += size;
          if (isEager) found.push(...framesOf(decoder));
        }
        found.push(...framesOf(decoder));
        expect(found).toEqual(wanted);
        expect(decoder.openBytes).toBe(0);
        expect(decoder.heldBytes).toBe(0);
      }),
    );
  });

  it("refuses a frame without payload", () => {
    const decoder = new FrameDecoder(FRAME_BYTES);
    decoder.push(header(0));
    expect(() => decoder.next()).toThrow(expect.objectContaining({ code: "FRAME_EMPTY" }));
  });

  it.each([
    [HANDSHAKE_FRAME_BYTES, HANDSHAKE_FRAME_BYTES + 1],
    [FRAME_BYTES, FRAME_BYTES + 1],
    [FRAME_BYTES, 0xffffffff],
  ])("of at most %i bytes refuses a header of %i before any payload comes", (limit, length) => {
    const decoder = new FrameDecoder(limit);
    decoder.push(header(length));
    expect(() => decoder.next()).toThrow(expect.objectContaining({ code: "FRAME_TOO_LARGE" }));
  });

  it("takes a frame of exactly the limit", () => {
    const decoder = new FrameDecoder(8);
    decoder.push(encodeFrame("12345678"));
    expect(framesOf(decoder)).toEqual(["12345678"]);
  });

  it("judges a header only when its frame is asked for, so that the limit can rise in between", () => {
    const decoder = new FrameDecoder(4);
    decoder.push(encodeFrames(["1234", "123456789"]));
    expect(text(decoder.next() ?? new Uint8Array())).toBe("1234");
    decoder.allow(16);
    expect(text(decoder.next() ?? new Uint8Array())).toBe("123456789");
  });

  it("holds memory for what it was given, not for what a header announces", () => {
    const decoder = new FrameDecoder(FRAME_BYTES);
    decoder.push(header(FRAME_BYTES));
    expect(decoder.next()).toBeUndefined();
    expect(decoder.heldBytes).toBe(0);
    let given = 0;
    for (const size of [1, 1, 5, 100, 1, 3000, 50_000]) {
      decoder.push(new Uint8Array(size));
      given += size;
      expect(decoder.next()).toBeUndefined();
      expect(decoder.heldBytes).toBeLessThanOrEqual(2 * given);
      expect(decoder.openBytes).toBe(4 + given);
    }
  });

  it("collects a frame of 16 MiB from small chunks", () => {
    const payload = Buffer.alloc(FRAME_BYTES, 0x61);
    const decoder = new FrameDecoder(FRAME_BYTES);
    decoder.push(header(FRAME_BYTES));
    let frame: Uint8Array | undefined;
    for (let at = 0; at < payload.length; at += 65_536) {
      expect(frame).toBeUndefined();
      decoder.push(payload.subarray(at, at + 65_536));
      frame = decoder.next();
    }
    expect(payload.equals(frame ?? new Uint8Array())).toBe(true);
  });

  it("meets garbage with frames, patience or one of its own errors", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        const decoder = new FrameDecoder(64);
        try {
          for (const chunk of chunks) {
            decoder.push(chunk);
            while (decoder.next() !== undefined);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FranklinError);
        }
      }),
    );
  });
});

describe("the encoder", () => {
  it("refuses a frame without payload and one that is too large", () => {
    expect(() => encodeFrame("")).toThrow(expect.objectContaining({ code: "FRAME_EMPTY" }));
    const large = "é".repeat(FRAME_BYTES / 2 + 1);
    expect(() => encodeFrame(large)).toThrow(expect.objectContaining({ code: "FRAME_TOO_LARGE" }));
  });
});
