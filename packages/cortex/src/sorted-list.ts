const chunkLimit = 1024;

/** Negative when `a` comes before `b`; 0 only for one and the same item. */
export type Comparison<T> = (a: T, b: T) => number;

/**
 * Items in order, in chunks of bounded size: adding and removing cost a binary search and the move
 * of at most one chunk, whatever the length. Items that compare equal are one item.
 */
export class SortedList<T> {
  readonly #compare: Comparison<T>;
  #chunks: T[][] = [];
  #size = 0;

  constructor(compare: Comparison<T>, items: Iterable<T> = []) {
    this.#compare = compare;
    const sorted = [...items].sort(compare);
    this.#size = sorted.length;
    for (let at = 0; at < sorted.length; at += chunkLimit / 2) {
      this.#chunks.push(sorted.slice(at, at + chunkLimit / 2));
    }
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    const at = this.#chunkOf(item);
    const chunk = this.#chunks[at];
    if (chunk === undefined) this.#append(item);
    else {
      chunk.splice(this.#position(chunk, item), 0, item);
      if (chunk.length > chunkLimit) {
        this.#chunks.splice(at + 1, 0, chunk.splice(chunkLimit / 2));
      }
    }
    this.#size += 1;
  }

  /** Whether the item was there. */
  delete(item: T): boolean {
    const at = this.#chunkOf(item);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return false;
    const position = this.#position(chunk, item);
    const found = chunk[position];
    if (found === undefined || this.#compare(found, item) !== 0) return false;
    chunk.splice(position, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    this.#size -= 1;
    return true;
  }

  /**
   * Calls `visit` with runs of neighbouring items, `chunk[from]` to `chunk[to - 1]`, in order or in
   * the reverse, until it returns false. `place`, where given, says where an item lies: negative
   * before the range wanted, 0 in it, positive behind it.
   */
  visit(
    descending: boolean,
    place: ((item: T) => number) | undefined,
    visit: (chunk: readonly T[], from: number, to: number) => boolean,
  ): void {
    const chunks = descending ? this.#chunks.toReversed() : this.#chunks;
    for (const chunk of chunks) {
      const from = place === undefined ? 0 : firstPast(chunk, place, 0);
      const to = place === undefined ? chunk.length : firstPast(chunk, place, 1);
      if (from < to && !visit(chunk, from, to)) return;
    }
  }

  /** How many items `place` puts into the range, without visiting them. */
  count(place: (item: T) => number): number {
    let total = 0;
    for (const chunk of this.#chunks)
      total += firstPast(chunk, place, 1) - firstPast(chunk, place, 0);
    return total;
  }

  #append(item: T): void {
    const last = this.#chunks[this.#chunks.length - 1];
    if (last !== undefined && last.length < chunkLimit) last.push(item);
    else this.#chunks.push([item]);
  }

  /** The first chunk that does not end before the item; past the last one if there is none. */
  #chunkOf(item: T): number {
    const count = this.#chunks.length;
    const last = this.#chunks[count - 1];
    // What comes last of all is the usual case: new ids and new times grow.
    if (last === undefined || this.#compare(last[last.length - 1] as T, item) < 0) return count;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const chunk = this.#chunks[middle] as T[];
      if (this.#compare(chunk[chunk.length - 1] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #position(chunk: readonly T[], item: T): number {
    let low = 0;
    let high = chunk.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(chunk[middle] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The first position whose item lies at or past `bound` (0: in the range, 1: behind it). */
function firstPast<T>(chunk: readonly T[], place: (item: T) => number, bound: 0 | 1): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = place(chunk[middle] as T);
    if (at < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
