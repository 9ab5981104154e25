/** Reads numbers off the front of an input that describes a course of events. */
export class Script {
  readonly #view: DataView;
  #at = 0;

  constructor(input: Uint8Array) {
    this.#view = new DataView(input.buffer, input.byteOffset, input.length);
  }

  get isDone(): boolean {
    return this.#at >= this.#view.byteLength;
  }

  u8(): number {
    this.#at += 1;
    return this.#at > this.#view.byteLength ? 0 : this.#view.getUint8(this.#at - 1);
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  take(length: number): Uint8Array {
    const from = Math.min(this.#at, this.#view.byteLength);
    this.#at = Math.min(from + length, this.#view.byteLength);
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + from, this.#at - from);
  }
}
