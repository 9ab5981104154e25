// ChaCha20-Poly1305 (RFC 8439, section 2.8) in this module's memory: over a message behind its associated
// data, and over one packet, which is 64 bytes of header, the payload and a 16-byte tag; the tag covers
// the payload and 52 bytes of the header (Net transport format, section 6.3). Nothing branches or looks up
// memory by a secret.
import { stream, twoBlocks } from "./chacha20";
import { FIRST_BLOCKS, PACKET, TAG } from "./memory";
import { poly1305 } from "./poly1305";

/** Bytes of a packet's header that its tag covers. */
// @ts-ignore: decorator
@inline const COVERED: i32 = 52;

/** Where the message begins behind this much associated data, which zeros pad to whole blocks. */
// @ts-ignore: decorator
@inline function bodyBehind(aadLength: i32): usize {
  return PACKET + ((aadLength + 15) & ~15);
}

/** The first two blocks of the key stream: one for the tag, and one for the first 64 bytes of the message. */
function begin(): void {
  const zero = i32x4.splat(0);
  for (let at: usize = 0; at < 128; at += 16) v128.store(FIRST_BLOCKS + at, zero);
  twoBlocks(0, FIRST_BLOCKS);
}

/** Encrypts or decrypts a message in place. Up to 255 bytes behind it change too. */
function cipher(body: usize, length: i32): void {
  for (let at: usize = 0; at < 64; at += 16) {
    v128.store(body + at, v128.xor(v128.load(body + at), v128.load(FIRST_BLOCKS + 64 + at)));
  }
  stream(2, body + 64, length - 64);
}

/** The tag of the ciphertext of `length` bytes behind the associated data. What is behind it is overwritten. */
function authenticate(aadLength: i32, body: usize, length: i32): v128 {
  const end = body + length;
  v128.store(end, i32x4.splat(0));
  const lengths = (end + 15) & ~15;
  store<u64>(lengths, aadLength);
  store<u64>(lengths, length, 8);
  poly1305(PACKET, lengths + 16);
  return v128.load(TAG);
}

/** Encrypts the message of `length` bytes behind its associated data, and puts the tag behind it. */
export function sealMessage(aadLength: i32, length: i32): void {
  const body = bodyBehind(aadLength);
  begin();
  cipher(body, length);
  v128.store(body + length, authenticate(aadLength, body, length));
}

/** Verifies the tag, then decrypts in place; 0 when it does not verify. */
export function openMessage(aadLength: i32, length: i32): i32 {
  const body = bodyBehind(aadLength);
  const tag = v128.load(body + length);
  begin();
  if (v128.any_true(v128.xor(authenticate(aadLength, body, length), tag))) return 0;
  cipher(body, length);
  return 1;
}

/** Makes the header the associated data: without nonce and hop count, zeros behind. */
function coverHeader(): void {
  store<u8>(PACKET, 0, 6);
  v128.store(PACKET, v128.load(PACKET, 24), 12);
  v128.store(PACKET, v128.load(PACKET, 40), 28);
  store<u64>(PACKET, load<u64>(PACKET, 56), 44);
  store<u64>(PACKET, 0, 52);
  store<u32>(PACKET, 0, 60);
}

/** Encrypts the payload of `length` bytes behind the header, and puts the tag behind it. The header is lost. */
export function seal(length: i32): void {
  coverHeader();
  sealMessage(COVERED, length);
}

/** Verifies the tag, then decrypts in place; 0 when it does not verify. The header is lost. */
export function open(length: i32): i32 {
  coverHeader();
  return openMessage(COVERED, length);
}
