// SHA-256 (FIPS 180-4) of four messages at once, each in its own lane of every vector. One short
// message takes as long as in the platform's own hash, without what a call of that costs.

import { SCHEDULE, STATE } from "./memory";

const INITIAL: usize = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const ROUND: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);

/** Begins four messages. */
export function beginLanes(): void {
  for (let word: usize = 0; word < 8; word += 1) {
    v128.store(STATE + word * 16, v128.load32_splat(INITIAL + word * 4));
  }
}

/** Takes in a block of each message; `active` has ones in the lanes where it counts. */
export function absorbLanes(p0: usize, p1: usize, p2: usize, p3: usize, active: v128): void {
  for (let word: usize = 0; word < 64; word += 16) {
    transpose(SCHEDULE + word * 4, p0 + word, p1 + word, p2 + word, p3 + word);
  }
  for (let at = SCHEDULE; at < SCHEDULE + 48 * 16; at += 16) {
    const first = i32x4.add(v128.load(at), smallSigma0(v128.load(at, 16)));
    const second = i32x4.add(v128.load(at, 144), smallSigma1(v128.load(at, 224)));
    v128.store(at, i32x4.add(first, second), 256);
  }
  let a = v128.load(STATE), b = v128.load(STATE, 16), c = v128.load(STATE, 32), d = v128.load(STATE, 48);
  let e = v128.load(STATE, 64), f = v128.load(STATE, 80), g = v128.load(STATE, 96), h = v128.load(STATE, 112);
  for (let round: usize = 0; round < 64; round += 8) {
    let t = first(e, f, g, h, round); d = i32x4.add(d, t); h = i32x4.add(t, second(a, b, c));
    t = first(d, e, f, g, round + 1); c = i32x4.add(c, t); g = i32x4.add(t, second(h, a, b));
    t = first(c, d, e, f, round + 2); b = i32x4.add(b, t); f = i32x4.add(t, second(g, h, a));
    t = first(b, c, d, e, round + 3); a = i32x4.add(a, t); e = i32x4.add(t, second(f, g, h));
    t = first(a, b, c, d, round + 4); h = i32x4.add(h, t); d = i32x4.add(t, second(e, f, g));
    t = first(h, a, b, c, round + 5); g = i32x4.add(g, t); c = i32x4.add(t, second(d, e, f));
    t = first(g, h, a, b, round + 6); f = i32x4.add(f, t); b = i32x4.add(t, second(c, d, e));
    t = first(f, g, h, a, round + 7); e = i32x4.add(e, t); a = i32x4.add(t, second(b, c, d));
  }
  addTo(STATE, a, active);
  addTo(STATE + 16, b, active);
  addTo(STATE + 32, c, active);
  addTo(STATE + 48, d, active);
  addTo(STATE + 64, e, active);
  addTo(STATE + 80, f, active);
  addTo(STATE + 96, g, active);
  addTo(STATE + 112, h, active);
}

/** Four words of each message to four vectors of one word each, the most significant byte first. */
@inline
function transpose(to: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const r0 = v128.load(p0), r1 = v128.load(p1), r2 = v128.load(p2), r3 = v128.load(p3);
  const low01 = i32x4.shuffle(r0, r1, 0, 4, 1, 5), low23 = i32x4.shuffle(r2, r3, 0, 4, 1, 5);
  const high01 = i32x4.shuffle(r0, r1, 2, 6, 3, 7), high23 = i32x4.shuffle(r2, r3, 2, 6, 3, 7);
  v128.store(to, swapBytes(i64x2.shuffle(low01, low23, 0, 2)));
  v128.store(to, swapBytes(i64x2.shuffle(low01, low23, 1, 3)), 16);
  v128.store(to, swapBytes(i64x2.shuffle(high01, high23, 0, 2)), 32);
  v128.store(to, swapBytes(i64x2.shuffle(high01, high23, 1, 3)), 48);
}

@inline
export function swapBytes(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

@inline
function addTo(at: usize, x: v128, active: v128): void {
  v128.store(at, i32x4.add(v128.load(at), v128.and(x, active)));
}

@inline
function first(e: v128, f: v128, g: v128, h: v128, round: usize): v128 {
  const word = i32x4.add(v128.load(SCHEDULE + round * 16), v128.load32_splat(ROUND + round * 4));
  const choice = v128.xor(g, v128.and(e, v128.xor(f, g)));
  const sigma = v128.xor(v128.xor(rotate(e, 6), rotate(e, 11)), rotate(e, 25));
  return i32x4.add(i32x4.add(h, word), i32x4.add(sigma, choice));
}

@inline
function second(a: v128, b: v128, c: v128): v128 {
  const majority = v128.xor(b, v128.and(v128.xor(a, b), v128.xor(b, c)));
  return i32x4.add(v128.xor(v128.xor(rotate(a, 2), rotate(a, 13)), rotate(a, 22)), majority);
}

@inline
function smallSigma0(x: v128): v128 {
  return v128.xor(v128.xor(rotate(x, 7), rotate(x, 18)), i32x4.shr_u(x, 3));
}

@inline
function smallSigma1(x: v128): v128 {
  return v128.xor(v128.xor(rotate(x, 17), rotate(x, 19)), i32x4.shr_u(x, 10));
}

@inline
function rotate(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shr_u(x, bits), i32x4.shl(x, 32 - bits));
}
