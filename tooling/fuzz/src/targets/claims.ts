import { deepStrictEqual } from "node:assert/strict";

type ErrorClass = abstract new (...args: never[]) => Error;

/**
 * What `decode` gives, or undefined when it refuses with an error of its package. Any other error is a
 * finding.
 */
export function unlessRefused<T>(refusal: ErrorClass, decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof refusal) return undefined;
    throw error;
  }
}

/** Claims that two values mean the same; the message names what was compared. */
export function claimSame(actual: unknown, expected: unknown, what: string): void {
  try {
    deepStrictEqual(readable(actual), readable(expected));
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function claim(holds: boolean, what: string): void {
  if (!holds) throw new Error(`does not hold: ${what}`);
}

/**
 * Claims that what was decoded encodes to bytes that decode to the same: an encoding is never refused, and
 * a value survives the way.
 */
export function claimStable<T>(
  value: T,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T | undefined,
): void {
  claimSame(decode(encode(value)), value, "a decoded value is not what its encoding decodes to");
}

/** Bytes as hexadecimal, whichever class they are of. */
function readable(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}
