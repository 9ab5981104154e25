export interface RecentSetOptions {
  /** An entry is remembered for at least half of this and at most all of it, in milliseconds. */
  readonly memoryMs: number;
  /** Entries remembered; the older half goes when they are more. */
  readonly capacity: number;
}

/** What was seen lately, in bounded memory: two generations, of which the older one is dropped whole. */
export class RecentSet<T> {
  readonly #options: RecentSetOptions;
  #young = new Set<T>();
  #old = new Set<T>();
  #turnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RecentSetOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Whether `entry` is remembered; one whose time is over may still be. */
  has(entry: T): boolean {
    return this.#young.has(entry) || this.#old.has(entry);
  }

  /** Remembers `entry`; true when it is new. */
  add(entry: T, now: number): boolean {
    const half = this.#options.memoryMs / 2;
    if (now - this.#turnedAt >= half || this.#young.size >= this.#options.capacity / 2) {
      this.#old = now - this.#turnedAt >= this.#options.memoryMs ? new Set() : this.#young;
      this.#young = new Set();
      this.#turnedAt = now;
    }
    if (this.has(entry)) {
      return false;
    }
    this.#young.add(entry);
    return true;
  }
}
