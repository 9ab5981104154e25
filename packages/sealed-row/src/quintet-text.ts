import { decode } from "@gaiaftcl/canonical-json";
import { isSha256Hex } from "@gaiaftcl/witness";
import { messageOf } from "./row-witness.js";

/** Five entries of 64 digits with quotes, commas and brackets take 336; the rest is blanks. */
const LONGEST = 1024;

export type QuintetText =
  | { readonly entries: readonly string[]; readonly problem?: undefined }
  | { readonly problem: string };

/**
 * Reads `signature_quintet` of a row: the JSON text of an array of exactly five strings of 64
 * lower-case hex digits (cell format, section 2). Blanks between the entries are allowed.
 */
export function readQuintet(text: string): QuintetText {
  let value: unknown;
  try {
    value = decode(text, { maxDepth: 2, maxBytes: LONGEST });
  } catch (cause) {
    return { problem: `signature_quintet is no JSON array of five strings: ${messageOf(cause)}` };
  }
  if (!Array.isArray(value) || value.length !== 5) {
    return { problem: "expected an array of exactly five strings in signature_quintet" };
  }
  const wrong = value.findIndex((entry) => typeof entry !== "string" || !isSha256Hex(entry));
  if (wrong >= 0) {
    return {
      problem: `expected 64 lower-case hex digits at position ${wrong} of signature_quintet, found ${JSON.stringify(value[wrong]).slice(0, 80)}`,
    };
  }
  return { entries: value };
}
