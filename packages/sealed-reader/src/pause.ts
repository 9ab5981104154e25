/**
 * Waits so long, or until `wake` settles if that comes first.
 *
 * @throws the reason of the signal, at once
 */
export async function pause(
  milliseconds: number,
  signal: AbortSignal | undefined,
  wake?: Promise<void>,
): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", settle);
      if (signal?.aborted === true) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(settle, milliseconds);
    signal?.addEventListener("abort", settle, { once: true });
    void wake?.then(settle);
  });
}
