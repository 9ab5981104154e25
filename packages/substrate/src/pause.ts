/** The waits of a loop, which others can cut short. */
export class Pause {
  #end: (() => void) | undefined;
  #isIdle = false;
  #isWoken = false;
  #isEnded = false;

  /**
   * Waits until woken, or for so long; returns at once when woken since the last wait. Does not keep
   * the process alive: there is nothing to do.
   */
  idle(ms: number): Promise<void> {
    if (this.#isWoken) {
      this.#isWoken = false;
      return Promise.resolve();
    }
    return this.#wait(ms, true);
  }

  /** Waits for so long, whoever calls `wake`. */
  hold(ms: number): Promise<void> {
    return this.#wait(ms, false);
  }

  wake(): void {
    if (this.#isIdle) this.#end?.();
    else this.#isWoken = true;
  }

  /** Ends this wait and all later ones. */
  end(): void {
    this.#isEnded = true;
    this.#end?.();
  }

  #wait(ms: number, isIdle: boolean): Promise<void> {
    if (this.#isEnded) return Promise.resolve();
    return new Promise((resolve) => {
      this.#isIdle = isIdle;
      const end = (): void => {
        clearTimeout(timer);
        this.#end = undefined;
        this.#isIdle = false;
        resolve();
      };
      const timer = setTimeout(end, ms);
      if (isIdle) timer.unref();
      this.#end = end;
    });
  }
}
