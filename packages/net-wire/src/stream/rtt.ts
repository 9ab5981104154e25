/** Resolution below which timers are not trusted (RFC 9002, section 6.1.2), milliseconds. */
const GRANULARITY = 1;
/** How long a peer may keep an acknowledgement back, and a busy event loop its timers. */
const MAX_ACK_DELAY = 25;

/** Round-trip time as RFC 9002, section 5, estimates it. Milliseconds. */
export class RoundTrip {
  smoothed: number;
  #variation: number;
  #latest: number;
  #least = Number.POSITIVE_INFINITY;
  #sampled = false;

  constructor(initial: number) {
    this.smoothed = initial;
    this.#latest = initial;
    this.#variation = initial / 2;
  }

  sample(measured: number, ackDelay: number): void {
    this.#latest = measured;
    this.#least = Math.min(this.#least, measured);
    if (!this.#sampled) {
      this.#sampled = true;
      this.smoothed = measured;
      this.#variation = measured / 2;
      return;
    }
    const delay = Math.min(ackDelay, MAX_ACK_DELAY);
    const adjusted = measured >= this.#least + delay ? measured - delay : measured;
    this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.smoothed - adjusted);
    this.smoothed = 0.875 * this.smoothed + 0.125 * adjusted;
  }

  /** After how long a packet older than an acknowledged one counts as lost. */
  lossDelay(factor: number): number {
    return Math.max(GRANULARITY, factor * Math.max(this.smoothed, this.#latest));
  }

  /** Probe timeout without back-off (section 6.2.1). */
  get probeTimeout(): number {
    return this.smoothed + Math.max(4 * this.#variation, GRANULARITY) + MAX_ACK_DELAY;
  }
}
