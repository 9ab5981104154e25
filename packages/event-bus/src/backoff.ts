/** How failed deliveries are tried again. */
export interface RetryOptions {
  /** Attempts in all before a batch is given up; default: no limit. */
  readonly attempts?: number;
  /** The first pause, doubled after each failure; default 100 ms. */
  readonly baseDelayMs?: number;
  /** The longest pause; default 3,200 ms. */
  readonly maxDelayMs?: number;
}

export interface RetryPolicy {
  readonly attempts: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
}

/**
 * The pause after failed attempt number `attempt` (1 is the first): doubling, and spread by up to a
 * quarter so that shards do not return in step. The same for the same shard and attempt.
 */
export function delayAfter(policy: RetryPolicy, shard: number, attempt: number): number {
  const doublings = Math.min(attempt - 1, 30);
  const delay = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** doublings);
  const spread = (Math.imul(shard * 31 + attempt, 0x9e37_79b1) >>> 0) / 0xffff_ffff;
  return delay * (0.75 + spread / 2);
}

/** A pause that can be cut short from outside; one at a time. */
export class Pause {
  #wake: (() => void) | undefined;

  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#wake?.(), milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }

  end(): void {
    this.#wake?.();
  }
}

/** Resolves after a while, or as soon as the signal is aborted. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  const pause = new Pause();
  const end = (): void => pause.end();
  signal.addEventListener("abort", end);
  if (!signal.aborted) await pause.wait(milliseconds);
  signal.removeEventListener("abort", end);
}
