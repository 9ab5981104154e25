import { decode } from "@gaiaftcl/canonical-json";
import { isSha256Hex } from "@gaiaftcl/witness";
import { messageOf } from "./row-witness.js";

/** Five entries of 64 digits with quotes, commas and brackets take 336; the rest is blanks. */
const LONGEST = 1024;

/** What stands around the entries of a quintet without blanks. */
export interface QuintetForm {
  readonly open: string;
  readonly between: string;
  readonly close: string;
  /** With five hashes in it. */
  readonly length: number;
}

/** The JSON text of a quintet, as it stands in the column of a row. */
export const QUINTET_FORM: QuintetForm = formOf('["', '","', '"]');

/** The same text as it stands in JSON itself, its quotation marks escaped. */
export const QUOTED_QUINTET_FORM: QuintetForm = formOf('"[\\"', '\\",\\"', '\\"]"');

function formOf(open: string, between: string, close: string): QuintetForm {
  const length = open.length + 5 * 64 + 4 * between.length + close.length;
  return { open, between, close, length };
}

/** Whether a text is the quintet of these facets in that form, to the letter. */
export function isQuintetOf(text: string, facets: readonly string[], form: QuintetForm): boolean {
  if (text.length !== form.length) return false;
  let label = form.open;
  let from = 0;
  for (const facet of facets) {
    const to = from + label.length;
    if (text.substring(from, to) !== label) return false;
    from = to + facet.length;
    if (text.substring(to, from) !== facet) return false;
    label = form.between;
  }
  return text.substring(from) === form.close;
}

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
