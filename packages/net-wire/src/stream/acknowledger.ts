import type { ControlWriter } from "./control-frames.js";
import { RangeSet } from "./range-set.js";

/** Longest time an acknowledgement is kept back, milliseconds. */
export const ACK_DELAY = 10;
const ACK_EVERY = 16;
/** More than one message names: losses leave holes in the counters that never close. */
const REMEMBERED_RANGES = 256;

/** Which packet counters have arrived, and when the peer has to be told. */
export class Acknowledger {
  readonly #received = new RangeSet(REMEMBERED_RANGES, "forget");
  #highestAt = 0;
  #unanswered = 0;
  #due = Number.POSITIVE_INFINITY;

  note(counter: number, eliciting: boolean, atOnce: boolean, now: number): void {
    const { highest } = this.#received;
    this.#received.add(counter);
    if (counter > highest) this.#highestAt = now;
    if (!eliciting) return;
    this.#unanswered += 1;
    const inOrder = counter === highest + 1 || highest === -1;
    if (atOnce || !inOrder || this.#unanswered >= ACK_EVERY) this.#due = now;
    else this.#due = Math.min(this.#due, now + ACK_DELAY);
  }

  /** Whether something arrived that has not been acknowledged. */
  get pending(): boolean {
    return this.#unanswered > 0;
  }

  deadline(): number {
    return this.#due;
  }

  write(writer: ControlWriter, now: number): void {
    writer.acknowledge(this.#received, now - this.#highestAt);
    this.#unanswered = 0;
    this.#due = Number.POSITIVE_INFINITY;
  }
}
