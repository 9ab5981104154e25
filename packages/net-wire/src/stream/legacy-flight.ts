/**
 * A 0.19.0 node asks its system for 256 KiB of socket buffer, which full packets fill at 30, and the
 * grants that others send it take their part. Each stream's window keeps within that; those of
 * several streams together do not, and what does not fit is lost for good.
 */
const MOST_BYTES = 128 * 1024;
/** The system counts a small packet for far more than its bytes. */
const MOST_PACKETS = 256;
/** Without a grant for so long, what was under way is taken for lost, or for granted to nobody. */
const PATIENCE_MS = 1000;

/** What is under way to a 0.19.0 node over all credited streams of a session. */
export class LegacyFlight {
  #bytes = 0;
  #packets = 0;
  #progressAt = 0;

  /** Whether one more packet may leave now. */
  admits(now: number): boolean {
    if (this.#bytes < MOST_BYTES && this.#packets < MOST_PACKETS) return true;
    if (now < this.patientUntil) return false;
    this.#bytes = 0;
    this.#packets = 0;
    return true;
  }

  /** When `admits` says yes again even if nothing arrives. */
  get patientUntil(): number {
    return this.#progressAt + PATIENCE_MS;
  }

  sent(cost: number, now: number): void {
    if (this.#packets === 0) this.#progressAt = now;
    this.#bytes += cost;
    this.#packets += 1;
  }

  /** One grant, which 0.19.0 sends for each packet. */
  granted(bytes: number, now: number): void {
    if (bytes > 0) {
      this.#progressAt = now;
      this.#bytes = Math.max(0, this.#bytes - bytes);
      this.#packets = this.#bytes === 0 ? 0 : Math.max(0, this.#packets - 1);
    }
  }
}
