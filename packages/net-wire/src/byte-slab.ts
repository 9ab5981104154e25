const SLAB_BYTES = 64 * 1024;

/**
 * Gives out memory for packets and payloads as parts of larger buffers: one allocation serves dozens
 * of them. A part is given out again only when it was given back; a slab is collected when none of its
 * parts is in use.
 */
export class ByteSlab {
  #slab = new Uint8Array(0);
  #used = 0;

  /** `length` bytes, which may hold anything. */
  take(length: number): Uint8Array {
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, length));
      this.#used = 0;
    }
    const at = this.#slab.byteOffset + this.#used;
    this.#used += length;
    return new Uint8Array(this.#slab.buffer, at, length);
  }

  /** Takes back the part given out last, for the next one to stand where it did; any other stays as it is. */
  giveBack(part: Uint8Array): void {
    const start = this.#used - part.length;
    if (part.buffer === this.#slab.buffer && part.byteOffset === this.#slab.byteOffset + start) {
      this.#used = start;
    }
  }

  /** A copy of `bytes`. */
  copy(bytes: Uint8Array): Uint8Array {
    const part = this.take(bytes.length);
    part.set(bytes);
    return part;
  }
}
