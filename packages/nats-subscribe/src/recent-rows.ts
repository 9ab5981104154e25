import { randomInt } from "node:crypto";
import type { RowMark } from "./row-mark.js";

/** Of each row: 128 bits of its witness hash, 64 of each facet that does not follow from it, and two numbers. */
const WORDS = 12;
const HASH_WORDS = 4;
/** The words of an entry of the index, of which the second one is the position. */
const ENTRY = 2;
const FACET_WORDS = 2;
/** Spreads the bits of a number over its upper ones. */
const SPREAD = 0x9e3779b1;
/** The value of a hex digit by its character. */
const DIGITS: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, "0123456789abcdef".indexOf(String.fromCharCode(code))),
);

/**
 * The rows delivered lately, to tell a duplicate from something new. It holds a fixed number: a
 * duplicate that comes after more rows than that is not recognised.
 *
 * What the witness hash does not cover must be equal as well. Only rows that are ok belong here: a
 * forged row must not make a real one of the same hash look like a duplicate.
 *
 * A table of numbers, since so many objects that live for so long would keep the garbage collector
 * busier than verifying does.
 */
export class RecentRows {
  readonly #most: number;
  /** The rows in the order they came, the oldest where the next one goes once it is full. */
  readonly #rows: Int32Array;
  /**
   * Open addressing: the first word of a row, and one more than its position, 0 where there is none.
   * The rows themselves are looked at where that word is the same, and so hardly ever in vain.
   */
  readonly #index: Int32Array;
  readonly #size: number;
  readonly #shift: number;
  /** Nobody else can tell which rows fall together. */
  readonly #seed: number = randomInt(2 ** 32);
  readonly #words: Int32Array = new Int32Array(WORDS);
  readonly #numbers: Float64Array;
  #count = 0;
  #next = 0;

  constructor(most: number) {
    this.#most = most;
    const bits = Math.max(4, Math.ceil(Math.log2(most + 1)) + 1);
    this.#shift = 32 - bits;
    this.#size = 2 ** bits;
    this.#index = new Int32Array(this.#size * ENTRY);
    this.#rows = new Int32Array(most * WORDS);
    this.#numbers = new Float64Array(this.#words.buffer, (WORDS - 4) * 4, 2);
  }

  has(mark: RowMark): boolean {
    this.#read(mark);
    return this.#index[this.#find() + 1] !== 0;
  }

  /** @returns false where the row was there already */
  add(mark: RowMark): boolean {
    if (this.#most === 0) return true;
    this.#read(mark);
    if (this.#index[this.#find() + 1] !== 0) return false;
    if (this.#count === this.#most) this.#remove(this.#next);
    else this.#count += 1;
    const row = this.#next * WORDS;
    for (let word = 0; word < WORDS; word += 1)
      this.#rows[row + word] = this.#words[word] as number;
    // The place may be another one now that a row has gone.
    const entry = this.#find();
    this.#index[entry] = this.#words[0] as number;
    this.#index[entry + 1] = this.#next + 1;
    this.#next = (this.#next + 1) % this.#most;
    return true;
  }

  #read({ digits, found }: RowMark): void {
    readHex(this.#words, 0, HASH_WORDS, digits, found.witnessHashStart);
    readHex(this.#words, HASH_WORDS, FACET_WORDS, digits, found.pathFacetStart);
    readHex(this.#words, HASH_WORDS + FACET_WORDS, FACET_WORDS, digits, found.tauFacetStart);
    this.#numbers[0] = found.seq;
    this.#numbers[1] = found.broadcastAfterMs ?? Number.POSITIVE_INFINITY;
  }

  /** Where the row that was read stands in the index, or where it would go. */
  #find(): number {
    const first = this.#words[0] as number;
    for (let place = this.#home(first); ; place = (place + 1) % this.#size) {
      const entry = place * ENTRY;
      const position = this.#index[entry + 1] as number;
      if (position === 0) return entry;
      if (this.#index[entry] === first && this.#isAt((position - 1) * WORDS)) return entry;
    }
  }

  #isAt(from: number): boolean {
    for (let word = 0; word < WORDS; word += 1) {
      if (this.#rows[from + word] !== this.#words[word]) return false;
    }
    return true;
  }

  /** Takes a row out of the index, and moves those up that stand behind for its sake. */
  #remove(position: number): void {
    const index = this.#index;
    const size = this.#size;
    let hole = this.#home(this.#rows[position * WORDS] as number);
    while (index[hole * ENTRY + 1] !== position + 1) hole = (hole + 1) % size;
    for (
      let place = (hole + 1) % size;
      index[place * ENTRY + 1] !== 0;
      place = (place + 1) % size
    ) {
      const first = index[place * ENTRY] as number;
      const home = this.#home(first);
      if ((place - home + size) % size < (place - hole + size) % size) continue;
      index[hole * ENTRY] = first;
      index[hole * ENTRY + 1] = index[place * ENTRY + 1] as number;
      hole = place;
    }
    index[hole * ENTRY + 1] = 0;
  }

  #home(word: number): number {
    return Math.imul(word ^ this.#seed, SPREAD) >>> this.#shift;
  }
}

function readHex(
  words: Int32Array,
  at: number,
  count: number,
  digits: Uint8Array,
  from: number,
): void {
  let place = from;
  for (let index = 0; index < count; index += 1) {
    let word = 0;
    for (const end = place + 8; place < end; place += 1) {
      word = (word << 4) | (DIGITS[digits[place] ?? 0] ?? 0);
    }
    words[at + index] = word;
  }
}
