import { SubstrateError } from "./substrate-error.js";

/** Timers take no longer one: they would fire at once. */
export const LONGEST_TIMEOUT_MS: number = 2 ** 31 - 1;

/** @throws SubstrateError `OPTION_INVALID` where the value is no integer within the bounds */
export function ensureNumber(
  name: string,
  value: number,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new SubstrateError(
    "OPTION_INVALID",
    `${name}: expected an integer from ${least} to ${most}, found ${String(value)}`,
  );
}
