import type { RowValue } from "@gaiaftcl/sealed-row";

/** What bytes that are no UTF-8 are shown as; two different files would then read alike. */
export const REPLACEMENT = "\uFFFD";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Turns pairs of a value and whether it is text, with texts as their bytes, into values: text where
 * the bytes are UTF-8, the bytes themselves where they are not.
 */
export function exactValues(pairs: readonly RowValue[]): RowValue[] {
  const values: RowValue[] = [];
  for (let index = 0; index < pairs.length; index += 2) {
    const value = pairs[index] ?? null;
    const isText = pairs[index + 1] === 1n;
    values.push(isText && value instanceof Uint8Array ? decoded(value) : value);
  }
  return values;
}

function decoded(bytes: Uint8Array): RowValue {
  try {
    return strict.decode(bytes);
  } catch {
    return bytes;
  }
}
