// The envelope that adapters store: {"r":<event>,"t":<insertion_ts>,"s":<shard_id>}. Read exactly as
// the reference reads it: keys in any order and spelling, unknown keys ignored, known ones at most
// once, `r` required; or the same three values as an array.

import { isHex, isUtf8, space, spillNesting, string, value } from "./json";

let rawStart: usize = 0;
let rawEnd: usize = 0;
let timestamp: u64 = 0;
let shardId: u32 = 0;

const FIELD_OTHER: u32 = 0;
const FIELD_RAW: u32 = 1;
const FIELD_TIMESTAMP: u32 = 2;
const FIELD_SHARD: u32 = 4;
const FIELD_INVALID: u32 = 8;

/**
 * Reads `length` bytes at `at`; false when they are not an envelope. What was found is left at
 * `result`: start and end of the event counted from `at`, the timestamp's two words, the shard.
 */
export function envelope(at: usize, length: usize, result: usize): bool {
  const end = at + length;
  const kept = load<u8>(end);
  store<u8>(end, 0);
  spillNesting(end);
  rawStart = 0;
  rawEnd = 0;
  timestamp = 0;
  shardId = 0;
  const first = space(at);
  const opening = load<u8>(first) as u32;
  let p: usize = 0;
  if (opening === 0x7b) p = fields(first);
  else if (opening === 0x5b) p = elements(first);
  const whole = p !== 0 && space(p) === end && rawEnd !== 0 && isUtf8(rawStart, rawEnd - rawStart);
  store<u8>(end, kept);
  store<u32>(result, (rawStart - at) as u32);
  store<u32>(result, (rawEnd - at) as u32, 4);
  store<u64>(result, timestamp, 8);
  store<u32>(result, shardId, 16);
  return whole;
}

function fields(opening: usize): usize {
  let p = space(opening + 1);
  let seen: u32 = 0;
  if ((load<u8>(p) as u32) === 0x7d) return p + 1;
  while (true) {
    if ((load<u8>(p) as u32) !== 0x22) return 0;
    const key = p + 1;
    p = string(key);
    if (p === 0) return 0;
    const field = fieldOf(key, p - 1);
    if (field === FIELD_INVALID || (seen & field) !== 0) return 0;
    seen |= field;
    p = space(p);
    if ((load<u8>(p) as u32) !== 0x3a) return 0;
    p = content(space(p + 1), field);
    if (p === 0) return 0;
    p = space(p);
    const c = load<u8>(p) as u32;
    if (c === 0x7d) return p + 1;
    if (c !== 0x2c) return 0;
    p = space(p + 1);
  }
  return 0;
}

function elements(opening: usize): usize {
  let p = space(opening + 1);
  for (let field: u32 = FIELD_RAW; field <= FIELD_SHARD; field <<= 1) {
    p = content(p, field);
    if (p === 0) return 0;
    p = space(p);
    const c = load<u8>(p) as u32;
    if (c === 0x5d) return p + 1;
    if (c !== 0x2c) return 0;
    p = space(p + 1);
  }
  return 0;
}

function content(at: usize, field: u32): usize {
  if (field === FIELD_TIMESTAMP) return unsigned(at);
  if (field === FIELD_SHARD) {
    const kept = timestamp;
    const p = unsigned(at);
    const shard = timestamp;
    timestamp = kept;
    if (p === 0 || shard > 0xffff) return 0;
    shardId = shard as u32;
    return p;
  }
  const p = value(at);
  if (field === FIELD_RAW) {
    rawStart = at;
    rawEnd = p;
  }
  return p;
}

/** An integer literal that fits 64 bits, left in `timestamp`; no sign, fraction or exponent. */
function unsigned(at: usize): usize {
  let p = at;
  let c = load<u8>(p) as u32;
  let sum: u64 = 0;
  if (c === 0x30) c = load<u8>(++p) as u32;
  else {
    if (c - 0x31 >= 9) return 0;
    do {
      const digit = (c - 0x30) as u64;
      if (sum > 1844674407370955161 || (sum === 1844674407370955161 && digit > 5)) return 0;
      sum = sum * 10 + digit;
      c = load<u8>(++p) as u32;
    } while (c - 0x30 < 10);
  }
  if (c - 0x30 < 10 || c === 0x2e || (c | 0x20) === 0x65) return 0;
  timestamp = sum;
  return p;
}

/** Which field a key names. A key is compared as decoded, so `"\u0072"` is `"r"`. */
function fieldOf(key: usize, end: usize): u32 {
  const length = end - key;
  const c = load<u8>(key) as u32;
  if (length === 1) return letter(c);
  if (!isDecodable(key, end)) return FIELD_INVALID;
  // The three letters end in the digits 2, 3 and 4; those from \u007a on name no field.
  const digit = length === 6 ? (load<u8>(key, 5) as u32) - 0x30 : 10;
  if (digit < 10 && load<u32>(key) === 0x3030755c && (load<u8>(key, 4) as u32) === 0x37) {
    return letter(0x70 + digit);
  }
  return FIELD_OTHER;
}

function letter(c: u32): u32 {
  if (c === 0x72) return FIELD_RAW;
  if (c === 0x74) return FIELD_TIMESTAMP;
  if (c === 0x73) return FIELD_SHARD;
  return c < 0x80 ? FIELD_OTHER : FIELD_INVALID;
}

/** Whether a key stands for Unicode text: UTF-8, and every escaped surrogate in a pair. */
function isDecodable(start: usize, end: usize): bool {
  let p = start;
  while (p < end) {
    if ((load<u8>(p) as u32) !== 0x5c) {
      p++;
      continue;
    }
    if ((load<u8>(p, 1) as u32) !== 0x75) {
      p += 2;
      continue;
    }
    const high = codeUnit(p + 2);
    p += 6;
    if (high >= 0xdc00 && high <= 0xdfff) return false;
    if (high < 0xd800 || high > 0xdfff) continue;
    if (p + 6 > end || load<u16>(p) !== 0x755c) return false;
    const low = codeUnit(p + 2);
    if (low < 0xdc00 || low > 0xdfff) return false;
    p += 6;
  }
  return isUtf8(start, end - start);
}

function codeUnit(at: usize): u32 {
  let unit: u32 = 0;
  for (let i: usize = 0; i < 4; i++) {
    const c = load<u8>(at + i) as u32;
    if (!isHex(c)) return 0xdc00;
    unit = (unit << 4) | (c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57);
  }
  return unit;
}
