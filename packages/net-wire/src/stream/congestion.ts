import { MAX_PACKET_BYTES } from "../packet-header.js";

const INITIAL_WINDOW = 10 * MAX_PACKET_BYTES;
const MINIMUM_WINDOW = 2 * MAX_PACKET_BYTES;
/** RFC 9002 halves; a packet of 8 KiB is easily lost, and CUBIC's gentler cut is as safe. */
const LOSS_REDUCTION = 0.7;
/** Sent in one go when the pacer has saved it up. */
const BURST = 16 * MAX_PACKET_BYTES;
const PACING_GAIN = 1.25;
/** Timers are no finer than this many milliseconds, so neither is the pacer. */
const PACING_GRAIN = 2;

/** NewReno (RFC 9002, section 7) with a token bucket as the pacer (section 7.7). */
export class Congestion {
  window: number = INITIAL_WINDOW;
  inFlight = 0;
  /** The last attempt to send stopped at the window, so that growing it makes sense. */
  limited = false;

  readonly #most: number;
  #slowStartThreshold = Number.POSITIVE_INFINITY;
  #recoveryStart = Number.NEGATIVE_INFINITY;
  #tokens: number = BURST;
  #tokensAt = Number.NEGATIVE_INFINITY;
  #paced = Number.POSITIVE_INFINITY;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether `size` more bytes may go now; when the pacer says no, `pacedUntil` says when. */
  admits(size: number, now: number, smoothedRtt: number): boolean {
    this.#paced = Number.POSITIVE_INFINITY;
    if (this.inFlight + size > this.window && this.inFlight > 0) {
      this.limited = true;
      return false;
    }
    const rate = (PACING_GAIN * this.window) / Math.max(smoothedRtt, 0.01);
    const most = Math.max(BURST, rate * PACING_GRAIN);
    if (now > this.#tokensAt) {
      const gained = (now - this.#tokensAt) * rate;
      this.#tokens = Math.min(most, this.#tokens + gained);
      this.#tokensAt = now;
    }
    if (this.#tokens >= size) return true;
    this.#paced = now + Math.max((size - this.#tokens) / rate, 0.1);
    return false;
  }

  /** When the pacer that refused has room; Infinity when it was not the pacer. */
  get pacedUntil(): number {
    return this.#paced;
  }

  sent(size: number): void {
    this.inFlight += size;
    this.#tokens = Math.max(0, this.#tokens - size);
  }

  acknowledged(size: number, sentAt: number): void {
    this.inFlight -= size;
    if (sentAt <= this.#recoveryStart || !this.limited) return;
    const grown =
      this.window < this.#slowStartThreshold
        ? this.window + size
        : this.window + (MAX_PACKET_BYTES * size) / this.window;
    this.window = Math.min(grown, this.#most);
  }

  /** `persistent`: nothing got through for several probe timeouts (section 7.6). */
  lost(size: number, sentAt: number, now: number, persistent: boolean): void {
    this.inFlight -= size;
    if (sentAt > this.#recoveryStart) {
      this.#recoveryStart = now;
      this.window = Math.max(MINIMUM_WINDOW, this.window * LOSS_REDUCTION);
      this.#slowStartThreshold = this.window;
    }
    if (persistent) this.window = MINIMUM_WINDOW;
  }
}
