import { instantiateKernel, type KernelMemory } from "./kernel-module.js";

/** The functions of assembly/kernel.as; addresses and lengths are bytes of its memory. */
interface Kernel {
  readonly memory: KernelMemory;
  hash(at: number, length: number): bigint;
  begin(): void;
  absorb(at: number, blocks: number): void;
  finish(at: number, length: number): bigint;
}

/** Below this lie the kernel's own constants. */
const BASE = 4_096;
const BLOCK = 1_024;
/** How much is hashed at once; a longer input passes through in pieces of this. */
const WINDOW = 64 * BLOCK;
/** A string of this many UTF-16 units or fewer cannot outgrow the window as UTF-8. */
const SHORT_STRING = Math.floor(WINDOW / 3);

let kernel: Kernel | undefined;
let scratch: Uint8Array = new Uint8Array(0);
const encoder = new TextEncoder();

function load(): Kernel {
  kernel = instantiateKernel<Kernel>(BASE + WINDOW);
  scratch = new Uint8Array(kernel.memory.buffer, BASE, WINDOW);
  return kernel;
}

/**
 * XXH3-64 with seed 0 and the default secret, as an unsigned 64-bit number. A string is hashed as
 * its UTF-8 bytes, a surrogate without its partner as U+FFFD.
 *
 * It is fast and well distributed, and easy to find collisions for on purpose: what has to resist
 * an adversary needs a cryptographic hash.
 */
export function xxh3(data: Uint8Array | string): bigint {
  const run = kernel ?? load();
  let length: number;
  if (typeof data === "string") {
    if (data.length > SHORT_STRING) return xxh3(encoder.encode(data));
    length = encoder.encodeInto(data, scratch).written;
  } else {
    length = data.length;
    if (length > WINDOW) return hashPieces(run, data);
    scratch.set(data);
  }
  return BigInt.asUintN(64, run.hash(BASE, length));
}

function hashPieces(run: Kernel, bytes: Uint8Array): bigint {
  const { length } = bytes;
  const whole = Math.floor((length - 1) / BLOCK) * BLOCK;
  run.begin();
  for (let at = 0; at < whole; at += WINDOW) {
    const end = Math.min(whole, at + WINDOW);
    scratch.set(bytes.subarray(at, end));
    run.absorb(BASE, (end - at) / BLOCK);
  }
  // The last block, with the 64 bytes before it in front.
  scratch.set(bytes.subarray(whole - 64));
  return BigInt.asUintN(64, run.finish(BASE + 64, length));
}
