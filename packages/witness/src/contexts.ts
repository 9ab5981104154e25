import { quote, WitnessError } from "./witness-error.js";

/** The five federation contexts, in the order of a quintet (cell format, section 2). */
export const CONTEXTS = [
  "cell_id",
  "domain_id",
  "lean_artifact_path",
  "payload_sha256",
  "tau_block",
] as const;

/** One of the five things a quintet binds; each has its own key. */
export type FederationContext = (typeof CONTEXTS)[number];

/** One value for each context, in their order. */
export type Quintet<Value> = readonly [Value, Value, Value, Value, Value];

/** Whether a value names a federation context. */
export function isFederationContext(value: unknown): value is FederationContext {
  return CONTEXTS.some((context) => context === value);
}

/**
 * The position of a context in a quintet.
 *
 * @throws WitnessError `CONTEXT`
 */
export function positionOf(context: FederationContext): number {
  const position = CONTEXTS.indexOf(context);
  if (position !== -1) return position;
  const found = typeof context === "string" ? quote(context) : typeof context;
  throw new WitnessError("CONTEXT", `expected one of ${CONTEXTS.join(", ")}, found ${found}`);
}
