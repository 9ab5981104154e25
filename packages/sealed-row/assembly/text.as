// Comparing and scanning the bytes of an event, sixteen at a time. What stands behind them is
// memory of the kernel as well, so that a block may reach beyond what is looked at.

import { HASH_LENGTH, PIECES, PLAIN } from "./memory";

const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const BLANK: i8 = 0x20;
const ZERO: u8 = 0x30;
const SMALL_A: u8 = 0x61;
const TIME_FORM: usize = memory.data<u8>([
  0x30, 0x30, 0x30, 0x30, 0x2d, 0x30, 0x30, 0x2d, 0x30, 0x30, 0x54, 0x30,
  0x30, 0x3a, 0x30, 0x30, 0x3a, 0x30, 0x30, 0x2e, 0x30, 0x30, 0x30, 0x5a,
]);
@inline export const TIME_LENGTH: usize = 24;
const MONTHS: usize = memory.data<u8>([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]);
const MINUTE_MS: i32 = 60_000;
const DAY_MS: f64 = 86_400_000;

@inline
export function isDigit(code: u32): bool {
  return code - 0x30 < 10;
}

/** Whether `length` bytes are the same in both places. */
@inline
export function isSame(one: usize, other: usize, length: usize): bool {
  let at: usize = 0;
  for (; at + 16 <= length; at += 16) {
    if (v128.any_true(v128.xor(v128.load(one + at), v128.load(other + at)))) return false;
  }
  const equal = i8x16.bitmask(i8x16.eq(v128.load(one + at), v128.load(other + at)));
  return (~equal & ((1 << ((length - at) as i32)) - 1)) === 0;
}

/** Whether the text of that number stands there. */
@inline
export function isPiece(piece: usize, at: usize): bool {
  return isSame(load<u32>(PIECES + piece * 8), at, pieceLength(piece));
}

@inline
export function pieceLength(piece: usize): usize {
  return load<u32>(PIECES + piece * 8, 4);
}

/**
 * The first place from `at` on with anything but a printable ASCII character that stands for itself
 * in JSON: a quotation mark, a backslash, a control character, a byte beyond ASCII.
 */
@inline
export function plainEnd(at: usize): usize {
  let special: i32 = 0;
  let place = at - 16;
  while (special === 0) {
    place += 16;
    const block = v128.load(place);
    special = i8x16.bitmask(
      v128.or(
        // Bytes beyond ASCII are negative here.
        i8x16.lt_s(block, i8x16.splat(BLANK)),
        v128.or(i8x16.eq(block, i8x16.splat(QUOTE)), i8x16.eq(block, i8x16.splat(BACKSLASH))),
      ),
    );
  }
  return place + (ctz(special) as usize);
}

/** Whether 64 lower-case hex digits stand there. */
export function isHash(at: usize): bool {
  for (let place: usize = at; place < at + HASH_LENGTH; place += 16) {
    const block = v128.load(place);
    const digits = i8x16.lt_u(i8x16.sub(block, i8x16.splat(ZERO)), i8x16.splat(10));
    const letters = i8x16.lt_u(i8x16.sub(block, i8x16.splat(SMALL_A)), i8x16.splat(6));
    if (!i8x16.all_true(v128.or(digits, letters))) return false;
  }
  return true;
}

/** The bytes that the hex digits of a hash write. */
@inline
export function decodeHash(at: usize, to: usize): void {
  v128.store(to, bytesOf(at));
  v128.store(to, bytesOf(at + 32), 16);
}

@inline
function bytesOf(at: usize): v128 {
  return i8x16.narrow_i16x8_u(pairsOf(v128.load(at)), pairsOf(v128.load(at, 16)));
}

/** The bytes that eight pairs of hex digits write, each in the place of a pair. */
@inline
function pairsOf(digits: v128): v128 {
  // Letters are behind 0x40, and their value is nine more than their last bits.
  const letters = i8x16.gt_u(digits, i8x16.splat(0x40));
  const nibbles = i8x16.add(
    v128.and(digits, i8x16.splat(15)),
    v128.and(letters, i8x16.splat(9)),
  );
  const high = v128.and(i16x8.shl(nibbles, 4), i16x8.splat(0xff));
  return v128.or(high, i16x8.shr_u(nibbles, 8));
}

/** Whether an id stands there that needs no closer look. */
export function isPlainId(start: usize, end: usize): bool {
  for (let at = start; at < end; at += 1) {
    if (load<u8>(PLAIN + (load<u8>(at) as usize)) === 0) return false;
  }
  return end > start && end - start <= 255;
}

/** Whether a time stands there: `YYYY-MM-DDThh:mm:ss.sssZ` of a day and time that exist. */
export function isTime(at: usize): bool {
  if (!hasTimeForm(at) || !hasTimeForm(at + 8, 8)) return false;
  if (two(at + 11) > 23 || two(at + 14) > 59 || two(at + 17) > 59) return false;
  const month = two(at + 5);
  const day = two(at + 8);
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= (load<u8>(MONTHS + (month as usize)) as i32) + (month === 2 && isLeap(at) ? 1 : 0);
}

@inline
function hasTimeForm(at: usize, offset: usize = 0): bool {
  const block = v128.load(at);
  const form = v128.load(TIME_FORM + offset);
  const isZero = i8x16.eq(form, i8x16.splat(ZERO));
  const digits = i8x16.lt_u(i8x16.sub(block, form), i8x16.splat(10));
  return i8x16.all_true(v128.bitselect(digits, i8x16.eq(block, form), isZero));
}

function isLeap(at: usize): bool {
  const year = two(at + 2);
  return ((year === 0 ? two(at) : year) & 3) === 0;
}

/** Milliseconds from one time to another, both of which are times. */
export function between(from: usize, to: usize): f64 {
  const clocks = (clock(to) - clock(from)) as f64;
  return isSame(from, to, 10) ? clocks : ((day(to) - day(from)) as f64) * DAY_MS + clocks;
}

function clock(at: usize): i32 {
  const seconds = two(at + 17) * 1000 + two(at + 20) * 10 + ((load<u8>(at, 22) as i32) - 0x30);
  return (two(at + 11) * 60 + two(at + 14)) * MINUTE_MS + seconds;
}

/** The number of a day, counted in years that begin in March, so that a leap day is the last one. */
function day(at: usize): i32 {
  const month = two(at + 5);
  const year = two(at) * 100 + two(at + 2) - (month <= 2 ? 1 : 0) + 400;
  const days = year * 365 + year / 4 - year / 100 + year / 400;
  return days + (153 * ((month + 9) % 12) + 2) / 5 + two(at + 8);
}

@inline
function two(at: usize): i32 {
  return ((load<u8>(at) as i32) - 0x30) * 10 + (load<u8>(at, 1) as i32) - 0x30;
}
