import type { JsonValue } from "./json-value.js";
import { isPolluted } from "./pollution.js";

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Sixteen digits may be more than 2^53 - 1, fifteen are not. */
const SAFE_DIGITS = 15;

/** A number this long may be more than a double holds even without an exponent. */
const LONG_NUMBER = 300;

/** Beyond this many units in a string, searching for its end is faster than looking at each. */
const SHORT_STRING = 24;

const CARE = -1;

/**
 * The value of a text that the built-in parser accepts and that contains nothing which it accepts
 * and cell format, section 1, refuses; undefined for every other text, which then goes to `parse`.
 *
 * One pass over the text bounds the depth before anything is built, and counts members. The built-in
 * keeps one of two equal keys, so a duplicate shows as a member that the value has not got.
 *
 * @param text without unpaired surrogates, other than escaped ones
 */
export function parseSurveyed(text: string, maxDepth: number): JsonValue | undefined {
  if (isPolluted()) return undefined;
  const members = countMembersOfText(text, maxDepth);
  if (members === CARE) return undefined;
  let value: JsonValue;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const found = isContainer(value) ? countMembersOfValue(value) : 0;
  return found === members ? value : undefined;
}

/**
 * The number of members of all objects in the text, or CARE if it nests too deeply or has a number
 * or an escape that needs care. For a text that is not JSON the answer means nothing.
 */
function countMembersOfText(text: string, maxDepth: number): number {
  const end = text.length;
  let members = 0;
  let depth = 0;
  let at = 0;
  let backslash = positionOf("\\", text, 0);
  while (at < end) {
    const unit = text.charCodeAt(at);
    at += 1;
    if (unit === SPACE) {
      while (text.charCodeAt(at) === SPACE) at += 1;
    } else if (unit === QUOTE) {
      const quote = nextQuote(text, at);
      if (quote < backslash) {
        at = quote + 1;
      } else {
        at = endOfEscapedString(text, at);
        if (at === CARE) return CARE;
        if (backslash < at) backslash = positionOf("\\", text, at);
      }
    } else if (unit === COLON) {
      members += 1;
    } else if (isDigit(unit)) {
      at = endOfNumber(text, at - 1);
      if (at === CARE) return CARE;
    } else if ((unit | 0x20) === 0x7b) {
      // [ or {
      depth += 1;
      if (depth > maxDepth) return CARE;
    } else if ((unit | 0x20) === 0x7d) {
      // ] or }
      depth -= 1;
    }
  }
  return members;
}

function nextQuote(text: string, start: number): number {
  const short = start + SHORT_STRING;
  for (let at = start; at < short; at += 1) {
    if (text.charCodeAt(at) === QUOTE) return at;
  }
  return positionOf('"', text, short);
}

/** Past everything if there is none. */
function positionOf(character: string, text: string, start: number): number {
  const at = text.indexOf(character, start);
  return at === -1 ? Number.MAX_SAFE_INTEGER : at;
}

/** Where the text goes on after a string; CARE for an escaped surrogate, paired or not. */
function endOfEscapedString(text: string, start: number): number {
  for (let at = start; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at + 1;
    if (unit === BACKSLASH) {
      at += 1;
      // \ud… or \uD…
      if (text.charCodeAt(at) === 0x75 && (text.charCodeAt(at + 1) | 0x20) === 0x64) return CARE;
    }
  }
  return CARE;
}

/** Where the text goes on after a number; CARE for an integer or exponent that may be too large. */
function endOfNumber(text: string, start: number): number {
  let at = start;
  while (isDigit(text.charCodeAt(at))) at += 1;
  if (at - start > SAFE_DIGITS) return CARE;
  if (!isFractionOrExponent(text.charCodeAt(at))) return at;
  let hasExponent = false;
  for (; ; at += 1) {
    const unit = text.charCodeAt(at);
    if (isDigit(unit) || unit === 0x2e || unit === 0x2b || unit === 0x2d) continue;
    if ((unit | 0x20) !== 0x65) break;
    hasExponent = true;
  }
  if (at - start > LONG_NUMBER) return CARE;
  return hasExponent && !Number.isFinite(Number(text.slice(start, at))) ? CARE : at;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

/** Whether this is `.`, `e` or `E`. */
function isFractionOrExponent(unit: number): boolean {
  return unit === 0x2e || (unit | 0x20) === 0x65;
}

function isContainer(
  value: JsonValue | undefined,
): value is JsonValue[] | { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null;
}

function countMembersOfValue(value: JsonValue[] | { [key: string]: JsonValue }): number {
  let members = 0;
  if (Array.isArray(value)) {
    for (const inner of value) members += isContainer(inner) ? countMembersOfValue(inner) : 0;
    return members;
  }
  for (const key in value) {
    const inner = value[key];
    members += isContainer(inner) ? 1 + countMembersOfValue(inner) : 1;
  }
  return members;
}
