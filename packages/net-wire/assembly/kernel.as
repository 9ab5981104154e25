// ChaCha20-Poly1305 (RFC 8439) over one packet in this module's memory. A packet is 64 bytes of header,
// the payload and a 16-byte tag; the tag covers the payload and 52 bytes of the header (Net transport
// format, section 6.3). Nothing branches or looks up memory by a secret.

// Memory: the key, the nonce, the first block of the key stream, and the packet.
// @ts-ignore: decorator
@inline const KEY: usize = 1024;
// @ts-ignore: decorator
@inline const NONCE: usize = 1056;
// @ts-ignore: decorator
@inline const ONE_TIME_KEY: usize = 1088;
// @ts-ignore: decorator
@inline const TAIL: usize = 1152;
// @ts-ignore: decorator
@inline const AAD: usize = 1216;
// @ts-ignore: decorator
@inline const TAG: usize = 1280;
// @ts-ignore: decorator
@inline const PACKET: usize = 2048;

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

/** One block of the key stream (section 2.3), its rows in four vectors, combined with 64 bytes at `at`. */
function block(counter: u32, at: usize, combine: bool): void {
  const s0 = i32x4(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);
  const s1 = v128.load(KEY);
  const s2 = v128.load(KEY, 16);
  const s3 = i32x4(counter, load<i32>(NONCE), load<i32>(NONCE, 4), load<i32>(NONCE, 8));
  let a = s0, b = s1, c = s2, d = s3;
  for (let round = 0; round < 10; round++) {
    a = i32x4.add(a, b); d = rotate16(v128.xor(d, a));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 12);
    a = i32x4.add(a, b); d = rotate8(v128.xor(d, a));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 7);
    b = i32x4.shuffle(b, b, 1, 2, 3, 0);
    c = i32x4.shuffle(c, c, 2, 3, 0, 1);
    d = i32x4.shuffle(d, d, 3, 0, 1, 2);
    a = i32x4.add(a, b); d = rotate16(v128.xor(d, a));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 12);
    a = i32x4.add(a, b); d = rotate8(v128.xor(d, a));
    c = i32x4.add(c, d); b = rotate(v128.xor(b, c), 7);
    b = i32x4.shuffle(b, b, 3, 0, 1, 2);
    c = i32x4.shuffle(c, c, 2, 3, 0, 1);
    d = i32x4.shuffle(d, d, 1, 2, 3, 0);
  }
  a = i32x4.add(a, s0);
  b = i32x4.add(b, s1);
  c = i32x4.add(c, s2);
  d = i32x4.add(d, s3);
  if (combine) {
    a = v128.xor(a, v128.load(at));
    b = v128.xor(b, v128.load(at, 16));
    c = v128.xor(c, v128.load(at, 32));
    d = v128.xor(d, v128.load(at, 48));
  }
  v128.store(at, a);
  v128.store(at, b, 16);
  v128.store(at, c, 32);
  v128.store(at, d, 48);
}

// @ts-ignore: decorator
@inline function splat(at: usize): v128 {
  return i32x4.splat(load<i32>(at));
}

// @ts-ignore: decorator
@inline function combine(at: usize, value: v128): void {
  v128.store(at, v128.xor(v128.load(at), value));
}

/** Writes four words of four blocks, which come as one vector a word, to where each block has them. */
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

/** Four blocks of the key stream at once, one vector for each word of their states. */
function fourBlocks(counter: u32, at: usize): void {
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

/** Section 2.4: encrypts or decrypts in place, from block 1 on. */
function stream(at: usize, length: i32): void {
  let counter: u32 = 1;
  while (length >= 256) {
    fourBlocks(counter, at);
    counter += 4;
    at += 256;
    length -= 256;
  }
  while (length >= 64) {
    block(counter, at, true);
    counter += 1;
    at += 64;
    length -= 64;
  }
  if (length > 0) {
    memory.copy(TAIL, at, length);
    block(counter, TAIL, true);
    memory.copy(at, TAIL, length);
  }
}

// The accumulator and key of Poly1305 in five limbs of 26 bits (section 2.5).
let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0;

function absorb(at: usize, length: i32): void {
  const r0 = <u64>load<u32>(ONE_TIME_KEY) & 0x3ffffff;
  const r1 = <u64>(load<u32>(ONE_TIME_KEY, 3) >> 2) & 0x3ffff03;
  const r2 = <u64>(load<u32>(ONE_TIME_KEY, 6) >> 4) & 0x3ffc0ff;
  const r3 = <u64>(load<u32>(ONE_TIME_KEY, 9) >> 6) & 0x3f03fff;
  const r4 = <u64>(load<u32>(ONE_TIME_KEY, 12) >> 8) & 0x00fffff;
  const s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  let a0 = h0, a1 = h1, a2 = h2, a3 = h3, a4 = h4;
  // Both parts of the message are padded with zeros to whole blocks (section 2.8), so every block
  // has its high bit; the zeros are in memory already.
  for (const end = at + length; at < end; at += 16) {
    a0 += <u64>load<u32>(at) & 0x3ffffff;
    a1 += <u64>(load<u32>(at, 3) >> 2) & 0x3ffffff;
    a2 += <u64>(load<u32>(at, 6) >> 4) & 0x3ffffff;
    a3 += <u64>(load<u32>(at, 9) >> 6);
    a4 += <u64>(load<u32>(at, 12) >> 8) | 0x1000000;
    let d0 = a0 * r0 + a1 * s4 + a2 * s3 + a3 * s2 + a4 * s1;
    let d1 = a0 * r1 + a1 * r0 + a2 * s4 + a3 * s3 + a4 * s2;
    let d2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * s4 + a4 * s3;
    let d3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * s4;
    let d4 = a0 * r4 + a1 * r3 + a2 * r2 + a3 * r1 + a4 * r0;
    d1 += d0 >> 26; a0 = d0 & 0x3ffffff;
    d2 += d1 >> 26; a1 = d1 & 0x3ffffff;
    d3 += d2 >> 26; a2 = d2 & 0x3ffffff;
    d4 += d3 >> 26; a3 = d3 & 0x3ffffff;
    a0 += (d4 >> 26) * 5; a4 = d4 & 0x3ffffff;
    a1 += a0 >> 26; a0 &= 0x3ffffff;
  }
  h0 = a0; h1 = a1; h2 = a2; h3 = a3; h4 = a4;
}

/** Reduces the accumulator, adds the second half of the key, and writes the tag. */
function finish(): void {
  let c = h1 >> 26; h1 &= 0x3ffffff;
  h2 += c; c = h2 >> 26; h2 &= 0x3ffffff;
  h3 += c; c = h3 >> 26; h3 &= 0x3ffffff;
  h4 += c; c = h4 >> 26; h4 &= 0x3ffffff;
  h0 += c * 5; c = h0 >> 26; h0 &= 0x3ffffff;
  h1 += c;
  // h - p, taken when it is not negative.
  let g0 = h0 + 5; c = g0 >> 26; g0 &= 0x3ffffff;
  let g1 = h1 + c; c = g1 >> 26; g1 &= 0x3ffffff;
  let g2 = h2 + c; c = g2 >> 26; g2 &= 0x3ffffff;
  let g3 = h3 + c; c = g3 >> 26; g3 &= 0x3ffffff;
  const g4 = h4 + c - 0x4000000;
  const mask: u64 = (g4 >> 63) - 1;
  h0 = (h0 & ~mask) | (g0 & mask);
  h1 = (h1 & ~mask) | (g1 & mask);
  h2 = (h2 & ~mask) | (g2 & mask);
  h3 = (h3 & ~mask) | (g3 & mask);
  h4 = (h4 & ~mask) | (g4 & mask);
  let f = ((h0 | (h1 << 26)) & 0xffffffff) + <u64>load<u32>(ONE_TIME_KEY, 16);
  store<u32>(TAG, <u32>f);
  f = (((h1 >> 6) | (h2 << 20)) & 0xffffffff) + <u64>load<u32>(ONE_TIME_KEY, 20) + (f >> 32);
  store<u32>(TAG, <u32>f, 4);
  f = (((h2 >> 12) | (h3 << 14)) & 0xffffffff) + <u64>load<u32>(ONE_TIME_KEY, 24) + (f >> 32);
  store<u32>(TAG, <u32>f, 8);
  f = (((h3 >> 18) | (h4 << 8)) & 0xffffffff) + <u64>load<u32>(ONE_TIME_KEY, 28) + (f >> 32);
  store<u32>(TAG, <u32>f, 12);
}

/** The tag of the packet whose ciphertext has `length` bytes (section 2.8). */
function authenticate(length: i32): void {
  block(0, ONE_TIME_KEY, false);
  // The header without nonce and hop count, padded.
  v128.store(AAD, v128.load(PACKET));
  store<u8>(AAD, 0, 6);
  memory.copy(AAD + 12, PACKET + 24, 40);
  memory.fill(AAD + 52, 0, 12);
  h0 = 0; h1 = 0; h2 = 0; h3 = 0; h4 = 0;
  absorb(AAD, 64);
  const whole = length & ~15;
  absorb(PACKET + 64, whole);
  const rest = length - whole;
  if (rest > 0) {
    v128.store(TAIL, i32x4(0, 0, 0, 0));
    memory.copy(TAIL, PACKET + 64 + whole, rest);
    absorb(TAIL, 16);
  }
  store<u64>(TAIL, 52);
  store<u64>(TAIL, length, 8);
  absorb(TAIL, 16);
  finish();
}

/** Encrypts the payload of `length` bytes behind the header, and puts the tag behind it. */
export function seal(length: i32): void {
  stream(PACKET + 64, length);
  authenticate(length);
  v128.store(PACKET + 64 + length, v128.load(TAG));
}

/** Verifies the tag, then decrypts in place; 0 when it does not verify. */
export function open(length: i32): i32 {
  authenticate(length);
  const difference = v128.xor(v128.load(TAG), v128.load(PACKET + 64 + length));
  if (v128.any_true(difference)) return 0;
  stream(PACKET + 64, length);
  return 1;
}
