interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is due when: a binary heap by time, and by insertion among equals, so that one seed gives one order. */
export class EventQueue {
  readonly #heap: Entry[] = [];
  #inserted = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** The time of the next entry in milliseconds, or infinity. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  add(at: number, run: () => void): void {
    const heap = this.#heap;
    const entry: Entry = { at, order: this.#inserted, run };
    this.#inserted += 1;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!isBefore(entry, parent)) {
        break;
      }
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  /** Takes the next entry out and gives what it wanted run. */
  take(): (() => void) | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) {
      return undefined;
    }
    if (heap.length > 0) {
      this.#sink(last);
    }
    return first.run;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) {
        break;
      }
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) {
        child += 1;
      }
      const candidate = heap[child] as Entry;
      if (!isBefore(candidate, entry)) {
        break;
      }
      heap[index] = candidate;
      index = child;
    }
    heap[index] = entry;
  }
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
