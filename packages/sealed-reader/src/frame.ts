import { SealedReaderError } from "./sealed-reader-error.js";

/** What stands in a frame: a message as JSON, or rows. */
export const MESSAGE = 0;
export const ROWS = 1;

export interface Frame {
  readonly kind: number;
  readonly body: Buffer;
}

const HEADER_BYTES = 5;

/** A frame: u32 big-endian length of the body, one byte of kind, the body. */
export function encodeFrame(kind: number, body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.byteLength);
  frame.writeUInt32BE(body.byteLength, 0);
  frame.writeUInt8(kind, 4);
  frame.set(body, HEADER_BYTES);
  return frame;
}

/**
 * Takes frames from a stream of bytes. Memory grows with the bytes received, never with a length
 * that a header merely claims.
 */
export class FrameReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns the frames that are complete now
   * @throws SealedReaderError `CHILD_FAILED` for a frame longer than allowed
   */
  push(chunk: Buffer): readonly Frame[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.byteLength;
    const frames: Frame[] = [];
    for (;;) {
      const length = this.#bodyLength();
      if (length === undefined || this.#buffered < HEADER_BYTES + length) return frames;
      const bytes = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
      if (bytes === undefined) return frames;
      const end = HEADER_BYTES + length;
      frames.push({ kind: bytes.readUInt8(4), body: bytes.subarray(HEADER_BYTES, end) });
      this.#chunks = end < bytes.byteLength ? [bytes.subarray(end)] : [];
      this.#buffered -= end;
    }
  }

  #bodyLength(): number | undefined {
    if (this.#buffered < HEADER_BYTES) return undefined;
    if ((this.#chunks[0]?.byteLength ?? 0) < HEADER_BYTES) {
      this.#chunks = [Buffer.concat(this.#chunks)];
    }
    const length = this.#chunks[0]?.readUInt32BE(0) ?? 0;
    if (length > this.#maxBytes) {
      throw new SealedReaderError(
        "CHILD_FAILED",
        `expected a frame of at most ${this.#maxBytes} bytes from the reading process, found a header of ${length}`,
      );
    }
    return length;
  }
}
