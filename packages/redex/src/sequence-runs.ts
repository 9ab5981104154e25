import { RedexError } from "./redex-error.js";

/** The largest sequence number there is. */
export const MAX_SEQ = 0xffff_ffff_ffff_ffffn;

/**
 * Which sequence number the event at each position of a log has. Numbers are consecutive except
 * where damage left a hole, so they are kept as runs: one, in a log that was never damaged.
 */
export class SequenceRuns {
  /** The position each run begins at, and its first number. */
  #starts: number[] = [];
  #seqs: bigint[] = [];
  #end = 0;
  #ascending = true;
  #expectedLow = -1;
  #expectedHigh = -1;

  /** One past the last position. */
  get end(): number {
    return this.#end;
  }

  /** How many times a number does not follow the one before. */
  get breaks(): number {
    return Math.max(0, this.#starts.length - 1);
  }

  /** Whether every number is larger than the one before: always, unless an index was damaged. */
  get ascending(): boolean {
    return this.#ascending;
  }

  /** Adds `count` positions (at least 1) numbered from `seq` on. */
  push(seq: bigint, count = 1): void {
    const last = this.#seqs.length - 1;
    const expected = last < 0 ? undefined : this.seqAt(this.#end - 1) + 1n;
    if (seq !== expected) {
      if (expected !== undefined && seq < expected) this.#ascending = false;
      this.#starts.push(this.#end);
      this.#seqs.push(seq);
    }
    this.extend(count);
  }

  /** Adds positions that continue the last run: the way of every append but the first. */
  extend(count: number): void {
    this.#end += count;
    this.#expectedLow = -1;
  }

  /** `push` of a number in two 32-bit words, without making a bigint of each in a long run. */
  pushWords(low: number, high: number): void {
    if (low === this.#expectedLow && high === this.#expectedHigh) {
      this.#end += 1;
    } else {
      this.push((BigInt(high) << 32n) | BigInt(low));
      this.#expectedLow = low;
      this.#expectedHigh = high;
    }
    // After the largest number of all nothing is consecutive.
    this.#expectedLow = low === 0xffff_ffff && high === 0xffff_ffff ? -1 : (low + 1) >>> 0;
    this.#expectedHigh = this.#expectedLow === 0 ? high + 1 : high;
  }

  /** The number of the event at `position`, which must be retained. */
  seqAt(position: number): bigint {
    const run = this.#seqs.length === 1 ? 0 : this.#runOf(position);
    return (this.#seqs[run] as bigint) + BigInt(position - (this.#starts[run] as number));
  }

  /**
   * The first position at `from` or later whose number is at least `seq`, and `end` where there is
   * none. Where numbers are not ascending that is not all that counts, and the caller must filter.
   */
  lowerBound(seq: bigint, from: number): number {
    let low = from;
    let high = this.#end;
    if (!this.#ascending) {
      while (low < high && this.seqAt(low) < seq) low += 1;
      return low;
    }
    while (low < high) {
      const middle = low + Math.floor((high - low) / 2);
      if (this.seqAt(middle) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Forgets what lies before `position`. */
  dropBefore(position: number): void {
    let runs = 0;
    while (runs + 1 < this.#starts.length && (this.#starts[runs + 1] as number) <= position) {
      runs += 1;
    }
    if (runs === 0) return;
    this.#starts = this.#starts.slice(runs);
    this.#seqs = this.#seqs.slice(runs);
  }

  #runOf(position: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] as number) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** A sequence number as a bigint. @throws RedexError `INVALID_OPTION` where it is none */
export function ensureSequence(context: string, value: bigint | number): bigint {
  const seq = typeof value === "bigint" ? value : Number.isSafeInteger(value) ? BigInt(value) : -1n;
  if (seq >= 0n && seq <= MAX_SEQ) return seq;
  throw new RedexError(
    "INVALID_OPTION",
    context,
    `a sequence number must be from 0 to 2^64 - 1 (a number, at most 2^53 - 1), not ${String(value)}`,
  );
}
