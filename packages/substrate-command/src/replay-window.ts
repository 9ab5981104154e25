/**
 * Remembers the nonces of the commands accepted lately, so that a recorded command cannot be played
 * back while its time stamp is still good. The window is the same for time and memory: an entry
 * older than the window would be refused for its age, so it need not be remembered.
 */
export class ReplayWindow {
  readonly #windowMs: number;
  readonly #seen = new Map<string, number>();

  /** @param windowMs how far, in milliseconds, an `issuedAtMs` may lie from the clock on either side */
  constructor(windowMs = 60_000) {
    this.#windowMs = windowMs;
  }

  /** The number of nonces held. */
  get size(): number {
    return this.#seen.size;
  }

  /** Whether a command may run: its time lies within the window of `nowMs` and its nonce is new. */
  admit(nonce: string, issuedAtMs: number, nowMs: number): "admitted" | "expired" | "replayed" {
    this.#forget(nowMs);
    if (Math.abs(nowMs - issuedAtMs) > this.#windowMs) return "expired";
    if (this.#seen.has(nonce)) return "replayed";
    this.#seen.set(nonce, Math.max(issuedAtMs, nowMs));
    return "admitted";
  }

  // Entries are in order of admission, which is the order of their times but for the skew of the
  // sender's clock; an entry kept a little longer does no harm, one dropped too early would.
  #forget(nowMs: number): void {
    for (const [nonce, at] of this.#seen) {
      if (nowMs - at <= this.#windowMs) return;
      this.#seen.delete(nonce);
    }
  }
}
