/**
 * A promise around an operation that calls back, with a signal that gives it up.
 *
 * @param start begins, and returns what cancels
 */
export async function operation<T>(
  signal: AbortSignal | undefined,
  start: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
): Promise<T> {
  signal?.throwIfAborted();
  let cancel = (): void => undefined;
  let aborted = (): void => undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      aborted = (): void => {
        reject(signal?.reason);
        cancel();
      };
      signal?.addEventListener("abort", aborted, { once: true });
      cancel = start(resolve, reject);
    });
  } finally {
    signal?.removeEventListener("abort", aborted);
  }
}
