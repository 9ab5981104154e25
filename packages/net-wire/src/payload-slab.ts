const SLAB_BYTES = 256 * 1024;

/**
 * Gives out memory for payloads as parts of larger buffers: one allocation serves dozens of packets.
 * A part is never given out twice; a slab is collected when none of its parts is in use.
 */
export class PayloadSlab {
  #slab = new Uint8Array(0);
  #used = 0;

  /** A copy of `bytes`. */
  copy(bytes: Uint8Array): Uint8Array {
    if (this.#used + bytes.length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(SLAB_BYTES, bytes.length));
      this.#used = 0;
    }
    const part = this.#slab.subarray(this.#used, this.#used + bytes.length);
    part.set(bytes);
    this.#used += bytes.length;
    return part;
  }
}
