import { FranklinError } from "./franklin-error.js";

const HEADER_BYTES = 4;

/** The largest payload of a frame before the handshake is accepted (cell format, section 6). */
export const HANDSHAKE_FRAME_BYTES = 4096;

/** The largest payload of a frame after it. */
export const FRAME_BYTES: number = 16 * 1024 * 1024;

/**
 * Frames of JSON texts, one after the other in one buffer, so that all that is ready goes out in
 * one write: u32 big-endian length of the payload, then the payload in UTF-8 (cell format,
 * section 6).
 *
 * @throws FranklinError `FRAME_EMPTY`, `FRAME_TOO_LARGE`
 */
export function encodeFrames(texts: readonly string[]): Uint8Array {
  const lengths = texts.map((text) => payloadBytes(text));
  const total = lengths.reduce((sum, length) => sum + HEADER_BYTES + length, 0);
  const bytes = Buffer.allocUnsafe(total);
  let offset = 0;
  for (const [index, text] of texts.entries()) {
    offset = bytes.writeUInt32BE(lengths[index] ?? 0, offset);
    offset += bytes.write(text, offset, "utf8");
  }
  return bytes;
}

/** One frame; see {@link encodeFrames}. */
export function encodeFrame(text: string): Uint8Array {
  return encodeFrames([text]);
}

function payloadBytes(text: string): number {
  const length = Buffer.byteLength(text, "utf8");
  ensureLength(length, FRAME_BYTES);
  return length;
}

function ensureLength(length: number, limit: number): void {
  if (length === 0) {
    throw new FranklinError("FRAME_EMPTY", "expected a frame with a payload, found length 0");
  }
  if (length > limit) {
    throw new FranklinError(
      "FRAME_TOO_LARGE",
      `expected a frame of at most ${limit} bytes, found one of ${length}`,
    );
  }
}

/**
 * Takes frames out of a stream of bytes, however it is cut into chunks.
 *
 * It hands out one frame at a time, so that the limit may change between two of them: a header is
 * judged only when its frame is asked for. The memory it holds is at most twice the bytes it was
 * given, never what a header announces.
 */
export class FrameDecoder {
  #limit: number;
  /** Chunks not yet consumed; `#offset` bytes of the first one are. */
  readonly #chunks: Uint8Array[] = [];
  #offset = 0;
  #available = 0;
  #headerBytes = 0;
  #length = 0;
  /** What has arrived of a payload that lies across chunks. */
  #payload: Uint8Array = new Uint8Array(0);
  #filled = 0;

  /** @param limit the largest payload allowed, in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Allows payloads of up to `limit` bytes from the next header on. */
  allow(limit: number): void {
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#available += chunk.length;
  }

  /**
   * The payload of the next frame, or `undefined` until more bytes come. It may be a view of the
   * chunk it came in.
   *
   * @throws FranklinError `FRAME_EMPTY`, `FRAME_TOO_LARGE`; the stream cannot be read any further
   */
  next(): Uint8Array | undefined {
    while (this.#headerBytes < HEADER_BYTES) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return undefined;
      this.#length = this.#length * 256 + (chunk[this.#offset] ?? 0);
      this.#headerBytes += 1;
      this.#consume(chunk, 1);
    }
    ensureLength(this.#length, this.#limit);
    const payload = this.#whole() ?? this.#collect();
    if (payload === undefined) return undefined;
    this.#headerBytes = 0;
    this.#length = 0;
    this.#filled = 0;
    this.#payload = new Uint8Array(0);
    return payload;
  }

  /** Bytes received of a frame that is begun and not complete; 0 between frames. */
  get openBytes(): number {
    return this.#headerBytes + this.#filled;
  }

  /** Bytes held, allocated room included. */
  get heldBytes(): number {
    return this.#available + this.#payload.length;
  }

  /** The payload, where it lies in one chunk: no copy. */
  #whole(): Uint8Array | undefined {
    const chunk = this.#chunks[0];
    if (this.#filled > 0 || chunk === undefined) return undefined;
    const end = this.#offset + this.#length;
    if (end > chunk.length) return undefined;
    const payload = chunk.subarray(this.#offset, end);
    this.#consume(chunk, this.#length);
    return payload;
  }

  #collect(): Uint8Array | undefined {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const missing = this.#length - this.#filled;
      if (missing === 0) break;
      const part = chunk.subarray(this.#offset, this.#offset + missing);
      this.#reserve(this.#filled + part.length);
      this.#payload.set(part, this.#filled);
      this.#filled += part.length;
      this.#consume(chunk, part.length);
    }
    return this.#filled === this.#length ? this.#payload : undefined;
  }

  /** Doubling keeps copying linear in the bytes received. */
  #reserve(needed: number): void {
    if (needed <= this.#payload.length) return;
    const room = Math.min(this.#length, Math.max(needed, this.#payload.length * 2));
    const larger = new Uint8Array(room);
    larger.set(this.#payload.subarray(0, this.#filled));
    this.#payload = larger;
  }

  #consume(chunk: Uint8Array, count: number): void {
    this.#offset += count;
    this.#available -= count;
    if (this.#offset < chunk.length) return;
    this.#chunks.shift();
    this.#offset = 0;
  }
}
