import { CortexError } from "./cortex-error.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the postcard encoding (CortEX format, section 8) from bytes that nobody has checked. Varints
 * longer than needed are accepted; one that does not fit in 64 bits is not. Every read that cannot
 * be done throws a CortexError with the code `DECODE`, and the offset in its message.
 */
export class PostcardReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw this.#end();
    this.#at += 1;
    return value;
  }

  u64(): bigint {
    let low = 0;
    let high = 0;
    for (let index = 0; index < 10; index += 1) {
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (index < 4) low |= bits << (7 * index);
      else if (index === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (7 * index - 32);
      if (byte < 0x80) {
        // The tenth byte holds the 64th bit and nothing else.
        if (index === 9 && byte > 1) break;
        low >>>= 0;
        high >>>= 0;
        return high < 0x200000
          ? BigInt(high * 0x100000000 + low)
          : (BigInt(high) << 32n) | BigInt(low);
      }
    }
    throw this.failure("Found a varint that didn't terminate");
  }

  /** A number of 32 bits, such as the index of a variant. */
  u32(): number {
    const value = this.u64();
    if (value > 0xffffffffn) throw this.failure("Found a varint that didn't terminate");
    return Number(value);
  }

  /** The length of what follows, which cannot be longer than what is left. */
  length(): number {
    const value = this.u64();
    if (value > BigInt(this.remaining)) throw this.#end();
    return Number(value);
  }

  /** How many items follow; each takes at least one byte. */
  count(): number {
    return this.length();
  }

  bool(): boolean {
    const value = this.byte();
    if (value > 1) throw this.failure("Found a bool that wasn't 0 or 1");
    return value === 1;
  }

  /** Whether an option's value follows. */
  some(): boolean {
    const value = this.byte();
    if (value > 1) throw this.failure("Found an Option discriminant that wasn't 0 or 1");
    return value === 1;
  }

  f64(): number {
    if (this.remaining < 8) throw this.#end();
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  string(): string {
    const length = this.length();
    const start = this.#at;
    const text = length <= 32 ? this.#shortAscii(length) : undefined;
    this.#at = start + length;
    if (text !== undefined) return text;
    try {
      return utf8.decode(this.#bytes.subarray(start, this.#at));
    } catch {
      throw this.failure("Tried to parse invalid utf-8");
    }
  }

  /** A view of the bytes read, not a copy. */
  bytes(): Uint8Array {
    const length = this.length();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  failure(text: string): CortexError {
    return new CortexError("DECODE", `${text} (at byte ${this.#at} of ${this.#bytes.length})`);
  }

  #end(): CortexError {
    return this.failure("Hit the end of buffer, expected more data");
  }

  #shortAscii(length: number): string | undefined {
    let text = "";
    for (let index = this.#at; index < this.#at + length; index += 1) {
      const unit = this.#bytes[index] ?? 0x80;
      if (unit > 0x7f) return undefined;
      text += String.fromCharCode(unit);
    }
    return text;
  }
}
