/**
 * Which packet counters have been accepted (Net transport format, section 6.4): a sliding bit set
 * below the highest one. `check` before decrypting, `mark` after the packet proved authentic.
 */
export class ReplayWindow {
  readonly #width: number;
  readonly #furthest: number;
  readonly #bits: Uint32Array;
  /** One above the highest accepted counter. */
  #next = 0;

  /**
   * @param width how many counters below the highest are remembered; a multiple of 32
   * @param furthest how far a packet may be ahead of the next expected one: 1024 for a 0.19.0
   *   session, where more lost packets end the direction for good; infinity otherwise
   */
  constructor(width: number, furthest: number) {
    this.#width = width;
    this.#furthest = furthest;
    this.#bits = new Uint32Array(width / 32);
  }

  /** Whether a packet with this counter may still be accepted. */
  check(counter: number): boolean {
    if (counter >= this.#next) {
      return counter - this.#next <= this.#furthest;
    }
    return this.#next - 1 - counter < this.#width && !this.#has(counter);
  }

  /** Accepts `counter`; false when it may not be, which is what `check` says too. */
  mark(counter: number): boolean {
    if (!this.check(counter)) {
      return false;
    }
    if (counter >= this.#next) {
      this.#advance(counter);
    }
    const slot = counter % this.#width;
    (this.#bits[slot >>> 5] as number) |= 1 << (slot & 31);
    return true;
  }

  #has(counter: number): boolean {
    const slot = counter % this.#width;
    return (((this.#bits[slot >>> 5] as number) >>> (slot & 31)) & 1) === 1;
  }

  /** Moves the upper end to `counter`, clearing the slots that now stand for other counters. */
  #advance(counter: number): void {
    if (counter - this.#next >= this.#width) {
      this.#bits.fill(0);
    } else {
      for (let passed = this.#next; passed <= counter; passed += 1) {
        const slot = passed % this.#width;
        (this.#bits[slot >>> 5] as number) &= ~(1 << (slot & 31));
      }
    }
    this.#next = counter + 1;
  }
}
