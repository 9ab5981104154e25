const COUNT_AT = 0;
const LENGTH_AT = 1;
const HEADER_BYTES = 8;
const MAX_INPUT = 1 << 20;

/** The input that runs now, in memory that outlives the thread it runs in. */
export class SharedInput {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(HEADER_BYTES + MAX_INPUT)) {
    this.buffer = buffer;
    this.#numbers = new Int32Array(buffer, 0, 2);
    this.#bytes = new Uint8Array(buffer, HEADER_BYTES);
  }

  begin(input: Uint8Array): void {
    this.#bytes.set(input);
    Atomics.store(this.#numbers, LENGTH_AT, input.length);
    Atomics.add(this.#numbers, COUNT_AT, 1);
  }

  /** How many inputs have begun. */
  get count(): number {
    return Atomics.load(this.#numbers, COUNT_AT);
  }

  get current(): Uint8Array {
    return this.#bytes.slice(0, Atomics.load(this.#numbers, LENGTH_AT));
  }
}
