import { setTimeout as delay } from "node:timers/promises";

/** Waits so long. @throws the reason of the signal, at once */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
  signal?.throwIfAborted();
}
