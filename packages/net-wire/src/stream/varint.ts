/**
 * Variable-length integers of RFC 9000, section 16, as far as a double holds integers exactly.
 * Encodings longer than necessary are accepted, as there.
 */

const TWO_32 = 2 ** 32;

/** Writes as many bytes as `varintSize` says and returns the offset behind them. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  if (value < 64) {
    bytes[at] = value;
    return at + 1;
  }
  if (value < 16_384) {
    bytes[at] = 0x40 | (value >>> 8);
    bytes[at + 1] = value;
    return at + 2;
  }
  if (value < 2 ** 30) {
    writeU32(bytes, at, value);
    bytes[at] = (bytes[at] as number) | 0x80;
    return at + 4;
  }
  writeU32(bytes, at, Math.floor(value / TWO_32));
  writeU32(bytes, at + 4, value >>> 0);
  bytes[at] = (bytes[at] as number) | 0xc0;
  return at + 8;
}

export function varintSize(value: number): number {
  return value < 64 ? 1 : value < 16_384 ? 2 : value < 2 ** 30 ? 4 : 8;
}

/** Reads one after the other; `value` is NaN from the first one that is cut off or above 2^53-1. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get exhausted(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    const head = bytes[start];
    if (head === undefined) return this.#fail();
    const size = 1 << (head >>> 6);
    if (start + size > bytes.length) return this.#fail();
    this.#at = start + size;
    let value = head & 0x3f;
    for (let index = 1; index < size; index++) {
      value = value * 256 + (bytes[start + index] as number);
    }
    return Number.isSafeInteger(value) ? value : this.#fail();
  }

  #fail(): number {
    this.#at = this.#bytes.length;
    return Number.NaN;
  }
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
