/** Callbacks by due time for code without a clock: the owner asks for the next deadline and lets what is due run. */
export class Timers {
  readonly #due = new Map<number, { readonly at: number; readonly run: (now: number) => void }>();
  #nextId = 0;

  /** Runs `run` once at `at`; gives what cancels it. */
  set(at: number, run: (now: number) => void): () => void {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#due.set(id, { at, run });
    return () => {
      this.#due.delete(id);
    };
  }

  /** The earliest due time, or infinity. */
  deadline(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { at } of this.#due.values()) {
      earliest = Math.min(earliest, at);
    }
    return earliest;
  }

  /** Runs everything due at `now`, earliest first; what that sets runs at the next call. */
  tick(now: number): void {
    const ready = [...this.#due]
      .filter(([, { at }]) => at <= now)
      .sort(([, left], [, right]) => left.at - right.at);
    for (const [id, { run }] of ready) {
      // One that ran before may have cancelled this one.
      if (this.#due.delete(id)) {
        run(now);
      }
    }
  }
}
