import { encodeOrdered } from "./ordered-copy.js";
import { writeText } from "./text-writer.js";

/**
 * The RFC 8785 text of a value: keys in the order of their UTF-16 units, no white space, numbers as
 * ECMAScript writes them, only what must be escaped escaped (cell format, section 1).
 *
 * Takes null, booleans, finite numbers, `bigint` (written as its digits), well-formed strings, arrays,
 * and objects with `Object.prototype` or no prototype, up to 64 levels. A property whose value is
 * `undefined` is left out, as are properties keyed by a symbol and those not enumerable. Getters are
 * read once; no `toJSON` is called.
 *
 * @throws {CanonicalJsonError} for everything else, with the `path` to it
 */
export function encode(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    const text = tryOrdered(value);
    if (text !== undefined) return text;
  }
  return writeText(value, false);
}

/**
 * The text of a value that JCS, Python (`sort_keys=True, separators=(",", ":"), ensure_ascii=False`)
 * and Swift (`.sortedKeys, .withoutEscapingSlashes`) write as the same bytes: the one to hash or sign
 * (cell format, section 1). Where it succeeds, it equals {@link encode}.
 *
 * On top of what {@link encode} asks: keys match `[A-Za-z0-9_.:/@+-]*`, no two keys of one object
 * sort differently by byte, by UTF-16 unit, or by a numeric case-insensitive comparison, and numbers
 * are integers between -(2^53 - 1) and 2^53 - 1. Fractions travel as decimal text.
 *
 * @throws {CanonicalJsonError} for everything else, with the `path` to it
 */
export function encodePortable(value: unknown): string {
  return writeText(value, true);
}

/** {@link encode} in UTF-8. */
export function encodeBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(encode(value));
}

/** {@link encodePortable} in UTF-8. */
export function encodePortableBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(encodePortable(value));
}

/** Whatever goes wrong on the short way is reported by the long one, with its path. */
function tryOrdered(value: object): string | undefined {
  try {
    return encodeOrdered(value);
  } catch {
    return undefined;
  }
}
