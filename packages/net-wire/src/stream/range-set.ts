/**
 * A set of non-negative integers kept as ascending ranges, made for numbers that come almost in
 * order. It never holds more than `limit` ranges: `onOverflow` says whether the lowest range is
 * forgotten, or joined with the next one so that everything below counts as contained.
 */
export class RangeSet {
  readonly #limit: number;
  readonly #onOverflow: "forget" | "join";
  readonly #first: number[] = [];
  readonly #last: number[] = [];

  constructor(limit: number, onOverflow: "forget" | "join") {
    this.#limit = limit;
    this.#onOverflow = onOverflow;
  }

  /** How many ranges there are; range 0 is the lowest. */
  get size(): number {
    return this.#first.length;
  }

  /** -1 when empty. */
  get highest(): number {
    return this.#last.at(-1) ?? -1;
  }

  first(index: number): number {
    return this.#first[index] as number;
  }

  last(index: number): number {
    return this.#last[index] as number;
  }

  has(value: number): boolean {
    const index = this.#find(value);
    return index >= 0 && value <= this.last(index);
  }

  /** Returns false when `value` was there already. */
  add(value: number): boolean {
    const first = this.#first;
    const last = this.#last;
    const index = this.#find(value);
    if (index >= 0 && value <= this.last(index)) return false;
    const joinsBelow = index >= 0 && this.last(index) === value - 1;
    const joinsAbove = index + 1 < first.length && first[index + 1] === value + 1;
    if (joinsBelow && joinsAbove) {
      last[index] = this.last(index + 1);
      first.splice(index + 1, 1);
      last.splice(index + 1, 1);
    } else if (joinsBelow) {
      last[index] = value;
    } else if (joinsAbove) {
      first[index + 1] = value;
    } else {
      first.splice(index + 1, 0, value);
      last.splice(index + 1, 0, value);
      if (first.length > this.#limit) this.#shrink();
    }
    return true;
  }

  #shrink(): void {
    if (this.#onOverflow === "forget") {
      this.#first.shift();
      this.#last.shift();
    } else {
      this.#first.splice(1, 1);
      this.#last.shift();
    }
  }

  /** The index of the last range that begins at or below `value`, -1 when there is none. */
  #find(value: number): number {
    const first = this.#first;
    let low = 0;
    let high = first.length;
    if (high > 0 && value >= (first[high - 1] as number)) return high - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((first[middle] as number) <= value) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
