/** What to do with a message when the buffer is full. */
export type FullPolicy = "dropOldest" | "dropNewest" | "fail";

export interface BufferLimits {
  readonly messages: number;
  readonly bytes: number;
  readonly whenFull: FullPolicy;
}

/** Something with a size that waits for its turn. */
export interface Sized {
  readonly bytes: number;
}

/** A queue with room for so many messages and bytes, which tells every message it leaves out. */
export class ArrivalBuffer<Item extends Sized> {
  readonly #limits: BufferLimits;
  readonly #onDrop: (item: Item) => void;
  #items: (Item | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #taken = 0;

  constructor(limits: BufferLimits, onDrop: (item: Item) => void) {
    this.#limits = limits;
    this.#onDrop = onDrop;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** How many items were taken so far, which is the number of the one that `shift` takes next. */
  get taken(): number {
    return this.#taken;
  }

  /** The item of that number, where it waits. */
  at(number: number): Item | undefined {
    return number < this.#taken ? undefined : this.#items[this.#head + number - this.#taken];
  }

  /** @returns false where the buffer is full and the policy is to fail. */
  push(item: Item): boolean {
    const { messages, bytes, whenFull } = this.#limits;
    while (this.length >= messages || (this.#bytes + item.bytes > bytes && this.length > 0)) {
      if (whenFull === "fail") return false;
      if (whenFull === "dropNewest") {
        this.#onDrop(item);
        return true;
      }
      const oldest = this.shift();
      if (oldest !== undefined) this.#onDrop(oldest);
    }
    this.#items.push(item);
    this.#bytes += item.bytes;
    return true;
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    this.#taken += 1;
    this.#bytes -= item.bytes;
    // The front is cut off now and then, which costs less than moving everything each time.
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
