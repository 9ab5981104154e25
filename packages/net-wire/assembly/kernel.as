// ChaCha20-Poly1305 (RFC 8439, section 2.8) over one packet in this module's memory. A packet is 64 bytes
// of header, the payload and a 16-byte tag; the tag covers the payload and 52 bytes of the header (Net
// transport format, section 6.3). Nothing branches or looks up memory by a secret.
import { stream, twoBlocks } from "./chacha20";
import { FIRST_BLOCKS, PACKET, TAG } from "./memory";
import { poly1305 } from "./poly1305";

// @ts-ignore: decorator
@inline const PAYLOAD: usize = PACKET + 64;

/** The first two blocks of the key stream: one for the tag, and one for the first 64 bytes of the payload. */
function begin(): void {
  const zero = i32x4.splat(0);
  for (let at: usize = 0; at < 128; at += 16) v128.store(FIRST_BLOCKS + at, zero);
  twoBlocks(0, FIRST_BLOCKS);
}

/** Encrypts or decrypts the payload in place. Up to 255 bytes behind it change too. */
function cipher(length: i32): void {
  for (let at: usize = 64; at < 128; at += 16) {
    v128.store(PACKET + at, v128.xor(v128.load(PACKET + at), v128.load(FIRST_BLOCKS + at)));
  }
  stream(2, PAYLOAD + 64, length - 64);
}

/** The tag of the packet whose ciphertext has `length` bytes. What is behind that is overwritten, as is the header. */
function authenticate(length: i32): v128 {
  // The header without nonce and hop count, padded with zeros to whole blocks, as the payload is.
  store<u8>(PACKET, 0, 6);
  v128.store(PACKET, v128.load(PACKET, 24), 12);
  v128.store(PACKET, v128.load(PACKET, 40), 28);
  store<u64>(PACKET, load<u64>(PACKET, 56), 44);
  store<u64>(PACKET, 0, 52);
  store<u32>(PACKET, 0, 60);
  const end = PAYLOAD + length;
  v128.store(end, i32x4.splat(0));
  const lengths = (end + 15) & ~15;
  store<u64>(lengths, 52);
  store<u64>(lengths, length, 8);
  poly1305(PACKET, lengths + 16);
  return v128.load(TAG);
}

/** Encrypts the payload of `length` bytes behind the header, and puts the tag behind it. The header is lost. */
export function seal(length: i32): void {
  begin();
  cipher(length);
  v128.store(PAYLOAD + length, authenticate(length));
}

/** Verifies the tag, then decrypts in place; 0 when it does not verify. The header is lost. */
export function open(length: i32): i32 {
  const tag = v128.load(PAYLOAD + length);
  begin();
  if (v128.any_true(v128.xor(authenticate(length), tag))) return 0;
  cipher(length);
  return 1;
}
