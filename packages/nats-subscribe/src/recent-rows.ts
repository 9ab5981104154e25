import { randomInt } from "node:crypto";
import { EVENT_MARK_WORDS as WORDS } from "@gaiaftcl/sealed-row";
import type { RowMark } from "./row-mark.js";

/** The words of an entry of the index, of which the second one is the position. */
const ENTRY = 2;
/** Spreads the bits of a number over its upper ones. */
const SPREAD = 0x9e3779b1;
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
  #count = 0;
  #next = 0;

  constructor(most: number) {
    this.#most = most;
    const bits = Math.max(4, Math.ceil(Math.log2(most + 1)) + 1);
    this.#shift = 32 - bits;
    this.#size = 2 ** bits;
    this.#index = new Int32Array(this.#size * ENTRY);
    this.#rows = new Int32Array(most * WORDS);
  }

  has(mark: RowMark): boolean {
    return this.#index[this.#find(mark) + 1] !== 0;
  }

  /** @returns false where the row was there already */
  add(mark: RowMark): boolean {
    if (this.#most === 0) return true;
    if (this.#index[this.#find(mark) + 1] !== 0) return false;
    if (this.#count === this.#most) this.#remove(this.#next);
    else this.#count += 1;
    const row = this.#next * WORDS;
    const { words, at } = mark;
    for (let word = 0; word < WORDS; word += 1) this.#rows[row + word] = words[at + word] as number;
    // The place may be another one now that a row has gone.
    const entry = this.#find(mark);
    this.#index[entry] = words[at] as number;
    this.#index[entry + 1] = this.#next + 1;
    this.#next = (this.#next + 1) % this.#most;
    return true;
  }

  /** Where a row stands in the index, or where it would go. */
  #find(mark: RowMark): number {
    const first = mark.words[mark.at] as number;
    for (let place = this.#home(first); ; place = (place + 1) % this.#size) {
      const entry = place * ENTRY;
      const position = this.#index[entry + 1] as number;
      if (position === 0) return entry;
      if (this.#index[entry] === first && this.#isAt((position - 1) * WORDS, mark)) return entry;
    }
  }

  #isAt(from: number, { words, at }: RowMark): boolean {
    for (let word = 0; word < WORDS; word += 1) {
      if (this.#rows[from + word] !== words[at + word]) return false;
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
