/** Promises that wait for something named to happen. */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next `wake` of `key`; rejects when the signal aborts. */
  async wait(key: string, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const set = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, set);
      const stop = (): void => {
        signal?.removeEventListener("abort", aborted);
        set.delete(woken);
        if (set.size === 0 && this.#waiting.get(key) === set) {
          this.#waiting.delete(key);
        }
      };
      const woken = (): void => {
        stop();
        resolve();
      };
      const aborted = (): void => {
        stop();
        reject(signal?.reason);
      };
      set.add(woken);
      signal?.addEventListener("abort", aborted, { once: true });
    });
  }

  wake(key: string): void {
    for (const woken of [...(this.#waiting.get(key) ?? [])]) {
      woken();
    }
  }

  /** Wakes every key that begins so. */
  wakeAll(prefix: string): void {
    for (const key of [...this.#waiting.keys()]) {
      if (key.startsWith(prefix)) {
        this.wake(key);
      }
    }
  }
}
