import type { FilterVerdict } from "./event-batch.js";

/**
 * The receive filter of reliable streams (Net transport format, section 8.4): which sequences have
 * been seen, up to 64 beyond the first missing one.
 */
export class ReceiveFilter {
  #next = 0n;
  #sack = 0n;

  receive(sequence: bigint): FilterVerdict {
    if (sequence < this.#next) return "duplicate";
    if (sequence === this.#next) {
      this.#next += 1n;
      if (this.#sack !== 0n) {
        while ((this.#sack & 1n) === 1n) {
          this.#next += 1n;
          this.#sack >>= 1n;
        }
        this.#sack >>= 1n;
      }
      return "accepted";
    }
    const ahead = sequence - this.#next;
    if (ahead > 64n) return "refused";
    const bit = 1n << (ahead - 1n);
    if ((this.#sack & bit) !== 0n) return "duplicate";
    this.#sack |= bit;
    return "accepted";
  }

  /**
   * What a NACK would say (section 8.5): the first missing sequence, and a bit for each further
   * missing one below the highest received. Undefined when nothing is missing.
   */
  missing(): { readonly nextExpected: bigint; readonly bitmap: bigint } | undefined {
    if (this.#sack === 0n) return undefined;
    const mask = (1n << BigInt(this.#sack.toString(2).length)) - 1n;
    return { nextExpected: this.#next, bitmap: ~this.#sack & mask };
  }
}
