// Where the values stand in the event of one table, in the one text that `encodeEvent` writes for a
// row: canonical JSON (cell format, sections 1 and 7). That text needs no parser, and the own columns
// in it are, piece by piece, the payload that the digest of the row covers.

import {
  FORM_INTEGER,
  FORM_QUINTET,
  FORM_TEXT,
  PAYLOAD,
  SLOT_END,
  SLOT_FORM,
  SLOT_LABEL,
  SLOT_LABEL_LENGTH,
  SLOT_OWN,
  SLOT_START,
  SLOT_STEP,
  SLOTS,
} from "./memory";
import { PIECE_TAIL } from "./pieces";
import { isDigit, isPiece, isSame, pieceLength, plainEnd } from "./text";

const QUOTE: u32 = 0x22;
const MINUS: u32 = 0x2d;
const ZERO: u32 = 0x30;
const BACKSLASH: u32 = 0x5c;
const SMALL_N: u32 = 0x6e;
const SMALL_U: u32 = 0x75;
const BEYOND_ASCII: u32 = 0x80;
/** `null` and `00` as they stand in a word. */
const NULL: u32 = 0x6c6c756e;
const DOUBLE_ZERO: u16 = 0x3030;
/** So many digits are exact in a double. */
const MOST_DIGITS: usize = 15;

/** Whether the event found last has nothing beyond ASCII; otherwise it may be no UTF-8. */
export let isAscii: bool = true;

/**
 * Finds every value of an event. False for any other bytes than canonical JSON of such a row: all
 * columns there and no others, in order, each written the one way it may be. What stands in the id
 * and in the columns of the seal is for the caller to compare; nothing in them may be escaped but
 * the quotation marks of the quintet. Numbers of more than 15 digits are left out as well.
 */
export function locate(event: usize, length: usize, slots: usize, quintetLength: usize): bool {
  isAscii = true;
  // What is left of longer events before is behind a byte that ends every value.
  const end = event + length;
  store<u8>(end, 0);
  let at = event;
  for (let slot = SLOTS; slot < SLOTS + slots * SLOT_STEP; slot += SLOT_STEP) {
    const labelLength = load<u32>(slot, SLOT_LABEL_LENGTH) as usize;
    if (!isSame(load<u32>(slot, SLOT_LABEL), at, labelLength)) return false;
    at += labelLength;
    store<u32>(slot, at, SLOT_START);
    const form = load<u32>(slot, SLOT_FORM);
    // What the quintet holds is compared as a whole later on.
    at = form === FORM_QUINTET ? at + quintetLength : valueEnd(at, form);
    if (at === 0 || at > end) return false;
    store<u32>(slot, at, SLOT_END);
  }
  return at + pieceLength(PIECE_TAIL) === end && isPiece(PIECE_TAIL, at);
}

/** Writes the payload of the event found last: canonical JSON of its own columns. Returns its length. */
export function gatherPayload(slots: usize): usize {
  let to = PAYLOAD;
  store<u8>(to, 0x7b);
  for (let slot = SLOTS; slot < SLOTS + slots * SLOT_STEP; ) {
    const nameLength = load<u32>(slot, SLOT_OWN) as usize;
    const from = (load<u32>(slot, SLOT_START) as usize) - nameLength;
    let end: usize = 0;
    // Columns that stand beside one another go over together.
    while (slot < SLOTS + slots * SLOT_STEP && load<u32>(slot, SLOT_OWN) !== 0) {
      end = load<u32>(slot, SLOT_END) as usize;
      slot += SLOT_STEP;
    }
    if (end === 0) {
      slot += SLOT_STEP;
      continue;
    }
    if (to !== PAYLOAD) store<u8>(to, 0x2c);
    to += 1;
    // What the last block has too much is written over.
    for (let at: usize = 0; at < end - from; at += 16) v128.store(to + at, v128.load(from + at));
    to += end - from;
  }
  store<u8>(to, 0x7d);
  return to + 1 - PAYLOAD;
}

/** After the value that begins there, 0 where none of that form does. */
@inline
function valueEnd(at: usize, form: u32): usize {
  const first = load<u8>(at) as u32;
  if (first === SMALL_N) return load<u32>(at) === NULL ? at + 4 : 0;
  if (form === FORM_INTEGER) return integerEnd(at, first);
  return first === QUOTE ? textEnd(at + 1, form === FORM_TEXT) : 0;
}

@inline
function integerEnd(start: usize, first: u32): usize {
  const digits = first === MINUS ? start + 1 : start;
  let at = digits;
  while (isDigit(load<u8>(at))) at += 1;
  if (at === digits || at - digits > MOST_DIGITS) return 0;
  // No leading zero, and none with a sign.
  return load<u8>(digits) === (ZERO as u8) && at - start > 1 ? 0 : at;
}

/** After the quotation mark that ends a text whose escapes are those of canonical JSON. */
@inline
function textEnd(start: usize, mayEscape: bool): usize {
  let at = start;
  while (true) {
    at = plainEnd(at);
    const code = load<u8>(at) as u32;
    if (code === QUOTE) return at + 1;
    if (code >= BEYOND_ASCII) {
      isAscii = false;
      at += 1;
    } else if (code === BACKSLASH && mayEscape) {
      at = escapeEnd(at + 1);
      if (at === 0) return 0;
    } else {
      // A control character, or the end.
      return 0;
    }
  }
  return 0;
}

/** After a backslash: a character with a spelling of its own, or a control character without one. */
function escapeEnd(at: usize): usize {
  const code = load<u8>(at) as u32;
  if (code !== SMALL_U) return isShortEscape(code) ? at + 1 : 0;
  if (load<u16>(at, 1) !== DOUBLE_ZERO) return 0;
  const digit = load<u8>(at, 3) as u32;
  const last = load<u8>(at, 4) as u32;
  const isHex = isDigit(last) || last - 0x61 < 6;
  if (digit === 0x31) return isHex ? at + 5 : 0;
  // Of the first sixteen, \b \t \n \f \r are written so.
  const isShort = last - 0x38 < 2 || last === 0x61 || last === 0x63 || last === 0x64;
  return digit === ZERO && isHex && !isShort ? at + 5 : 0;
}

@inline
function isShortEscape(code: u32): bool {
  return (
    code === QUOTE ||
    code === BACKSLASH ||
    code === 0x62 ||
    code === 0x66 ||
    code === 0x6e ||
    code === 0x72 ||
    code === 0x74
  );
}
