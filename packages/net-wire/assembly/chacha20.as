// The key stream of ChaCha20 (RFC 8439, section 2.4) under the key and nonce in memory.
import { KEY, NONCE } from "./memory";

// @ts-ignore: decorator
@inline function rotate(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits));
}

// @ts-ignore: decorator
@inline function rotate16(x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

// @ts-ignore: decorator
@inline function rotate8(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}

// @ts-ignore: decorator
@inline function combine(at: usize, value: v128): void {
  v128.store(at, v128.xor(v128.load(at), value));
}

/** Combines 128 bytes with two blocks of the key stream, whose states are four rows each. */
export function twoBlocks(counter: u32, at: usize): void {
  const s0 = i32x4(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
  const s1 = v128.load(KEY);
  const s2 = v128.load(KEY, 16);
  const s3 = i32x4(counter, load<i32>(NONCE), load<i32>(NONCE, 4), load<i32>(NONCE, 8));
  const t3 = i32x4.add(s3, i32x4(1, 0, 0, 0));
  let a = s0, b = s1, c = s2, d = s3;
  let A = s0, B = s1, C = s2, D = t3;
  for (let round = 0; round < 10; round++) {
    a = i32x4.add(a, b); d = rotate16(v128.xor(d, a));
    A = i32x4.add(A, B); D = rotate16(v128.xor(D, A));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 12);
    C = i32x4.add(C, D); B = rotate(v128.xor(B, C), 12);
    a = i32x4.add(a, b); d = rotate8(v128.xor(d, a));
    A = i32x4.add(A, B); D = rotate8(v128.xor(D, A));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 7);
    C = i32x4.add(C, D); B = rotate(v128.xor(B, C), 7);
    b = i32x4.shuffle(b, b, 1, 2, 3, 0);
    B = i32x4.shuffle(B, B, 1, 2, 3, 0);
    c = i32x4.shuffle(c, c, 2, 3, 0, 1);
    C = i32x4.shuffle(C, C, 2, 3, 0, 1);
    d = i32x4.shuffle(d, d, 3, 0, 1, 2);
    D = i32x4.shuffle(D, D, 3, 0, 1, 2);
    a = i32x4.add(a, b); d = rotate16(v128.xor(d, a));
    A = i32x4.add(A, B); D = rotate16(v128.xor(D, A));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 12);
    C = i32x4.add(C, D); B = rotate(v128.xor(B, C), 12);
    a = i32x4.add(a, b); d = rotate8(v128.xor(d, a));
    A = i32x4.add(A, B); D = rotate8(v128.xor(D, A));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 7);
    C = i32x4.add(C, D); B = rotate(v128.xor(B, C), 7);
    b = i32x4.shuffle(b, b, 3, 0, 1, 2);
    B = i32x4.shuffle(B, B, 3, 0, 1, 2);
    c = i32x4.shuffle(c, c, 2, 3, 0, 1);
    C = i32x4.shuffle(C, C, 2, 3, 0, 1);
    d = i32x4.shuffle(d, d, 1, 2, 3, 0);
    D = i32x4.shuffle(D, D, 1, 2, 3, 0);
  }
  combine(at, i32x4.add(a, s0));
  combine(at + 16, i32x4.add(b, s1));
  combine(at + 32, i32x4.add(c, s2));
  combine(at + 48, i32x4.add(d, s3));
  combine(at + 64, i32x4.add(A, s0));
  combine(at + 80, i32x4.add(B, s1));
  combine(at + 96, i32x4.add(C, s2));
  combine(at + 112, i32x4.add(D, t3));
}

// @ts-ignore: decorator
@inline function splat(at: usize): v128 {
  return i32x4.splat(load<i32>(at));
}

/** Combines four words of four blocks, which come as one vector a word, with what each block has there. */
// @ts-ignore: decorator
@inline function transpose(at: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const AB = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const CD = i32x4.shuffle(c, d, 2, 6, 3, 7);
  combine(at, i64x2.shuffle(ab, cd, 0, 2));
  combine(at + 64, i64x2.shuffle(ab, cd, 1, 3));
  combine(at + 128, i64x2.shuffle(AB, CD, 0, 2));
  combine(at + 192, i64x2.shuffle(AB, CD, 1, 3));
}

/** Combines 256 bytes with four blocks of the key stream, one vector for each word of their states. */
export function fourBlocks(counter: u32, at: usize): void {
  const counters = i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3));
  let x0 = i32x4.splat(0x61707865), x1 = i32x4.splat(0x3320646e);
  let x2 = i32x4.splat(0x79622d32), x3 = i32x4.splat(0x6b206574);
  let x4 = splat(KEY + 0);
  let x5 = splat(KEY + 4);
  let x6 = splat(KEY + 8);
  let x7 = splat(KEY + 12);
  let x8 = splat(KEY + 16);
  let x9 = splat(KEY + 20);
  let x10 = splat(KEY + 24);
  let x11 = splat(KEY + 28);
  let x12 = counters, x13 = splat(NONCE), x14 = splat(NONCE + 4), x15 = splat(NONCE + 8);
  for (let round = 0; round < 10; round++) {
    x0 = i32x4.add(x0, x4); x12 = rotate16(v128.xor(x12, x0));
    x8 = i32x4.add(x8, x12); x4 = rotate(v128.xor(x4, x8), 12);
    x0 = i32x4.add(x0, x4); x12 = rotate8(v128.xor(x12, x0));
    x8 = i32x4.add(x8, x12); x4 = rotate(v128.xor(x4, x8), 7);
    x1 = i32x4.add(x1, x5); x13 = rotate16(v128.xor(x13, x1));
    x9 = i32x4.add(x9, x13); x5 = rotate(v128.xor(x5, x9), 12);
    x1 = i32x4.add(x1, x5); x13 = rotate8(v128.xor(x13, x1));
    x9 = i32x4.add(x9, x13); x5 = rotate(v128.xor(x5, x9), 7);
    x2 = i32x4.add(x2, x6); x14 = rotate16(v128.xor(x14, x2));
    x10 = i32x4.add(x10, x14); x6 = rotate(v128.xor(x6, x10), 12);
    x2 = i32x4.add(x2, x6); x14 = rotate8(v128.xor(x14, x2));
    x10 = i32x4.add(x10, x14); x6 = rotate(v128.xor(x6, x10), 7);
    x3 = i32x4.add(x3, x7); x15 = rotate16(v128.xor(x15, x3));
    x11 = i32x4.add(x11, x15); x7 = rotate(v128.xor(x7, x11), 12);
    x3 = i32x4.add(x3, x7); x15 = rotate8(v128.xor(x15, x3));
    x11 = i32x4.add(x11, x15); x7 = rotate(v128.xor(x7, x11), 7);
    x0 = i32x4.add(x0, x5); x15 = rotate16(v128.xor(x15, x0));
    x10 = i32x4.add(x10, x15); x5 = rotate(v128.xor(x5, x10), 12);
    x0 = i32x4.add(x0, x5); x15 = rotate8(v128.xor(x15, x0));
    x10 = i32x4.add(x10, x15); x5 = rotate(v128.xor(x5, x10), 7);
    x1 = i32x4.add(x1, x6); x12 = rotate16(v128.xor(x12, x1));
    x11 = i32x4.add(x11, x12); x6 = rotate(v128.xor(x6, x11), 12);
    x1 = i32x4.add(x1, x6); x12 = rotate8(v128.xor(x12, x1));
    x11 = i32x4.add(x11, x12); x6 = rotate(v128.xor(x6, x11), 7);
    x2 = i32x4.add(x2, x7); x13 = rotate16(v128.xor(x13, x2));
    x8 = i32x4.add(x8, x13); x7 = rotate(v128.xor(x7, x8), 12);
    x2 = i32x4.add(x2, x7); x13 = rotate8(v128.xor(x13, x2));
    x8 = i32x4.add(x8, x13); x7 = rotate(v128.xor(x7, x8), 7);
    x3 = i32x4.add(x3, x4); x14 = rotate16(v128.xor(x14, x3));
    x9 = i32x4.add(x9, x14); x4 = rotate(v128.xor(x4, x9), 12);
    x3 = i32x4.add(x3, x4); x14 = rotate8(v128.xor(x14, x3));
    x9 = i32x4.add(x9, x14); x4 = rotate(v128.xor(x4, x9), 7);
  }
  transpose(at + 0, i32x4.add(x0, i32x4.splat(0x61707865)), i32x4.add(x1, i32x4.splat(0x3320646e)), i32x4.add(x2, i32x4.splat(0x79622d32)), i32x4.add(x3, i32x4.splat(0x6b206574)));
  transpose(at + 16, i32x4.add(x4, splat(KEY + 0)), i32x4.add(x5, splat(KEY + 4)), i32x4.add(x6, splat(KEY + 8)), i32x4.add(x7, splat(KEY + 12)));
  transpose(at + 32, i32x4.add(x8, splat(KEY + 16)), i32x4.add(x9, splat(KEY + 20)), i32x4.add(x10, splat(KEY + 24)), i32x4.add(x11, splat(KEY + 28)));
  transpose(at + 48, i32x4.add(x12, counters), i32x4.add(x13, splat(NONCE + 0)), i32x4.add(x14, splat(NONCE + 4)), i32x4.add(x15, splat(NONCE + 8)));
}

/**
 * Encrypts or decrypts `length` bytes in place, from block `counter` on. Up to 255 bytes behind them
 * change too.
 */
export function stream(counter: u32, at: usize, length: i32): void {
  while (length > 128) {
    fourBlocks(counter, at);
    counter += 4;
    at += 256;
    length -= 256;
  }
  if (length > 0) twoBlocks(counter, at);
}
