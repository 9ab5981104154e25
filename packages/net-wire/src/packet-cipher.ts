import { type CipherKernel, cipherKernel, KEY, NONCE, PACKET } from "./cipher-kernel.js";
import { writeU32, writeU64Number } from "./little-endian.js";
import { HEADER_BYTES, TAG_BYTES } from "./packet-header.js";

const PAYLOAD: number = PACKET + HEADER_BYTES;

/** The first four bytes of every nonce of a session (Net transport format, section 6.2). */
export function noncePrefixOf(sessionId: bigint): number {
  return Number((sessionId ^ (sessionId >> 32n)) & 0xffff_ffffn);
}

/**
 * Encrypts `payload` behind the header at the start of `packet`, which has room for payload and tag
 * (sections 6.1 to 6.3). The WebAssembly kernel does it, since a cipher object of the runtime costs
 * several times as much as a small packet.
 */
export function sealPacket(
  key: Uint8Array,
  noncePrefix: number,
  counter: number,
  packet: Uint8Array,
  payload: Uint8Array,
): void {
  const { memory, seal } = prepare(key, noncePrefix, counter);
  for (let at = 0; at < HEADER_BYTES; at += 1) {
    memory[PACKET + at] = packet[at] as number;
  }
  memory.set(payload, PAYLOAD);
  seal(payload.length);
  packet.set(memory.subarray(PAYLOAD, PAYLOAD + payload.length + TAG_BYTES), HEADER_BYTES);
}

/**
 * Verifies and decrypts `packet`, and gives its plaintext, which is a view of the kernel's memory
 * until the next call of this module; undefined when the tag does not verify, in which case nothing
 * has been decrypted.
 */
export function openPacket(
  key: Uint8Array,
  noncePrefix: number,
  counter: number,
  packet: Uint8Array,
): Uint8Array | undefined {
  const { memory, open } = prepare(key, noncePrefix, counter);
  memory.set(packet, PACKET);
  const length = packet.length - HEADER_BYTES - TAG_BYTES;
  return open(length) === 1 ? memory.subarray(PAYLOAD, PAYLOAD + length) : undefined;
}

function prepare(key: Uint8Array, noncePrefix: number, counter: number): CipherKernel {
  const kernel = cipherKernel();
  const { memory } = kernel;
  memory.set(key, KEY);
  writeU32(memory, NONCE, noncePrefix);
  writeU64Number(memory, NONCE + 4, counter);
  return kernel;
}
