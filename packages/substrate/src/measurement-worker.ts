import { parentPort } from "node:worker_threads";
import { type Measurement, measure, type NonceRange } from "./measurement.js";

/** What the pool posts to a worker thread, one task at a time. */
export interface MeasurementTask {
  readonly ranges: readonly NonceRange[];
}

/** What a worker thread posts back: progress, then one of the others. */
export type MeasurementReply =
  | { readonly nonces: number }
  | { readonly measurements: readonly Measurement[] }
  | { readonly failure: string };

parentPort?.on("message", (task: MeasurementTask) => {
  const reply = (message: MeasurementReply): void => parentPort?.postMessage(message);
  try {
    const measurements = task.ranges.map((range) => measure(range, (nonces) => reply({ nonces })));
    reply({ measurements });
  } catch (error) {
    reply({ failure: error instanceof Error ? error.message : String(error) });
  }
});
