import { CanonicalJsonError } from "./canonical-json-error.js";

const decoder = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text of an input, which must be well-formed UTF-8 or, if it is a string already, free of
 * unpaired surrogates. A byte-order mark is kept, for the caller to see.
 *
 * @throws {CanonicalJsonError} INVALID_UTF8 or UNPAIRED_SURROGATE, with the offset in bytes
 */
export function decodeUtf8(input: Uint8Array | string): string {
  if (typeof input === "string") {
    if (input.isWellFormed()) return input;
    const offset = utf8Length(input, findUnpairedSurrogate(input));
    throw new CanonicalJsonError(
      "UNPAIRED_SURROGATE",
      `expected both halves of a surrogate pair, found one at byte ${offset}`,
      { offset },
    );
  }
  try {
    return decoder.decode(input);
  } catch (cause) {
    const offset = findInvalidUtf8(input);
    // A decoder may refuse memory shared between threads; a copy is as good.
    if (offset === -1) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(input.slice());
    const found = (input[offset] as number).toString(16).padStart(2, "0");
    throw new CanonicalJsonError(
      "INVALID_UTF8",
      `expected UTF-8, found the byte 0x${found} at byte ${offset}`,
      { offset, cause },
    );
  }
}

/** The number of bytes that the first `end` UTF-16 units of a text take in UTF-8. */
export function utf8Length(text: string, end: number = text.length): number {
  let bytes = end;
  for (let index = 0; index < end; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}

/** The offset of the first unit that is half of a surrogate pair without the other; -1 for none. */
function findUnpairedSurrogate(text: string): number {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = index + 1 < text.length ? text.charCodeAt(index + 1) : 0;
    if (unit > 0xdbff || next < 0xdc00 || next > 0xdfff) return index;
    index += 1;
  }
  return -1;
}

/**
 * The offset of the first sequence of bytes that is not UTF-8 (Unicode, table 3-7: no overlong
 * form, no surrogate, nothing above U+10FFFF); -1 for none.
 */
function findInvalidUtf8(bytes: Uint8Array): number {
  let index = 0;
  while (index < bytes.length) {
    const length = sequenceLength(bytes, index);
    if (length === 0) return index;
    index += length;
  }
  return -1;
}

function sequenceLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index] as number;
  if (lead < 0x80) return 1;
  const second = bytes[index + 1] ?? 0;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < least || second > most) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (let offset = 2; offset < length; offset += 1) {
    if (((bytes[index + offset] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}
