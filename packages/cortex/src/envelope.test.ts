import fc from "fast-check";
import { expect, it } from "vitest";
import { CortexError } from "./cortex-error.js";
import { decodeEnvelope, encodeEnvelope } from "./envelope.js";
import { PostcardWriter } from "./postcard-writer.js";
import { hex, loadVectors, unhex } from "./vectors.testing.js";

const u64 = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
const writer = new PostcardWriter();

function build(dispatch: number, originHash: bigint, seqOrTs: bigint, tail: Uint8Array) {
  return encodeEnvelope(writer, { dispatch, originHash, seqOrTs }, (to) => to.raw(tail));
}

it("takes every event of the reference apart and puts it together again, byte for byte", () => {
  for (const { ops, origin_hash } of loadVectors().cortex) {
    for (const { payload, seq } of ops) {
      const { dispatch, flags, originHash, seqOrTs, tail } = decodeEnvelope(unhex(payload));
      expect({ flags, originHash, seqOrTs }).toEqual({
        flags: 0,
        originHash: origin_hash,
        seqOrTs: seq,
      });
      expect(hex(build(dispatch, originHash, seqOrTs, tail))).toBe(payload);
    }
  }
});

it("returns what was put in, whatever it was", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      u64,
      u64,
      fc.uint8Array({ maxLength: 600 }),
      (dispatch, originHash, seqOrTs, tail) => {
        const envelope = decodeEnvelope(build(dispatch, originHash, seqOrTs, tail));
        expect(envelope).toEqual({ dispatch, flags: 0, originHash, seqOrTs, tail });
      },
    ),
  );
});

it("accepts the older checksum, which is over the tail alone, and any reserved bytes", () => {
  const payload = build(1, 7n, 9n, new TextEncoder().encode("Hello"));
  const reserved = new Uint8Array(payload);
  reserved.set([0xaa, 0xbb], 2);
  expect(decodeEnvelope(reserved).seqOrTs).toBe(9n);

  // XXH3-64 of nothing ends in 38d394c2.
  const older = build(4, 7n, 9n, new Uint8Array(0));
  older.set([0xc2, 0x94, 0xd3, 0x38], 20);
  expect(decodeEnvelope(older).dispatch).toBe(4);
});

it("refuses every payload in which one bit has changed, except where nothing is protected", () => {
  const payload = build(2, 0xabcdef01n, 3n, new TextEncoder().encode("some tail"));
  for (let bit = 0; bit < payload.length * 8; bit += 1) {
    const changed = new Uint8Array(payload);
    const at = bit >> 3;
    changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
    if (at === 2 || at === 3) expect(decodeEnvelope(changed).dispatch).toBe(2);
    else expect(() => decodeEnvelope(changed)).toThrow(CortexError);
  }
});

it("refuses what is shorter than a header", () => {
  for (let length = 0; length < 24; length += 1) {
    expect(() => decodeEnvelope(new Uint8Array(length))).toThrow(/at least 24 bytes/u);
  }
});

it("throws nothing but its own error, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        decodeEnvelope(bytes);
      } catch (error) {
        expect(error).toMatchObject({ name: "CortexError", code: "DECODE" });
      }
    }),
  );
});
