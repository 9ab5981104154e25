import { readU32, writeU32 } from "./little-endian.js";

// BLAKE2s-256 (RFC 7693) and HMAC over it. A handshake hashes some fifty times, a block or two at a
// time: a hash object of the runtime costs several times as much as what it hashes then. Nothing
// branches or looks up memory by what is hashed.

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;

/** The bytes of RFC 2104 that HMAC adds to its key, four at a time. */
const INNER_PAD = 0x3636_3636;
const OUTER_PAD = 0x5c5c_5c5c;

/** Section 2.6. */
const IV: Int32Array = Int32Array.from([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/** Section 2.5: 32 bytes of output, no key, no tree. */
const PARAMETERS = 0x0101_0020;

/** Which word of the message each step takes, sixteen a round (section 2.7). */
const SCHEDULE: Uint8Array = Uint8Array.from(
  [
    "0123456789abcdef",
    "ea489fd61c02b753",
    "b8c052fdae367194",
    "7931dcbe265a40f8",
    "905724afe1bc683d",
    "2c6a0b834d75fe19",
    "c51fed4a0763928b",
    "db7ec13950f4862a",
    "6fe9b308c2d714a5",
    "a2847615fb9e3cd0",
  ].join(""),
  (digit) => Number.parseInt(digit, 16),
);

// Scratch memory: nothing else runs while a function of this module does, and each wipes what it used.
const state = new Int32Array(HASH_BYTES / 4);
const message = new Int32Array(BLOCK_BYTES / 4);
const lastBlock = new Uint8Array(BLOCK_BYTES);
const inner = new Int32Array(HASH_BYTES / 4);
const outer = new Int32Array(HASH_BYTES / 4);
const digest = new Uint8Array(HASH_BYTES);
const secret = new Uint8Array(HASH_BYTES);
const info = new Uint8Array(HASH_BYTES + 1);
const lone = new Uint8Array(1);

/** The 32 bytes of BLAKE2s-256 (RFC 7693, section 3.3) over at most 2^32 - 1 bytes. */
export function blake2s(data: Uint8Array): Uint8Array {
  const hash = new Uint8Array(HASH_BYTES);
  begin();
  finish(0, data, hash);
  wipe();
  return hash;
}

/** HMAC (RFC 2104) over BLAKE2s-256, whose blocks are 64 bytes; not the keyed mode of RFC 7693. The key has at most 64. */
export function hmacBlake2s(key: Uint8Array, data: Uint8Array): Uint8Array {
  const mac = new Uint8Array(HASH_BYTES);
  authenticate(key, data, mac);
  wipe();
  return mac;
}

/** HKDF of Noise (revision 34, section 4.3), the chaining key being the salt: so many outputs of 32 bytes. */
export function hkdfBlake2s(
  chainingKey: Uint8Array,
  input: Uint8Array,
  outputs: number,
): Uint8Array[] {
  authenticate(chainingKey, input, secret);
  // Every output is a HMAC under this one key: its two blocks are compressed once.
  beginKeyed(secret, INNER_PAD, false);
  inner.set(state);
  beginKeyed(secret, OUTER_PAD, false);
  outer.set(state);
  const results: Uint8Array[] = [];
  for (let index = 1; index <= outputs; index += 1) {
    const counted = index === 1 ? lone : info;
    counted[counted.length - 1] = index;
    state.set(inner);
    finish(BLOCK_BYTES, counted, digest);
    state.set(outer);
    const output = new Uint8Array(HASH_BYTES);
    finish(BLOCK_BYTES, digest, output);
    info.set(output);
    results.push(output);
  }
  secret.fill(0);
  info.fill(0);
  inner.fill(0);
  outer.fill(0);
  wipe();
  return results;
}

function authenticate(key: Uint8Array, data: Uint8Array, mac: Uint8Array): void {
  beginKeyed(key, INNER_PAD, data.length === 0);
  if (data.length === 0) {
    result(digest);
  } else {
    finish(BLOCK_BYTES, data, digest);
  }
  beginKeyed(key, OUTER_PAD, false);
  finish(BLOCK_BYTES, digest, mac);
}

function begin(): void {
  state.set(IV);
  (state[0] as number) ^= PARAMETERS;
}

/** Begins with the block that HMAC makes of its key; it is the last one when nothing is to be hashed. */
function beginKeyed(key: Uint8Array, pad: number, isLast: boolean): void {
  begin();
  loadLast(key, 0);
  for (let index = 0; index < message.length; index += 1) {
    (message[index] as number) ^= pad;
  }
  compress(BLOCK_BYTES, isLast);
}

/** Takes `data` as all that is left, `before` bytes having been compressed, and gives the hash. */
function finish(before: number, data: Uint8Array, hash: Uint8Array): void {
  let at = 0;
  // The last block is compressed otherwise than the others, also when it is full or the only one.
  for (; data.length - at > BLOCK_BYTES; at += BLOCK_BYTES) {
    load(data, at);
    compress(before + at + BLOCK_BYTES, false);
  }
  loadLast(data, at);
  compress(before + data.length, true);
  result(hash);
}

function result(hash: Uint8Array): void {
  for (let index = 0; index < state.length; index += 1) {
    writeU32(hash, 4 * index, state[index] as number);
  }
}

function wipe(): void {
  state.fill(0);
  message.fill(0);
  lastBlock.fill(0);
  digest.fill(0);
}

/** Makes what `bytes` has from `at` on the message, zeros behind it. */
function loadLast(bytes: Uint8Array, at: number): void {
  lastBlock.set(at === 0 ? bytes : bytes.subarray(at));
  lastBlock.fill(0, bytes.length - at);
  load(lastBlock, 0);
}

function load(bytes: Uint8Array, at: number): void {
  for (let index = 0; index < message.length; index += 1) {
    message[index] = readU32(bytes, at + 4 * index);
  }
}

function rotate(value: number, bits: number): number {
  return (value >>> bits) | (value << (32 - bits));
}

function word(step: number): number {
  return message[SCHEDULE[step] as number] as number;
}

/** The compression function F (section 3.2); `length` counts the bytes up to the end of this block. */
function compress(length: number, isLast: boolean): void {
  let a0 = state[0] as number;
  let a1 = state[1] as number;
  let a2 = state[2] as number;
  let a3 = state[3] as number;
  let b0 = state[4] as number;
  let b1 = state[5] as number;
  let b2 = state[6] as number;
  let b3 = state[7] as number;
  let c0 = IV[0] as number;
  let c1 = IV[1] as number;
  let c2 = IV[2] as number;
  let c3 = IV[3] as number;
  let d0 = (IV[4] as number) ^ length;
  let d1 = IV[5] as number;
  let d2 = (IV[6] as number) ^ (isLast ? -1 : 0);
  let d3 = IV[7] as number;
  for (let round = 0; round < SCHEDULE.length; round += 16) {
    // The columns.
    a0 = (a0 + b0 + word(round)) | 0;
    d0 = rotate(d0 ^ a0, 16);
    c0 = (c0 + d0) | 0;
    b0 = rotate(b0 ^ c0, 12);
    a0 = (a0 + b0 + word(round + 1)) | 0;
    d0 = rotate(d0 ^ a0, 8);
    c0 = (c0 + d0) | 0;
    b0 = rotate(b0 ^ c0, 7);
    a1 = (a1 + b1 + word(round + 2)) | 0;
    d1 = rotate(d1 ^ a1, 16);
    c1 = (c1 + d1) | 0;
    b1 = rotate(b1 ^ c1, 12);
    a1 = (a1 + b1 + word(round + 3)) | 0;
    d1 = rotate(d1 ^ a1, 8);
    c1 = (c1 + d1) | 0;
    b1 = rotate(b1 ^ c1, 7);
    a2 = (a2 + b2 + word(round + 4)) | 0;
    d2 = rotate(d2 ^ a2, 16);
    c2 = (c2 + d2) | 0;
    b2 = rotate(b2 ^ c2, 12);
    a2 = (a2 + b2 + word(round + 5)) | 0;
    d2 = rotate(d2 ^ a2, 8);
    c2 = (c2 + d2) | 0;
    b2 = rotate(b2 ^ c2, 7);
    a3 = (a3 + b3 + word(round + 6)) | 0;
    d3 = rotate(d3 ^ a3, 16);
    c3 = (c3 + d3) | 0;
    b3 = rotate(b3 ^ c3, 12);
    a3 = (a3 + b3 + word(round + 7)) | 0;
    d3 = rotate(d3 ^ a3, 8);
    c3 = (c3 + d3) | 0;
    b3 = rotate(b3 ^ c3, 7);
    // The diagonals.
    a0 = (a0 + b1 + word(round + 8)) | 0;
    d3 = rotate(d3 ^ a0, 16);
    c2 = (c2 + d3) | 0;
    b1 = rotate(b1 ^ c2, 12);
    a0 = (a0 + b1 + word(round + 9)) | 0;
    d3 = rotate(d3 ^ a0, 8);
    c2 = (c2 + d3) | 0;
    b1 = rotate(b1 ^ c2, 7);
    a1 = (a1 + b2 + word(round + 10)) | 0;
    d0 = rotate(d0 ^ a1, 16);
    c3 = (c3 + d0) | 0;
    b2 = rotate(b2 ^ c3, 12);
    a1 = (a1 + b2 + word(round + 11)) | 0;
    d0 = rotate(d0 ^ a1, 8);
    c3 = (c3 + d0) | 0;
    b2 = rotate(b2 ^ c3, 7);
    a2 = (a2 + b3 + word(round + 12)) | 0;
    d1 = rotate(d1 ^ a2, 16);
    c0 = (c0 + d1) | 0;
    b3 = rotate(b3 ^ c0, 12);
    a2 = (a2 + b3 + word(round + 13)) | 0;
    d1 = rotate(d1 ^ a2, 8);
    c0 = (c0 + d1) | 0;
    b3 = rotate(b3 ^ c0, 7);
    a3 = (a3 + b0 + word(round + 14)) | 0;
    d2 = rotate(d2 ^ a3, 16);
    c1 = (c1 + d2) | 0;
    b0 = rotate(b0 ^ c1, 12);
    a3 = (a3 + b0 + word(round + 15)) | 0;
    d2 = rotate(d2 ^ a3, 8);
    c1 = (c1 + d2) | 0;
    b0 = rotate(b0 ^ c1, 7);
  }
  (state[0] as number) ^= a0 ^ c0;
  (state[1] as number) ^= a1 ^ c1;
  (state[2] as number) ^= a2 ^ c2;
  (state[3] as number) ^= a3 ^ c3;
  (state[4] as number) ^= b0 ^ d0;
  (state[5] as number) ^= b1 ^ d1;
  (state[6] as number) ^= b2 ^ d2;
  (state[7] as number) ^= b3 ^ d3;
}
