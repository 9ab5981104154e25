import { CanonicalJsonError } from "./canonical-json-error.js";
import { encode } from "./encode.js";
import type { JsonValue } from "./json-value.js";
import { parse } from "./parser.js";
import { parseSurveyed } from "./survey.js";
import { decodeUtf8, utf8Length } from "./utf8.js";

export interface DecodeOptions {
  /** How many levels of arrays and objects to accept, from 0 to 1,024. Unless given, 64. */
  readonly maxDepth?: number | undefined;
  /** How many bytes of UTF-8 to accept, below 512 MiB. Unless given, 16 MiB. */
  readonly maxBytes?: number | undefined;
  /** What to do with integers outside -(2^53 - 1) to 2^53 - 1. Unless given, refuse them. */
  readonly bigints?: "refuse" | "bigint" | undefined;
  /** Accept only the bytes that {@link encode} produces. */
  readonly canonical?: boolean | undefined;
}

const DEFAULT_MAX_DEPTH = 64;
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/** Deeper inputs would need more of the stack than may be left. */
const LARGEST_MAX_DEPTH = 1024;

/** The length of the longest string of the engine behind Node and Chromium. */
const LARGEST_MAX_BYTES = 2 ** 29 - 24;

/**
 * Decodes JSON that nobody vouches for (cell format, section 1). What it accepts, `JSON.parse`
 * accepts with the same result; what two parsers might understand differently, it refuses.
 *
 * An integer is a number written without fraction and exponent; `1.0` and `1e2` are doubles, as they
 * are to `JSON.parse`. `__proto__` is an ordinary key. Offsets count bytes, also for a string, which
 * is taken as the UTF-8 that it would be.
 *
 * @throws {CanonicalJsonError} with a `DecodeErrorCode` and, unless it is about the call, the `offset`
 */
export function decode(input: Uint8Array | string, options: DecodeOptions = {}): JsonValue {
  const limits = checkOptions(options);
  const text = textOf(input, limits.maxBytes);
  const value = parseSurveyed(text, limits.maxDepth) ?? parse(text, limits);
  if (options.canonical === true) ensureCanonical(value, text);
  return value;
}

interface Limits {
  readonly maxDepth: number;
  readonly maxBytes: number;
  readonly bigints: boolean;
}

function checkOptions(options: DecodeOptions): Limits {
  const {
    maxDepth = DEFAULT_MAX_DEPTH,
    maxBytes = DEFAULT_MAX_BYTES,
    bigints = "refuse",
    canonical = false,
  } = options;
  ensureOption("maxDepth", maxDepth, isIntegerUpTo(maxDepth, LARGEST_MAX_DEPTH));
  ensureOption("maxBytes", maxBytes, isIntegerUpTo(maxBytes, LARGEST_MAX_BYTES));
  ensureOption("bigints", bigints, bigints === "refuse" || bigints === "bigint");
  ensureOption("canonical", canonical, typeof canonical === "boolean");
  return { maxDepth, maxBytes, bigints: bigints === "bigint" };
}

function isIntegerUpTo(value: number, largest: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= largest;
}

const OPTION_VALUES = {
  maxDepth: `an integer from 0 to ${LARGEST_MAX_DEPTH}`,
  maxBytes: `an integer from 0 to ${LARGEST_MAX_BYTES}`,
  bigints: '"refuse" or "bigint"',
  canonical: "true or false",
} as const;

function ensureOption(name: keyof typeof OPTION_VALUES, value: unknown, valid: boolean): void {
  if (valid) return;
  throw new CanonicalJsonError(
    "INVALID_OPTION",
    `expected option ${name} to be ${OPTION_VALUES[name]}, found ${String(value)}`,
  );
}

function textOf(input: Uint8Array | string, maxBytes: number): string {
  if (typeof input !== "string" && !isUint8Array(input)) {
    throw new CanonicalJsonError(
      "INVALID_INPUT",
      `expected a Uint8Array or a string, found ${typeof input}; read a stream or buffer first`,
    );
  }
  ensureSize(input, maxBytes);
  const text = decodeUtf8(input);
  if (text.startsWith("\ufeff")) {
    throw new CanonicalJsonError(
      "BYTE_ORDER_MARK",
      "expected JSON, found a byte-order mark at byte 0; remove it where the text is written",
      { offset: 0 },
    );
  }
  return text;
}

/** By its tag, so that an array from another realm, such as a frame or a context, is one as well. */
function isUint8Array(input: unknown): input is Uint8Array {
  return (
    ArrayBuffer.isView(input) && Object.prototype.toString.call(input) === "[object Uint8Array]"
  );
}

function ensureSize(input: Uint8Array | string, maxBytes: number): void {
  const atLeast = input.length;
  const atMost = typeof input === "string" ? 3 * input.length : input.length;
  if (atMost <= maxBytes) return;
  const size = typeof input === "string" && atLeast <= maxBytes ? utf8Length(input) : atLeast;
  if (size <= maxBytes) return;
  throw new CanonicalJsonError(
    "TOO_LARGE",
    `expected at most ${maxBytes} bytes, found at least ${size}; raise maxBytes if that is intended`,
    { offset: maxBytes },
  );
}

function ensureCanonical(value: JsonValue, text: string): void {
  let canonical: string;
  try {
    canonical = encode(value);
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw new CanonicalJsonError("NOT_CANONICAL", `expected canonical JSON: ${cause.message}`, {
      offset: 0,
      cause,
    });
  }
  if (canonical === text) return;
  let at = 0;
  while (canonical.charCodeAt(at) === text.charCodeAt(at)) at += 1;
  const offset = utf8Length(text, at);
  throw new CanonicalJsonError(
    "NOT_CANONICAL",
    `expected canonical JSON, which has ${quoteUnit(canonical, at)} where byte ${offset} has ${quoteUnit(text, at)}`,
    { offset },
  );
}

function quoteUnit(text: string, at: number): string {
  return at < text.length ? JSON.stringify(text.charAt(at)) : "its end";
}
