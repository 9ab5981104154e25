/**
 * Time as far as the clients are to answer for it: it advances by at most two intervals at once.
 * A process that was suspended, or too busy to look at its sockets, does not hold its own absence
 * against the clients.
 */
export class PatientClock {
  readonly #longestStep: number;
  #seen: number;
  #time = 0;

  /** `interval`: how often `advance` is meant to be called; `now`: the real time. Milliseconds. */
  constructor(interval: number, now: number) {
    this.#longestStep = 2 * interval;
    this.#seen = now;
  }

  /** Takes note of the real time and returns the clients' time. */
  advance(now: number): number {
    this.#time += Math.max(0, Math.min(now - this.#seen, this.#longestStep));
    this.#seen = now;
    return this.#time;
  }
}
