// XXH3-64 with seed 0 and the default secret, for every input length (xxHash specification, XXH3).
// AssemblyScript, never imported by TypeScript. The kernels of RedEX and of the event bus are built
// from this file too.

const SECRET: usize = memory.data<u8>([
  0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
  0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
  0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
  0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
  0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
  0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
  0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
  0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
  0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
  0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
  0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
  0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
]);
const PRIME32_1: u64 = 0x9e3779b1;
const PRIME32_2: u64 = 0x85ebca77;
const PRIME32_3: u64 = 0xc2b2ae3d;
const PRIME64_1: u64 = 0x9e3779b185ebca87;
const PRIME64_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME64_3: u64 = 0x165667b19e3779f9;
const PRIME64_4: u64 = 0x85ebca77c2b2ae63;
const PRIME64_5: u64 = 0x27d4eb2f165667c5;
const PRIME_MX1: u64 = 0x165667919e3779f9;
const PRIME_MX2: u64 = 0x9fb21c651e98df25;
const LOW32: u64 = 0xffffffff;

function secret(offset: usize): u64 {
  return load<u64>(SECRET + offset);
}

/** The two halves of the 128-bit product, exclusive-ored. WebAssembly has no wide multiply. */
function fold(a: u64, b: u64): u64 {
  const lowA = a & LOW32;
  const highA = a >> 32;
  const lowB = b & LOW32;
  const highB = b >> 32;
  const low = lowA * lowB;
  const middle = highA * lowB;
  const cross = (low >> 32) + (middle & LOW32) + lowA * highB;
  return ((middle >> 32) + (cross >> 32) + highA * highB) ^ ((cross << 32) | (low & LOW32));
}

function avalanche(hash: u64): u64 {
  let h = hash ^ (hash >> 37);
  h *= PRIME_MX1;
  return h ^ (h >> 32);
}

function avalanche64(hash: u64): u64 {
  let h = hash ^ (hash >> 33);
  h *= PRIME64_2;
  h ^= h >> 29;
  h *= PRIME64_3;
  return h ^ (h >> 32);
}

function mix16(at: usize, offset: usize): u64 {
  return fold(load<u64>(at) ^ secret(offset), load<u64>(at, 8) ^ secret(offset + 8));
}

/** XXH3-64 of `length` bytes at `at`. */
export function hash(at: usize, length: usize): u64 {
  if (length <= 16) return short(at, length);
  if (length > 240) return long(at, length);
  const end = at + length;
  let sum: u64 = (length as u64) * PRIME64_1;
  if (length > 128) {
    for (let i: usize = 0; i < 8; i++) sum += mix16(at + (i << 4), i << 4);
    sum = avalanche(sum);
    const rounds = length >> 4;
    for (let i: usize = 8; i < rounds; i++) sum += mix16(at + (i << 4), ((i - 8) << 4) + 3);
    return avalanche(sum + mix16(end - 16, 119));
  }
  if (length > 32) {
    if (length > 64) {
      if (length > 96) sum += mix16(at + 48, 96) + mix16(end - 64, 112);
      sum += mix16(at + 32, 64) + mix16(end - 48, 80);
    }
    sum += mix16(at + 16, 32) + mix16(end - 32, 48);
  }
  return avalanche(sum + mix16(at, 0) + mix16(end - 16, 16));
}

function short(at: usize, length: usize): u64 {
  if (length > 8) {
    const low = load<u64>(at) ^ secret(24) ^ secret(32);
    const high = load<u64>(at + length - 8) ^ secret(40) ^ secret(48);
    return avalanche((length as u64) + bswap<u64>(low) + high + fold(low, high));
  }
  if (length >= 4) {
    const words = (load<u32>(at + length - 4) as u64) + ((load<u32>(at) as u64) << 32);
    let h = words ^ secret(8) ^ secret(16);
    h ^= rotl<u64>(h, 49) ^ rotl<u64>(h, 24);
    h *= PRIME_MX2;
    h ^= (h >> 35) + (length as u64);
    h *= PRIME_MX2;
    return h ^ (h >> 28);
  }
  if (length === 0) return avalanche64(secret(56) ^ secret(64));
  const first = load<u8>(at) as u32;
  const middle = load<u8>(at + (length >> 1)) as u32;
  const last = load<u8>(at + length - 1) as u32;
  const combined = (first << 16) | (middle << 24) | last | ((length as u32) << 8);
  return avalanche64((combined as u64) ^ ((load<u32>(SECRET) ^ load<u32>(SECRET, 4)) as u64));
}

/** One lane pair of `accumulate_512`: the neighbour's data plus the product of the keyed halves. */
function accumulate(lanes: v128, data: v128, key: v128): v128 {
  const keyed = v128.xor(data, key);
  const product = v128.mul<u64>(v128.and(keyed, v128.splat<u64>(LOW32)), v128.shr<u64>(keyed, 32));
  const swapped = v128.shuffle<u64>(data, data, 1, 0);
  return v128.add<u64>(lanes, v128.add<u64>(swapped, product));
}

function scramble(lanes: v128, key: v128): v128 {
  const mixed = v128.xor(v128.xor(lanes, v128.shr<u64>(lanes, 47)), key);
  return v128.mul<u64>(mixed, v128.splat<u64>(PRIME32_1));
}

function merge(lanes: v128, offset: usize): u64 {
  return fold(
    v128.extract_lane<u64>(lanes, 0) ^ secret(offset),
    v128.extract_lane<u64>(lanes, 1) ^ secret(offset + 8),
  );
}

/** More than 240 bytes at once. */
function long(at: usize, length: usize): u64 {
  begin();
  absorb(at, ((length - 1) >> 10) as u32);
  return finish(at + (((length - 1) >> 10) << 10), length);
}

/** The eight lanes between the pieces of a long input. */
const LANES: usize = memory.data(64, 16);

/** Starts a long input (more than 240 bytes) that arrives in pieces. */
export function begin(): void {
  v128.store(LANES, i64x2(PRIME32_3, PRIME64_1));
  v128.store(LANES, i64x2(PRIME64_2, PRIME64_3), 16);
  v128.store(LANES, i64x2(PRIME64_4, PRIME32_2), 32);
  v128.store(LANES, i64x2(PRIME64_5, PRIME32_1), 48);
}

/** Takes `stripes` stripes of 64 bytes, from the start of a block on. */
function stripe(at: usize, stripes: usize): void {
  let a = v128.load(LANES);
  let b = v128.load(LANES, 16);
  let c = v128.load(LANES, 32);
  let d = v128.load(LANES, 48);
  for (let n: usize = 0; n < stripes; n++) {
    const data = at + (n << 6);
    const key = SECRET + (n << 3);
    a = accumulate(a, v128.load(data), v128.load(key));
    b = accumulate(b, v128.load(data, 16), v128.load(key, 16));
    c = accumulate(c, v128.load(data, 32), v128.load(key, 32));
    d = accumulate(d, v128.load(data, 48), v128.load(key, 48));
  }
  v128.store(LANES, a);
  v128.store(LANES, b, 16);
  v128.store(LANES, c, 32);
  v128.store(LANES, d, 48);
}

/** Takes whole blocks of 1,024 bytes, none of which may hold the input's last byte. */
export function absorb(at: usize, blocks: u32): void {
  for (let n: u32 = 0; n < blocks; n++) {
    stripe(at + (n << 10), 16);
    for (let lane: usize = 0; lane < 64; lane += 16) {
      v128.store(LANES + lane, scramble(v128.load(LANES + lane), v128.load(SECRET + lane, 128)));
    }
  }
}

/**
 * Takes the last block, 1 to 1,024 bytes at `at`, and ends an input of `length` bytes. The input's
 * last 64 bytes are mixed in once more, so where the block is shorter, what came before it must
 * lie in front of it.
 */
export function finish(at: usize, length: usize): u64 {
  const rest = ((length - 1) & 1023) + 1;
  stripe(at, (rest - 1) >> 6);
  const data = at + rest - 64;
  const key = SECRET + 121;
  const a = accumulate(v128.load(LANES), v128.load(data), v128.load(key));
  const b = accumulate(v128.load(LANES, 16), v128.load(data, 16), v128.load(key, 16));
  const c = accumulate(v128.load(LANES, 32), v128.load(data, 32), v128.load(key, 32));
  const d = accumulate(v128.load(LANES, 48), v128.load(data, 48), v128.load(key, 48));
  const sum: u64 = (length as u64) * PRIME64_1;
  return avalanche(sum + merge(a, 11) + merge(b, 27) + merge(c, 43) + merge(d, 59));
}
