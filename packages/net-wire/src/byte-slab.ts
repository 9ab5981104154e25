const SLAB_BYTES = 64 * 1024;

/**
 * Gives out memory for packets and payloads as parts of larger buffers: one allocation serves dozens
 * of them. A part is never given out twice; a slab is collected when none of its parts is in use.
 */
export class ByteSlab {
  #slab = new Uint8Array(0);
  #used = 0;

  /** `length` bytes, all zero. */
  take(length: number): Uint8Array {
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, length));
      this.#used = 0;
    }
    const at = this.#slab.byteOffset + this.#used;
    this.#used += length;
    return new Uint8Array(this.#slab.buffer, at, length);
  }

  /** A copy of `bytes`. */
  copy(bytes: Uint8Array): Uint8Array {
    const part = this.take(bytes.length);
    part.set(bytes);
    return part;
  }
}
