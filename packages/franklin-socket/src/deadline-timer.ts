/**
 * One timer for a deadline that moves often. It is set anew only when the deadline comes nearer;
 * when it fires too early, its owner looks at the deadline again.
 */
export class DeadlineTimer {
  readonly #now: () => number;
  readonly #onTime: () => void;
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Number.POSITIVE_INFINITY;
  #isStopped = false;

  constructor(now: () => number, onTime: () => void) {
    this.#now = now;
    this.#onTime = onTime;
  }

  /** Calls back at the deadline at the latest; `undefined` needs no call. */
  arm(deadline: number | undefined): void {
    if (this.#isStopped || deadline === undefined || deadline >= this.#firesAt) return;
    clearTimeout(this.#timer);
    this.#firesAt = deadline;
    this.#timer = setTimeout(() => this.#fire(), Math.max(1, Math.ceil(deadline - this.#now())));
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #fire(): void {
    this.#firesAt = Number.POSITIVE_INFINITY;
    // What arrived while this process was busy is read before anyone is called late.
    setImmediate(() => {
      if (!this.#isStopped) this.#onTime();
    });
  }
}
