import { isSameRow, type RowMark } from "./row-mark.js";

/**
 * The rows delivered lately, by witness hash, to tell a duplicate from something new. It holds a
 * fixed number: a duplicate that comes after more rows than that is not recognised.
 *
 * What the hash does not cover must be equal as well. Only rows that are ok belong here: a forged row
 * must not make a real one of the same hash look like a duplicate.
 */
export class RecentRows {
  readonly #most: number;
  readonly #seen = new Map<unknown, RowMark>();

  constructor(most: number) {
    this.#most = most;
  }

  has(mark: RowMark): boolean {
    const seen = this.#seen.get(mark.hash);
    return seen !== undefined && isSameRow(seen, mark);
  }

  add(mark: RowMark): void {
    const before = this.#seen.size;
    this.#seen.set(mark.hash, mark);
    if (this.#seen.size === before || before < this.#most) return;
    for (const oldest of this.#seen.keys()) {
      this.#seen.delete(oldest);
      return;
    }
  }
}
