import { EventBusError } from "./event-bus-error.js";

const DEFAULT_CAPACITY = 4_096;
const LARGEST_CAPACITY = 16_777_216;

/**
 * Recognises ids that were seen before among the last `capacity` different ones, first in first
 * out: seeing an id again does not keep it longer (event bus format, section 9.5).
 */
export class RedisStreamDedup {
  readonly capacity: number;
  readonly #known: Set<string> = new Set();
  /** The known ids in the order they came; grows to `capacity` and is then overwritten. */
  #order: string[] = [];
  #oldest = 0;

  /** @param capacity default 4,096; 0 becomes 1, more than 16,777,216 becomes 16,777,216. */
  constructor(capacity?: number | null) {
    const wanted = capacity ?? DEFAULT_CAPACITY;
    if (!Number.isSafeInteger(wanted) || wanted < 0) {
      throw new EventBusError(
        "INVALID_OPTION",
        `the capacity of a dedup window must be an integer >= 0; it is ${wanted}`,
      );
    }
    this.capacity = Math.min(Math.max(wanted, 1), LARGEST_CAPACITY);
  }

  get length(): number {
    return this.#known.size;
  }

  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /** Whether `id` is known. If not, it is from now on, and the oldest is forgotten for it. */
  isDuplicate(id: string): boolean {
    if (this.#known.has(id)) return true;
    if (this.#order.length < this.capacity) {
      this.#order.push(id);
    } else {
      this.#known.delete(this.#order[this.#oldest] as string);
      this.#order[this.#oldest] = id;
      this.#oldest = (this.#oldest + 1) % this.capacity;
    }
    this.#known.add(id);
    return false;
  }

  /** Forgets every id; the capacity stays. */
  clear(): void {
    this.#known.clear();
    this.#order = [];
    this.#oldest = 0;
  }

  toString(): string {
    return `RedisStreamDedup(len=${this.length}, capacity=${this.capacity})`;
  }
}
