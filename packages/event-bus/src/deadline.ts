import { aborted, EventBusError } from "./event-bus-error.js";

/** The result of `work`, unless its time is up or the signal is aborted first. */
export async function before<T>(
  work: Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
  doing: string,
): Promise<T> {
  let settle = (): void => undefined;
  const ended = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(aborted(signal, doing));
    const timer = setTimeout(() => {
      reject(new EventBusError("TIMEOUT", `${doing} took longer than ${timeoutMs} ms`));
    }, timeoutMs);
    signal.addEventListener("abort", onAbort);
    settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    settle();
  }
}
