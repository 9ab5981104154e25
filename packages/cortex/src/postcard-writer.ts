import { Buffer } from "node:buffer";

const initialCapacity = 1024;
/** A buffer that one huge value has grown is given back rather than kept for ever. */
const keptCapacity = 1 << 20;
const encoder = new TextEncoder();
/** A bigint is taken apart here: arithmetic on it would be an order of magnitude slower. */
const halves = new DataView(new ArrayBuffer(8));

/**
 * Writes the postcard encoding (CortEX format, section 8): varints are LEB128, a string or a byte
 * vector is preceded by its length in bytes, a vector by its count. Made to be reused: `begin`,
 * write, `take`.
 */
export class PostcardWriter {
  #bytes: Uint8Array = new Uint8Array(initialCapacity);
  #view: DataView = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Starts over, leaving the first `reserved` bytes to be filled in by the caller of `take`. */
  begin(reserved = 0): this {
    if (this.#bytes.length > keptCapacity) this.#reallocate(initialCapacity);
    this.#length = 0;
    this.#grow(reserved);
    for (let at = 0; at < reserved; at += 1) this.#bytes[at] = 0;
    this.#length = reserved;
    return this;
  }

  /** The bytes written so far, as a copy of their own. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): void {
    this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** An unsigned 32-bit integer, such as a length or a count. */
  varint(value: number): void {
    this.#grow(5);
    let rest = value;
    let at = this.#length;
    while (rest >= 0x80) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at++] = rest;
    this.#length = at;
  }

  /** An unsigned 64-bit integer; the caller has checked the range. */
  u64(value: bigint): void {
    halves.setBigUint64(0, value);
    let high = halves.getUint32(0);
    let low = halves.getUint32(4);
    this.#grow(10);
    const bytes = this.#bytes;
    let at = this.#length;
    while (high !== 0 || low >= 0x80) {
      bytes[at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[at++] = low;
    this.#length = at;
  }

  /** Overwrites 8 bytes with an unsigned integer of fixed width. */
  setU64(at: number, value: bigint): void {
    this.#view.setBigUint64(at, value, true);
  }

  f64(value: number): void {
    this.#grow(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** UTF-8 with its length before it; the caller has checked that the text is well formed. */
  string(value: string): void {
    const units = value.length;
    this.#grow(units * 3 + 10);
    // Up to 42 units are at most 126 bytes: the length takes one byte, known before the text is.
    if (units <= 42) {
      const start = this.#length + 1;
      const written = this.#shortText(value, units, start);
      this.#bytes[this.#length] = written;
      this.#length = start + written;
      return;
    }
    this.varint(Buffer.byteLength(value, "utf8"));
    this.#length += this.#encodeText(value, this.#length);
  }

  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  raw(value: Uint8Array): void {
    this.#grow(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** Short ASCII is copied here, which is cheaper than a call out of JavaScript. */
  #shortText(value: string, units: number, start: number): number {
    const bytes = this.#bytes;
    for (let index = 0; index < units; index += 1) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) return this.#encodeText(value, start);
      bytes[start + index] = unit;
    }
    return units;
  }

  #grow(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    this.#reallocate(Math.max(needed, this.#bytes.length * 2));
  }

  #encodeText(value: string, start: number): number {
    return encoder.encodeInto(value, this.#bytes.subarray(start)).written;
  }

  #reallocate(capacity: number): void {
    const grown = new Uint8Array(capacity);
    grown.set(this.#bytes.subarray(0, Math.min(this.#length, capacity)));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
