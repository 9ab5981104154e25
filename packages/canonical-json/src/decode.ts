import { CanonicalJsonError } from "./canonical-json-error.js";
import { encode } from "./encode.js";
import type { JsonValue } from "./json-value.js";
import { parse } from "./parser.js";
import { findInvalidUtf8, findUnpairedSurrogate, utf8Length } from "./utf8.js";

export interface DecodeOptions {
  /** Levels of arrays and objects; a scalar has none. 64 unless said otherwise. */
  readonly maxDepth?: number;
  /** 16 MiB unless said otherwise. */
  readonly maxBytes?: number;
  /** What becomes of integers outside the safe range; refused unless said otherwise. */
  readonly bigints?: "refuse" | "bigint";
  /** Refuse bytes that {@link encode} would not have produced. */
  readonly canonical?: boolean;
}

/** Decodes untrusted JSON (cell format, section 1). */
export function decode(input: Uint8Array | string, options: DecodeOptions = {}): JsonValue {
  const { maxDepth = 64, maxBytes = 16 * 1024 * 1024 } = options;
  const size = typeof input === "string" ? utf8Length(input) : input.byteLength;
  if (size > maxBytes) {
    throw new CanonicalJsonError("TOO_LARGE", `expected at most ${maxBytes} bytes, found ${size}`, {
      offset: maxBytes,
    });
  }
  const text = typeof input === "string" ? input : decodeUtf8(input);
  if (text.startsWith("\ufeff")) {
    throw new CanonicalJsonError("BYTE_ORDER_MARK", "expected JSON, found a byte-order mark", {
      offset: 0,
    });
  }
  if (!text.isWellFormed()) {
    const offset = utf8Length(text, findUnpairedSurrogate(text));
    throw new CanonicalJsonError("UNPAIRED_SURROGATE", `unpaired surrogate at byte ${offset}`, {
      offset,
    });
  }
  const value = parse(text, { maxDepth, bigints: options.bigints === "bigint" });
  if (options.canonical === true && encode(value) !== text) {
    throw new CanonicalJsonError("NOT_CANONICAL", "expected the bytes that encode produces", {
      offset: 0,
    });
  }
  return value;
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const offset = findInvalidUtf8(bytes);
    throw new CanonicalJsonError("INVALID_UTF8", `expected UTF-8 at byte ${offset}`, {
      offset,
      cause,
    });
  }
}
