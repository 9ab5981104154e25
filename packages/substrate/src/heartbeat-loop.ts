import type { RowRecord } from "@gaiaftcl/sealed-row";
import { Pause } from "./pause.js";
import type { SubstrateService } from "./substrate-service.js";

export interface HeartbeatLoopOptions {
  readonly signal: AbortSignal;
  readonly onSealed?: ((row: RowRecord) => void) | undefined;
  /** Told of a heartbeat that could not be sealed; the next one is tried all the same. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Seals a heartbeat now and then every `cadenceSeconds` of the service, until the signal aborts
 * (cell format, section 6). A late tick does not delay the ones after it.
 */
export async function runHeartbeats(
  service: SubstrateService,
  { signal, onSealed, onError }: HeartbeatLoopOptions,
): Promise<void> {
  const pause = new Pause();
  const end = (): void => pause.end();
  signal.addEventListener("abort", end, { once: true });
  const interval = service.cadenceSeconds * 1000;
  let due = performance.now();
  while (!signal.aborted) {
    try {
      // Not inside the call: its argument would not be evaluated where nobody listens.
      const row = service.heartbeat();
      onSealed?.(row);
    } catch (error) {
      onError?.(error);
    }
    // Ticks that a sleeping machine missed are not made up for.
    due = Math.max(due + interval, performance.now());
    await pause.hold(due - performance.now());
  }
  signal.removeEventListener("abort", end);
}
