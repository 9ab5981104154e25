import { WitnessError } from "./witness-error.js";

/**
 * The text itself, when it has a UTF-8 form.
 *
 * @throws WitnessError `ILL_FORMED_TEXT` for a lone surrogate, `ARGUMENT` for anything but a string.
 */
export function ensureWellFormed(what: string, text: string): string {
  if (typeof text !== "string") {
    throw new WitnessError("ARGUMENT", `expected ${what} as a string, found ${typeof text}`);
  }
  if (text.isWellFormed()) return text;
  // Read by code points, a surrogate that has its partner is none.
  const offset = text.search(/\p{Surrogate}/u);
  throw new WitnessError(
    "ILL_FORMED_TEXT",
    `expected ${what} to be well-formed Unicode, found a lone surrogate at offset ${offset}`,
  );
}
