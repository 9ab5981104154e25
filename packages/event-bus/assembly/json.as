// The JSON grammar of RFC 8259, checked without building anything. Every text is followed by a zero
// byte while it is read: no loop needs its end, since zero is allowed nowhere in JSON.

const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;
const COMMA: u32 = 0x2c;
const COLON: u32 = 0x3a;
const MINUS: u32 = 0x2d;
const OPEN_OBJECT: u32 = 0x7b;
const CLOSE_OBJECT: u32 = 0x7d;
const OPEN_ARRAY: u32 = 0x5b;
const CLOSE_ARRAY: u32 = 0x5d;

/** Where words of 64 nesting levels are kept; behind the text, since a level takes at least a byte. */
let spilled: usize = 0;

export function spillNesting(at: usize): void {
  spilled = (at + 15) & ~7;
}

@inline
export function isDigit(c: u32): bool {
  return c - 0x30 < 10;
}

/** The first byte at or after `at` that is not JSON white space. */
@inline
export function space(at: usize): usize {
  // Mostly there is none, or one blank.
  if ((load<u8>(at) as u32) > 0x20) return at;
  if ((load<u8>(at, 1) as u32) > 0x20 && (load<u8>(at) as u32) === 0x20) return at + 1;
  return spaces(at);
}

function spaces(at: usize): usize {
  let p = at;
  let c = load<u8>(p) as u32;
  while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = load<u8>(++p) as u32;
  return p;
}

/** The first byte at or after `at` that is not a digit. */
@inline
function digits(at: usize): usize {
  let p = at;
  while (true) {
    const block = i8x16.sub(v128.load(p), i8x16.splat(0x30));
    const others = i8x16.bitmask(i8x16.ge_u(block, i8x16.splat(10)));
    if (others !== 0) return p + (ctz<i32>(others) as usize);
    p += 16;
  }
  return p;
}

@inline
export function isHex(c: u32): bool {
  return isDigit(c) || (c | 0x20) - 0x61 < 6;
}

/** Which of 16 bytes end a plain stretch of a string: quotes, backslashes, control characters. */
@inline
function stopsIn(block: v128): i32 {
  return i8x16.bitmask(
    v128.or(
      v128.or(
        i8x16.eq(block, i8x16.splat(QUOTE as i8)),
        i8x16.eq(block, i8x16.splat(BACKSLASH as i8)),
      ),
      i8x16.lt_u(block, i8x16.splat(0x20)),
    ),
  );
}

/** From behind the opening quote to behind the closing one; 0 when it is not a string. */
@inline
export function string(at: usize): usize {
  // Most strings are short and plain.
  const stops = stopsIn(v128.load(at));
  const p = at + (ctz<i32>(stops) as usize);
  return stops !== 0 && (load<u8>(p) as u32) === QUOTE ? p + 1 : longString(at);
}

function longString(at: usize): usize {
  let p = at;
  while (true) {
    const stops = stopsIn(v128.load(p));
    if (stops === 0) {
      p += 16;
      continue;
    }
    p += ctz<i32>(stops) as usize;
    const c = load<u8>(p) as u32;
    if (c === QUOTE) return p + 1;
    if (c !== BACKSLASH) return 0;
    const escaped = load<u8>(p, 1) as u32;
    if (escaped === 0x75) {
      for (let i: usize = 2; i < 6; i++) if (!isHex(load<u8>(p + i) as u32)) return 0;
      p += 6;
    } else if (
      escaped === QUOTE ||
      escaped === BACKSLASH ||
      escaped === 0x2f ||
      escaped === 0x62 ||
      escaped === 0x66 ||
      escaped === 0x6e ||
      escaped === 0x72 ||
      escaped === 0x74
    ) {
      p += 2;
    } else return 0;
  }
  return 0;
}

/** From the first character of a number to behind it; 0 when it is not a number. */
function number(at: usize): usize {
  let p = at;
  let c = load<u8>(p) as u32;
  if (c === MINUS) c = load<u8>(++p) as u32;
  if (c === 0x30) p++;
  else if (!isDigit(c)) return 0;
  else p = digits(p);
  c = load<u8>(p) as u32;
  if (c !== 0x2e && (c | 0x20) !== 0x65) return p;
  return fraction(p, c);
}

/** From behind the whole part of a number to behind the number. */
function fraction(at: usize, first: u32): usize {
  let p = at;
  let c = first;
  if (c === 0x2e) {
    const start = p + 1;
    p = digits(start);
    if (p === start) return 0;
    c = load<u8>(p) as u32;
  }
  if ((c | 0x20) === 0x65) {
    c = load<u8>(++p) as u32;
    if (c === 0x2b || c === MINUS) p++;
    const start = p;
    p = digits(start);
    if (p === start) return 0;
  }
  return p;
}

/** A scalar at `p`, whose first byte is `c`: behind it, or 0. */
@inline
function scalar(p: usize, c: u32): usize {
  if (c === QUOTE) return string(p + 1);
  if (c === MINUS || isDigit(c)) return number(p);
  if (c === 0x74) return load<u32>(p) === 0x65757274 ? p + 4 : 0;
  if (c === 0x6e) return load<u32>(p) === 0x6c6c756e ? p + 4 : 0;
  if (c === 0x66) return load<u32>(p, 1) === 0x65736c61 ? p + 5 : 0;
  return 0;
}

/** From behind a value's leading white space to behind the value; 0 when there is none. Any depth. */
export function value(at: usize): usize {
  let p = at;
  let kinds: u64 = 0; // the innermost 64 containers, lowest bit innermost: 1 is an object
  let depth: usize = 0;
  while (true) {
    const c = load<u8>(p) as u32;
    let nextIsKey = false;
    if (c === OPEN_OBJECT || c === OPEN_ARRAY) {
      if (depth !== 0 && (depth & 63) === 0) store<u64>(spilled + ((depth >> 6) << 3), kinds);
      kinds = (kinds << 1) | (c === OPEN_OBJECT ? 1 : 0);
      depth++;
      p = space(p + 1);
      if ((load<u8>(p) as u32) === (c === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        // Empty: the closing character is handled below, as after a value.
      } else if (c === OPEN_OBJECT) nextIsKey = true;
      else continue;
    } else {
      p = scalar(p, c);
      if (p === 0 || depth === 0) return p;
      p = space(p);
    }
    while (!nextIsKey) {
      const inObject = (kinds & 1) !== 0;
      const d = load<u8>(p) as u32;
      if (d === COMMA) {
        p = space(p + 1);
        nextIsKey = inObject;
        break;
      }
      if (d !== (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return 0;
      p++;
      depth--;
      if (depth === 0) return p;
      kinds >>= 1;
      if ((depth & 63) === 0) kinds = load<u64>(spilled + ((depth >> 6) << 3));
      p = space(p);
    }
    if (!nextIsKey) continue;
    if ((load<u8>(p) as u32) !== QUOTE) return 0;
    p = string(p + 1);
    if (p === 0) return 0;
    p = space(p);
    if ((load<u8>(p) as u32) !== COLON) return 0;
    p = space(p + 1);
  }
  return 0;
}

/** Whether the bytes are exactly one JSON value, white space around it allowed. */
export function isJson(at: usize, length: usize): bool {
  const end = at + length;
  const kept = load<u8>(end);
  store<u8>(end, 0);
  spillNesting(end);
  const p = value(space(at));
  const whole = p !== 0 && space(p) === end;
  store<u8>(end, kept);
  return whole;
}

/** Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing above U+10FFFF). */
export function isUtf8(at: usize, length: usize): bool {
  const end = at + length;
  let p = at;
  while (p < end) {
    while (p + 16 <= end && i8x16.bitmask(v128.load(p)) === 0) p += 16;
    if (p >= end) return true;
    const c = load<u8>(p) as u32;
    if (c < 0x80) {
      p++;
      continue;
    }
    let more: usize = 0;
    let low: u32 = 0x80;
    let high: u32 = 0xbf;
    if (c >= 0xc2 && c <= 0xdf) more = 1;
    else if (c >= 0xe0 && c <= 0xef) {
      more = 2;
      if (c === 0xe0) low = 0xa0;
      if (c === 0xed) high = 0x9f;
    } else if (c >= 0xf0 && c <= 0xf4) {
      more = 3;
      if (c === 0xf0) low = 0x90;
      if (c === 0xf4) high = 0x8f;
    } else return false;
    if (p + more >= end) return false;
    const second = load<u8>(p, 1) as u32;
    if (second < low || second > high) return false;
    for (let i: usize = 2; i <= more; i++) if ((load<u8>(p + i) & 0xc0) !== 0x80) return false;
    p += more + 1;
  }
  return true;
}
