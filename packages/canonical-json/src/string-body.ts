import { Refusal } from "./refusal.js";

/** What RFC 8785 escapes in a string (section 3.2.2.2), unpaired surrogates, and a few more. */
const SPECIAL = /["\\\p{Cc}\p{Cs}]/u;

/** From this length on the built-in looks through a string faster than an expression does. */
const LONG = 128;

/**
 * From this length on a string is escaped in parts: given one of 2^28 units, the built-in of Node 26
 * runs out of memory and takes the process with it where older ones throw.
 */
export const HUGE: number = 2 ** 24;

/** What stands between the quotes (RFC 8785, 3.2.2.2). */
export function bodyOf(text: string): string {
  if (text.length < LONG && !SPECIAL.test(text)) return text;
  if (text.length >= HUGE) return bodyOfHuge(text);
  const quoted = JSON.stringify(text);
  // Every escape, that of an unpaired surrogate included, makes the text longer.
  if (quoted.length === text.length + 2) return text;
  if (!text.isWellFormed()) throw new Refusal("UNPAIRED_SURROGATE", text);
  return quoted.slice(1, -1);
}

function bodyOfHuge(text: string): string {
  if (!text.isWellFormed()) throw new Refusal("UNPAIRED_SURROGATE", text);
  let body = "";
  let start = 0;
  while (start < text.length) {
    const unit = text.charCodeAt(start + HUGE - 1);
    const isFirstHalf = unit >= 0xd800 && unit <= 0xdbff;
    const end = start + HUGE + (isFirstHalf ? 1 : 0);
    body += JSON.stringify(text.slice(start, end)).slice(1, -1);
    start = end;
  }
  return body;
}
