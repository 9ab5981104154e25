import { isDayOf } from "./timestamp.js";

/** Larger events are left to the long way, in which hashing takes most of the time anyhow. */
const CAPACITY = 64 * 1024;
/** So far beyond the end of an event something may be looked at; no piece is as long. */
const SLACK = 4 * 1024;

const WORD = 4;
/** A byte in each of the four places of a word. */
const ONES = 0x01010101;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const BLANKS = 0x20202020;
const TOP_BITS = 0x80808080;

const ZERO = 0x30;
const NINE = 0x39;
const TIME_FORM: Uint8Array = new TextEncoder().encode("0000-00-00T00:00:00.000Z");
const DATE_LENGTH = 10;

/** The length of a time in the format. */
export const TIME_LENGTH: number = TIME_FORM.length;
/** The digits of a hash. */
export const HASH_LENGTH = 64;

/**
 * A text to be found in the bytes of an event, to be compared word by word.
 */
export class Piece {
  readonly length: number;
  readonly #words: Int32Array;
  /** What counts of the last word. */
  readonly #mask: number;

  constructor(text: string) {
    const bytes = new TextEncoder().encode(text);
    this.length = bytes.length;
    const padded = new Uint8Array(Math.max(1, Math.ceil(bytes.length / WORD)) * WORD);
    padded.set(bytes);
    const view = new DataView(padded.buffer);
    this.#words = new Int32Array(padded.length / WORD);
    for (let index = 0; index < this.#words.length; index += 1) {
      this.#words[index] = view.getInt32(index * WORD, true);
    }
    this.#mask = maskOf(bytes.length - (this.#words.length - 1) * WORD);
  }

  isAt(view: DataView, at: number): boolean {
    const words = this.#words;
    const last = words.length - 1;
    let place = at;
    for (let index = 0; index < last; index += 1) {
      if (view.getInt32(place, true) !== words[index]) return false;
      place += WORD;
    }
    return (view.getInt32(place, true) & this.#mask) === words[last];
  }
}

/**
 * Memory of its own for one event at a time, so that whatever is found in it stays as it was, also
 * where the event came in memory that others can write to.
 */
export class EventBytes {
  readonly bytes: Uint8Array = new Uint8Array(CAPACITY + SLACK);
  readonly view: DataView = new DataView(this.bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @returns false where there is no room for it */
  load(event: Uint8Array): boolean {
    const { length } = event;
    if (length > CAPACITY) return false;
    this.bytes.set(event);
    // What is left of longer events before is behind a byte that ends every value.
    this.bytes[length] = 0;
    this.#length = length;
    return true;
  }

  /**
   * The first place from `at` on with anything but a printable ASCII character that stands for
   * itself in JSON: a quotation mark, a backslash, a control character, a byte beyond ASCII.
   */
  plainEnd(at: number): number {
    const { view } = this;
    for (let place = at; ; place += WORD) {
      const word = view.getInt32(place, true);
      const quote = word ^ QUOTES;
      const backslash = word ^ BACKSLASHES;
      // The top bit of each byte that is zero, or below a blank; the lowest one is always right.
      const found =
        (((quote - ONES) & ~quote) |
          ((backslash - ONES) & ~backslash) |
          ((word - BLANKS) & ~word) |
          word) &
        TOP_BITS;
      if (found !== 0) return place + ((31 - Math.clz32(found & -found)) >> 3);
    }
  }

  isSame(one: number, other: number, length: number): boolean {
    const { view } = this;
    const whole = length & -WORD;
    for (let index = 0; index < whole; index += WORD) {
      if (view.getInt32(one + index, true) !== view.getInt32(other + index, true)) return false;
    }
    const difference = view.getInt32(one + whole, true) ^ view.getInt32(other + whole, true);
    return (difference & maskOf(length - whole)) === 0;
  }

  /** Whether the digits of a hash stand there. */
  isHashAt(at: number, hash: string): boolean {
    const { bytes } = this;
    let difference = hash.length ^ HASH_LENGTH;
    for (let index = 0; index < HASH_LENGTH; index += 1) {
      difference |= (bytes[at + index] as number) ^ hash.charCodeAt(index);
    }
    return difference === 0;
  }

  /** Whether 64 lower-case hex digits stand there. */
  isHexAt(at: number): boolean {
    for (let index = at; index < at + HASH_LENGTH; index += 1) {
      const code = this.bytes[index] as number;
      if (!(isDigit(code) || (code >= 0x61 && code <= 0x66))) return false;
    }
    return true;
  }

  /** Whether `isTimestamp` holds for what stands there. */
  isTimeAt(at: number): boolean {
    const { bytes } = this;
    for (let index = 0; index < TIME_LENGTH; index += 1) {
      const code = bytes[at + index] as number;
      const expected = TIME_FORM[index] as number;
      if (expected === ZERO ? !isDigit(code) : code !== expected) return false;
    }
    return (
      this.#two(at + 11) < 24 &&
      this.#two(at + 14) < 60 &&
      this.#two(at + 17) < 60 &&
      isDayOf(this.#two(at), this.#two(at + 2), this.#two(at + 5), this.#two(at + 8))
    );
  }

  /** Milliseconds from one time to another, both of which are times. */
  between(from: number, to: number): number {
    if (this.isSame(from, to, DATE_LENGTH)) return this.#clock(to) - this.#clock(from);
    return Date.parse(this.textAt(to, TIME_LENGTH)) - Date.parse(this.textAt(from, TIME_LENGTH));
  }

  /** The number that digits write, after a sign or without one. */
  integerAt(start: number, end: number): number {
    const isNegative = !isDigit(this.bytes[start] as number);
    let value = 0;
    for (let at = isNegative ? start + 1 : start; at < end; at += 1) {
      value = value * 10 + (this.bytes[at] as number) - ZERO;
    }
    return isNegative ? -value : value;
  }

  /** The text of some bytes that are ASCII. */
  textAt(at: number, length: number): string {
    return String.fromCharCode(...this.bytes.subarray(at, at + length));
  }

  #clock(at: number): number {
    const minutes = this.#two(at + 11) * 60 + this.#two(at + 14);
    const seconds = minutes * 60 + this.#two(at + 17);
    return seconds * 1000 + this.integerAt(at + 20, at + 23);
  }

  #two(at: number): number {
    return ((this.bytes[at] as number) - ZERO) * 10 + (this.bytes[at + 1] as number) - ZERO;
  }
}

/**
 * Parts of some bytes, one at a time. Most events have the same lengths as the one before, and then the
 * part is there already.
 */
export class Part {
  readonly #bytes: Uint8Array;
  #part: Uint8Array;
  #start = 0;
  #end = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#part = bytes.subarray(0, 0);
  }

  /** Good until the bytes change. */
  between(start: number, end: number): Uint8Array {
    if (start !== this.#start || end !== this.#end) {
      this.#part = this.#bytes.subarray(start, end);
      this.#start = start;
      this.#end = end;
    }
    return this.#part;
  }
}

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** The lowest bytes of a word, which are the first ones. */
function maskOf(bytes: number): number {
  return bytes === WORD ? -1 : (1 << (bytes * 8)) - 1;
}
