/**
 * How long a frame that is begun may stay open (cell format, section 6: a minimum rate): a grace,
 * and beyond it as long as the bytes received so far last at the minimum rate.
 */
export class FrameClock {
  readonly #graceMs: number;
  readonly #msPerByte: number;
  #openedAt: number | undefined;
  #bytes = 0;

  constructor(limits: { readonly frameGraceMs: number; readonly minBytesPerSecond: number }) {
    this.#graceMs = limits.frameGraceMs;
    this.#msPerByte = 1000 / limits.minBytesPerSecond;
  }

  /** The open frame has `bytes` bytes now; 0 where none is open. */
  observe(bytes: number, now: number): void {
    this.#bytes = bytes;
    if (bytes === 0) this.#openedAt = undefined;
    else this.#openedAt ??= now;
  }

  /** A frame is complete: what is open from here on is another one. */
  completed(): void {
    this.#openedAt = undefined;
  }

  /** Reading went on after a pause of this side, which does not count against the peer. */
  resumed(now: number): void {
    if (this.#openedAt !== undefined) this.#openedAt = now;
  }

  /** When the open frame is late, or `undefined` where none is open. */
  get deadline(): number | undefined {
    if (this.#openedAt === undefined) return undefined;
    return this.#openedAt + this.#graceMs + this.#bytes * this.#msPerByte;
  }
}
