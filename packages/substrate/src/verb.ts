import type { MeasurementPool, RunOptions } from "./measurement-pool.js";
import type { Outcome } from "./outcome.js";
import type { Substrate } from "./substrate.js";

/** What a verb works with. */
export interface VerbContext extends RunOptions {
  readonly substrate: Substrate;
  readonly pool: MeasurementPool;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** Runs one command to its outcome; what it computed is sealed whole or not at all. */
export type Verb = (args: unknown, context: VerbContext) => Promise<Outcome>;

/** A new id: what it is for, and 128 random bits. */
export function newId(context: Pick<VerbContext, "randomBytes">, prefix: string): string {
  return `${prefix}-${Buffer.from(context.randomBytes(16)).toString("hex")}`;
}
