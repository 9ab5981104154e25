import { instantiateKernel, type KernelMemory } from "./kernel-module.js";
import { writeU32, writeU64Number } from "./little-endian.js";
import { HEADER_BYTES, TAG_BYTES } from "./packet-header.js";

interface KernelExports {
  readonly memory: KernelMemory;
  readonly seal: (length: number) => void;
  readonly open: (length: number) => number;
}

// Where the kernel has its arguments (assembly/memory.as).
const KEY = 1024;
const NONCE = 1056;
const PACKET = 2048;
const PAYLOAD: number = PACKET + HEADER_BYTES;

interface Kernel {
  readonly memory: Uint8Array;
  readonly seal: KernelExports["seal"];
  readonly open: KernelExports["open"];
}

let loaded: Kernel | undefined;

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

function prepare(key: Uint8Array, noncePrefix: number, counter: number): Kernel {
  loaded ??= load();
  const { memory } = loaded;
  memory.set(key, KEY);
  writeU32(memory, NONCE, noncePrefix);
  writeU64Number(memory, NONCE + 4, counter);
  return loaded;
}

function load(): Kernel {
  const { memory, seal, open } = instantiateKernel<KernelExports>();
  return { memory: new Uint8Array(memory.buffer), seal, open };
}
