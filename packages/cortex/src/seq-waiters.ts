import { aborted, CortexError } from "./cortex-error.js";
import { SortedList } from "./sorted-list.js";

/** A timer for longer than this fires at once. */
const longestTimer = 0x7fff_ffff;

interface Waiter {
  readonly seq: bigint;
  readonly ordinal: number;
  settle(error?: CortexError): void;
}

/** Those who wait until a position has been reached. */
export class SeqWaiters {
  readonly #waiters = new SortedList<Waiter>((a, b) =>
    a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : a.ordinal - b.ordinal,
  );
  #ordinals = 0;

  get size(): number {
    return this.#waiters.size;
  }

  /** Resolves when `reached` is called with `seq` or more; rejects on abort or past the deadline. */
  wait(
    seq: bigint,
    doing: string,
    options: { readonly signal?: AbortSignal | undefined; readonly deadlineMs?: number },
  ): Promise<void> {
    const { signal, deadlineMs } = options;
    if (signal?.aborted === true) return Promise.reject(aborted(signal, doing));
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const abort = (): void => {
        if (signal !== undefined) waiter.settle(aborted(signal, doing));
      };
      const waiter: Waiter = {
        seq,
        ordinal: this.#ordinals++,
        settle: (error) => {
          this.#waiters.delete(waiter);
          clearTimeout(timer);
          signal?.removeEventListener("abort", abort);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      this.#waiters.add(waiter);
      signal?.addEventListener("abort", abort, { once: true });
      if (deadlineMs !== undefined) {
        timer = setTimeout(
          () => {
            waiter.settle(new CortexError("TIMEOUT", `${doing}: read-your-writes wait timed out`));
          },
          Math.min(deadlineMs, longestTimer),
        );
      }
    });
  }

  reached(seq: bigint): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#upTo((other) => other <= seq)) waiter.settle();
  }

  /** Ends every wait with the error made for it. */
  fail(error: () => CortexError): void {
    for (const waiter of this.#upTo(() => true)) waiter.settle(error());
  }

  #upTo(due: (seq: bigint) => boolean): Waiter[] {
    const waiters: Waiter[] = [];
    this.#waiters.visit(
      false,
      ({ seq }) => (due(seq) ? 0 : 1),
      (chunk, from, to) => {
        waiters.push(...chunk.slice(from, to));
        return true;
      },
    );
    return waiters;
  }
}
