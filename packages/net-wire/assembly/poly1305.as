// Poly1305 (RFC 8439, section 2.5) over whole blocks of 16 bytes under the one-time key in memory.
//
// Single blocks are multiplied in five limbs of 26 bits. Where there are many, four lanes take every
// fourth block each: h = (h + m) r^4 in ten limbs of 13 bits, two a 32-bit lane, so that one instruction
// makes eight products and adds them in pairs. The lanes come together at the end, where block by block
// h = (h + m) r gives the first lane r^4, the second r^3, and so on.
import { BIAS, FIRST_BLOCKS, LIMBS, POWER, TAG } from "./memory";

// @ts-ignore: decorator
@inline const LIMB: u64 = 0x3ffffff;

/** From here on four lanes are faster: making r^4 has paid. */
// @ts-ignore: decorator
@inline const LANES_FROM: usize = 384;

let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0;
let r0: u64 = 0, r1: u64 = 0, r2: u64 = 0, r3: u64 = 0, r4: u64 = 0;

/** h = (h + m) r, the carries of which leave every limb below 2^26 but the second, which may be a little above. */
function multiply(m0: u64, m1: u64, m2: u64, m3: u64, m4: u64): void {
  const a0 = h0 + m0, a1 = h1 + m1, a2 = h2 + m2, a3 = h3 + m3, a4 = h4 + m4;
  const s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  const d0 = a0 * r0 + a1 * s4 + a2 * s3 + a3 * s2 + a4 * s1;
  const d1 = a0 * r1 + a1 * r0 + a2 * s4 + a3 * s3 + a4 * s2 + (d0 >> 26);
  const d2 = a0 * r2 + a1 * r1 + a2 * r0 + a3 * s4 + a4 * s3 + (d1 >> 26);
  const d3 = a0 * r3 + a1 * r2 + a2 * r1 + a3 * r0 + a4 * s4 + (d2 >> 26);
  const d4 = a0 * r4 + a1 * r3 + a2 * r2 + a3 * r1 + a4 * r0 + (d3 >> 26);
  const wrapped = (d0 & LIMB) + (d4 >> 26) * 5;
  h0 = wrapped & LIMB;
  h1 = (d1 & LIMB) + (wrapped >> 26);
  h2 = d2 & LIMB;
  h3 = d3 & LIMB;
  h4 = d4 & LIMB;
}

/** Takes in the blocks from `at` to `end`, one after the other. */
function absorb(at: usize, end: usize): void {
  const r0_ = r0, r1_ = r1, r2_ = r2, r3_ = r3, r4_ = r4;
  const s1 = r1 * 5, s2 = r2 * 5, s3 = r3 * 5, s4 = r4 * 5;
  let a0 = h0, a1 = h1, a2 = h2, a3 = h3, a4 = h4;
  for (; at < end; at += 16) {
    a0 += <u64>load<u32>(at) & LIMB;
    a1 += <u64>(load<u32>(at, 3) >> 2) & LIMB;
    a2 += <u64>(load<u32>(at, 6) >> 4) & LIMB;
    a3 += <u64>(load<u32>(at, 9) >> 6);
    a4 += <u64>(load<u32>(at, 12) >> 8) | 0x1000000;
    let d0 = a0 * r0_ + a1 * s4 + a2 * s3 + a3 * s2 + a4 * s1;
    let d1 = a0 * r1_ + a1 * r0_ + a2 * s4 + a3 * s3 + a4 * s2;
    let d2 = a0 * r2_ + a1 * r1_ + a2 * r0_ + a3 * s4 + a4 * s3;
    let d3 = a0 * r3_ + a1 * r2_ + a2 * r1_ + a3 * r0_ + a4 * s4;
    let d4 = a0 * r4_ + a1 * r3_ + a2 * r2_ + a3 * r1_ + a4 * r0_;
    d1 += d0 >> 26; a0 = d0 & LIMB;
    d2 += d1 >> 26; a1 = d1 & LIMB;
    d3 += d2 >> 26; a2 = d2 & LIMB;
    d4 += d3 >> 26; a3 = d3 & LIMB;
    a0 += (d4 >> 26) * 5; a4 = d4 & LIMB;
    a1 += a0 >> 26; a0 &= LIMB;
  }
  h0 = a0; h1 = a1; h2 = a2; h3 = a3; h4 = a4;
}

/** Puts limb i of r^4 where V takes it from, and 5 times it where it stands for limb i - 10. */
// @ts-ignore: decorator
@inline function putLimb(i: usize, limb: i32): void {
  store<i32>(LIMBS + 4 * (9 + i), limb);
  if (i > 0) store<i32>(LIMBS + 4 * (i - 1), 5 * limb);
}

/**
 * V(n) for n from -8 to 9: in every lane limb n and limb n - 1 of r^4, where limb n below 0 is 5 times
 * limb n + 10, since 2^130 = 5. The limbs are brought into -4096..4100, so that 5 times one fits 16 bits.
 */
function makePower(): void {
  const m0 = r0, m1 = r1, m2 = r2, m3 = r3, m4 = r4;
  h0 = 0; h1 = 0; h2 = 0; h3 = 0; h4 = 0;
  multiply(r0, r1, r2, r3, r4);
  r0 = h0; r1 = h1; r2 = h2; r3 = h3; r4 = h4;
  multiply(0, 0, 0, 0, 0);
  r0 = m0; r1 = m1; r2 = m2; r3 = m3; r4 = m4;
  let carry: i32 = 0;
  for (let i: usize = 0; i < 10; i += 2) {
    const both = i == 0 ? <i32>h0 : i == 2 ? <i32>h1 : i == 4 ? <i32>h2 : i == 6 ? <i32>h3 : <i32>h4;
    let limb = (both & 0x1fff) + carry;
    carry = (limb + 0x1000) >> 13;
    putLimb(i, limb - (carry << 13));
    limb = (both >> 13) + carry;
    carry = (limb + 0x1000) >> 13;
    putLimb(i + 1, limb - (carry << 13));
  }
  putLimb(0, load<i32>(LIMBS, 4 * 9) + 5 * carry);
  for (let n: usize = 0; n < 18; n++) {
    const low = load<i32>(LIMBS + 4 * n, 4), high = load<i32>(LIMBS + 4 * n);
    v128.store(POWER + 16 * n, i32x4.splat((low & 0xffff) | (high << 16)));
  }
  h0 = 0; h1 = 0; h2 = 0; h3 = 0; h4 = 0;
}

/** Limbs 2j and 2j + 1 of four blocks, in the low and the high half of each lane, from the lowest 26 bits. */
// @ts-ignore: decorator
@inline function pair(x: v128, low: v128, high: v128): v128 {
  return v128.or(v128.and(x, low), v128.and(i32x4.shl(x, 3), high));
}

// @ts-ignore: decorator
@inline function join(low: v128, shift: i32, high: v128): v128 {
  return v128.or(i32x4.shr_u(low, shift), i32x4.shl(high, 32 - shift));
}

/** Limb k of a product: the sum over j of pair j times V(k - 2j). */
// @ts-ignore: decorator
@inline function product(k: usize, a0: v128, a1: v128, a2: v128, a3: v128, a4: v128): v128 {
  const at = POWER + 16 * (k + 8);
  return i32x4.add(
    i32x4.add(
      i32x4.add(i32x4.dot_i16x8_s(a4, v128.load(at - 128)), i32x4.dot_i16x8_s(a3, v128.load(at - 96))),
      i32x4.add(i32x4.dot_i16x8_s(a2, v128.load(at - 64)), i32x4.dot_i16x8_s(a1, v128.load(at - 32))),
    ),
    i32x4.dot_i16x8_s(a0, v128.load(at)),
  );
}

/** Takes in the blocks from `at` to `end`, four at a time, before any others. */
function absorbFours(at: usize, end: usize): void {
  makePower();
  // Adding -8191 to every limb, and 4 more to the first, adds a multiple of p: 2^13 of one limb is 1 of
  // the next, and of the last 5 of the first. It keeps limbs of h + m within 8,400 of 0, hence sums of ten
  // products within 31 bits. The last limb of a block has its high bit besides.
  v128.store(BIAS, i32x4.splat((-8187 & 0xffff) | (-8191 << 16)));
  v128.store(BIAS, i32x4.splat((-8191 & 0xffff) | (-8191 << 16)), 16);
  v128.store(BIAS, i32x4.splat((-8191 & 0xffff) | ((-8191 + 0x800) << 16)), 32);
  v128.store(BIAS, i32x4.splat(0x1fff), 48);
  v128.store(BIAS, i32x4.splat(0x1fff0000), 64);
  let p0 = i32x4.splat(0), p1 = p0, p2 = p0, p3 = p0, p4 = p0;
  const low = v128.load(BIAS, 48), high = v128.load(BIAS, 64);
  for (;;) {
    const b0 = v128.load(at), b1 = v128.load(at, 16), b2 = v128.load(at, 32), b3 = v128.load(at, 48);
    const t0 = i32x4.shuffle(b0, b1, 0, 4, 1, 5), t1 = i32x4.shuffle(b2, b3, 0, 4, 1, 5);
    const t2 = i32x4.shuffle(b0, b1, 2, 6, 3, 7), t3 = i32x4.shuffle(b2, b3, 2, 6, 3, 7);
    const w0 = i64x2.shuffle(t0, t1, 0, 2), w1 = i64x2.shuffle(t0, t1, 1, 3);
    const w2 = i64x2.shuffle(t2, t3, 0, 2), w3 = i64x2.shuffle(t2, t3, 1, 3);
    const a0 = i16x8.add(p0, i16x8.add(pair(w0, low, high), v128.load(BIAS)));
    const a1 = i16x8.add(p1, i16x8.add(pair(join(w0, 26, w1), low, high), v128.load(BIAS, 16)));
    const a2 = i16x8.add(p2, i16x8.add(pair(join(w1, 20, w2), low, high), v128.load(BIAS, 16)));
    const a3 = i16x8.add(p3, i16x8.add(pair(join(w2, 14, w3), low, high), v128.load(BIAS, 16)));
    const a4 = i16x8.add(p4, i16x8.add(pair(i32x4.shr_u(w3, 8), low, high), v128.load(BIAS, 32)));
    at += 64;
    if (at >= end) {
      v128.store(LIMBS, a0);
      v128.store(LIMBS, a1, 16);
      v128.store(LIMBS, a2, 32);
      v128.store(LIMBS, a3, 48);
      v128.store(LIMBS, a4, 64);
      break;
    }
    const d0 = product(0, a0, a1, a2, a3, a4);
    const d1 = i32x4.add(product(1, a0, a1, a2, a3, a4), i32x4.shr_s(d0, 13));
    const d2 = i32x4.add(product(2, a0, a1, a2, a3, a4), i32x4.shr_s(d1, 13));
    const d3 = i32x4.add(product(3, a0, a1, a2, a3, a4), i32x4.shr_s(d2, 13));
    p1 = v128.or(v128.and(d2, low), v128.and(i32x4.shl(d3, 16), high));
    const d4 = i32x4.add(product(4, a0, a1, a2, a3, a4), i32x4.shr_s(d3, 13));
    const d5 = i32x4.add(product(5, a0, a1, a2, a3, a4), i32x4.shr_s(d4, 13));
    p2 = v128.or(v128.and(d4, low), v128.and(i32x4.shl(d5, 16), high));
    const d6 = i32x4.add(product(6, a0, a1, a2, a3, a4), i32x4.shr_s(d5, 13));
    const d7 = i32x4.add(product(7, a0, a1, a2, a3, a4), i32x4.shr_s(d6, 13));
    p3 = v128.or(v128.and(d6, low), v128.and(i32x4.shl(d7, 16), high));
    const d8 = i32x4.add(product(8, a0, a1, a2, a3, a4), i32x4.shr_s(d7, 13));
    const d9 = i32x4.add(product(9, a0, a1, a2, a3, a4), i32x4.shr_s(d8, 13));
    p4 = v128.or(v128.and(d8, low), v128.and(i32x4.shl(d9, 16), high));
    const c9 = i32x4.shr_s(d9, 13);
    const e0 = i32x4.add(v128.and(d0, low), i32x4.add(c9, i32x4.shl(c9, 2)));
    const e1 = i32x4.add(v128.and(d1, low), i32x4.shr_s(e0, 13));
    p0 = v128.or(v128.and(e0, low), i32x4.shl(e1, 16));
  }
  for (let lane: usize = 0; lane < 4; lane++) {
    // Twice the bias taken away again, lest a limb be negative.
    const at = LIMBS + 4 * lane;
    multiply(
      both(at, 2 * 8187, 2 * 8191),
      both(at + 16, 2 * 8191, 2 * 8191),
      both(at + 32, 2 * 8191, 2 * 8191),
      both(at + 48, 2 * 8191, 2 * 8191),
      both(at + 64, 2 * 8191, 2 * 8191),
    );
  }
}

/** Two limbs of 13 bits as one of 26. */
// @ts-ignore: decorator
@inline function both(at: usize, low: i32, high: i32): u64 {
  return <u64>(load<i16>(at) + low + ((load<i16>(at, 2) + high) << 13));
}

/** Writes the tag of the whole blocks from `at` to `end`. */
export function poly1305(at: usize, end: usize): void {
  r0 = <u64>load<u32>(FIRST_BLOCKS) & 0x3ffffff;
  r1 = <u64>(load<u32>(FIRST_BLOCKS, 3) >> 2) & 0x3ffff03;
  r2 = <u64>(load<u32>(FIRST_BLOCKS, 6) >> 4) & 0x3ffc0ff;
  r3 = <u64>(load<u32>(FIRST_BLOCKS, 9) >> 6) & 0x3f03fff;
  r4 = <u64>(load<u32>(FIRST_BLOCKS, 12) >> 8) & 0x00fffff;
  h0 = 0; h1 = 0; h2 = 0; h3 = 0; h4 = 0;
  if (end - at >= LANES_FROM) {
    const fours = at + ((end - at) & ~63);
    absorbFours(at, fours);
    at = fours;
  }
  absorb(at, end);
  finish();
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
  let f = ((h0 | (h1 << 26)) & 0xffffffff) + <u64>load<u32>(FIRST_BLOCKS, 16);
  store<u32>(TAG, <u32>f);
  f = (((h1 >> 6) | (h2 << 20)) & 0xffffffff) + <u64>load<u32>(FIRST_BLOCKS, 20) + (f >> 32);
  store<u32>(TAG, <u32>f, 4);
  f = (((h2 >> 12) | (h3 << 14)) & 0xffffffff) + <u64>load<u32>(FIRST_BLOCKS, 24) + (f >> 32);
  store<u32>(TAG, <u32>f, 8);
  f = (((h3 >> 18) | (h4 << 8)) & 0xffffffff) + <u64>load<u32>(FIRST_BLOCKS, 28) + (f >> 32);
  store<u32>(TAG, <u32>f, 12);
}
