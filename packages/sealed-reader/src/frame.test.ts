import fc from "fast-check";
import { expect, it } from "vitest";
import { encodeFrame, type Frame, FrameReader } from "./frame.js";
import { SealedReaderError } from "./sealed-reader-error.js";

const bodies = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 })),
  {
    maxLength: 8,
  },
);

function readIn(chunks: readonly Buffer[], maxBytes = 1000): readonly Frame[] {
  const reader = new FrameReader(maxBytes);
  return chunks.flatMap((chunk) => reader.push(chunk));
}

it("takes every frame from a stream however it is cut", () => {
  fc.assert(
    fc.property(
      bodies,
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(([kind, body]) => encodeFrame(kind, body)));
        const chunks: Buffer[] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut += 1) {
          const end = at + (cuts[cut % cuts.length] ?? 1);
          chunks.push(bytes.subarray(at, end));
          at = end;
        }
        const found = readIn(chunks).map(({ kind, body }) => [kind, [...body]]);
        expect(found).toEqual(frames.map(([kind, body]) => [kind, [...body]]));
      },
    ),
  );
});

it("refuses a frame by its header, before the body comes", () => {
  const header = Buffer.from([0xff, 0xff, 0xff, 0xff, 0]);
  expect(() => readIn([header])).toThrow(SealedReaderError);
  expect(() => readIn([header.subarray(0, 2), header.subarray(2)])).toThrow(SealedReaderError);
  expect(readIn([encodeFrame(0, Buffer.alloc(1000))])).toHaveLength(1);
  expect(() => readIn([encodeFrame(0, Buffer.alloc(1001))])).toThrow("at most 1000 bytes");
});

it("never throws anything but its own error, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
      try {
        readIn(chunks.map((chunk) => Buffer.from(chunk)));
      } catch (cause) {
        expect(cause).toBeInstanceOf(SealedReaderError);
      }
    }),
  );
});
