// The facets of a row (cell format, section 2). What is hashed for one of them only changes in the
// witness hash at its end; all that is before it follows from the identity.

import { HASH_LENGTH, HASH_PLACES, MESSAGE_BLOCKS, MESSAGES, MESSAGE_STEP, STATE } from "./memory";
import { absorbLanes, beginLanes, swapBytes } from "./sha256-lanes";

/** The facet of the witness hash itself, whose message is longer, is left to the caller. */
const LANE_0: usize = 0;
const LANE_1: usize = 1;
const LANE_2: usize = 2;
const LANE_3: usize = 4;
/** One hash is in each message, and one more in that of its own facet. */
const PLACES: usize = 6;

/** Puts the witness hash that stands there into all messages. */
export function setHash(at: usize): void {
  for (let place: usize = HASH_PLACES; place < HASH_PLACES + PLACES * 4; place += 4) {
    const to = load<u32>(place) as usize;
    for (let byte: usize = 0; byte < HASH_LENGTH; byte += 16) {
      v128.store(to + byte, v128.load(at + byte));
    }
  }
}

/** A word of the facet in a lane, once it was matched. */
export function facetWord(lane: usize, word: usize): u32 {
  return load<u32>(STATE + word * 16 + lane * 4);
}

/** Whether four facets stand where they should, `step` bytes from one context to the next. */
export function matchLanes(at: usize, step: usize): bool {
  const blocks = i32x4(
    load<i32>(MESSAGE_BLOCKS + LANE_0 * 4),
    load<i32>(MESSAGE_BLOCKS + LANE_1 * 4),
    load<i32>(MESSAGE_BLOCKS + LANE_2 * 4),
    load<i32>(MESSAGE_BLOCKS + LANE_3 * 4),
  );
  let p0 = MESSAGES + LANE_0 * MESSAGE_STEP;
  let p1 = MESSAGES + LANE_1 * MESSAGE_STEP;
  let p2 = MESSAGES + LANE_2 * MESSAGE_STEP;
  let p3 = MESSAGES + LANE_3 * MESSAGE_STEP;
  beginLanes();
  for (let block = 0; ; block += 1) {
    const active = i32x4.gt_s(blocks, i32x4.splat(block));
    if (!v128.any_true(active)) break;
    absorbLanes(p0, p1, p2, p3, active);
    p0 += 64;
    p1 += 64;
    p2 += 64;
    p3 += 64;
  }
  const differences = v128.or(
    v128.or(difference(0, at + LANE_0 * step), difference(1, at + LANE_1 * step)),
    v128.or(difference(2, at + LANE_2 * step), difference(3, at + LANE_3 * step)),
  );
  return !v128.any_true(differences);
}

/** Zero where the hex digits of the hash in a lane stand there. */
@inline
function difference(lane: usize, at: usize): v128 {
  const words = STATE + lane * 4;
  const first = swapBytes(wordsOf(words));
  const second = swapBytes(wordsOf(words + 64));
  return v128.or(halfDifference(first, at), halfDifference(second, at + 32));
}

@inline
function wordsOf(at: usize): v128 {
  return i32x4(load<i32>(at), load<i32>(at, 16), load<i32>(at, 32), load<i32>(at, 48));
}

@inline
function halfDifference(bytes: v128, at: usize): v128 {
  const high = i8x16.shr_u(bytes, 4);
  const low = v128.and(bytes, i8x16.splat(15));
  const first = i8x16.shuffle(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const second = i8x16.shuffle(
    high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31,
  );
  return v128.or(
    v128.xor(digitsOf(first), v128.load(at)),
    v128.xor(digitsOf(second), v128.load(at, 16)),
  );
}

@inline
function digitsOf(nibbles: v128): v128 {
  const letters = i8x16.gt_u(nibbles, i8x16.splat(9));
  return i8x16.add(i8x16.add(nibbles, i8x16.splat(0x30)), v128.and(letters, i8x16.splat(0x27)));
}
