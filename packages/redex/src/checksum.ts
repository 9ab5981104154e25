import { xxh3 } from "@gaiaftcl/xxh3";
import { instantiateKernel, type KernelMemory } from "./kernel-module.js";

/** The functions of assembly/kernel.as; addresses and lengths are bytes of its memory. */
interface Kernel {
  readonly memory: KernelMemory;
  checksum(at: number, length: number): number;
  verify(
    records: number,
    from: number,
    count: number,
    window: number,
    start: number,
    end: number,
  ): number;
}

/** Below this lie the kernel's own constants. */
const BASE = 4_096;
/** The most that the kernel takes at once. */
const WINDOW = 1 << 20;
const VERIFY_AT = BASE + WINDOW;
const RECORDS_AT = VERIFY_AT + WINDOW;
/** How many records are verified at once. */
export const VERIFY_RECORDS = 16_384;
const RECORD_BYTES = 20;
const MEMORY = RECORDS_AT + VERIFY_RECORDS * RECORD_BYTES;

let kernel: Kernel | undefined;
let scratch: Uint8Array = new Uint8Array(0);

function load(): Kernel {
  if (kernel !== undefined) return kernel;
  kernel = instantiateKernel<Kernel>(MEMORY);
  scratch = new Uint8Array(kernel.memory.buffer, BASE, WINDOW);
  return kernel;
}

/** The checksum of an event: the low 28 bits of XXH3-64 of its payload (log format, section 2.1). */
export function checksum(payload: Uint8Array): number {
  const run = kernel ?? load();
  const { length } = payload;
  if (length > WINDOW) return Number(xxh3(payload) & 0x0fff_ffffn);
  scratch.set(payload);
  return run.checksum(BASE, length);
}

/**
 * The kernel's memory for verifying many records in one call: `records` takes index records and
 * `payloads` a stretch of the payload file. There is one for all, so it holds only until the event
 * loop runs again.
 */
export interface Verifier {
  readonly records: Uint8Array;
  readonly payloads: Uint8Array;
  /**
   * From record `from` of `count` on, the first that is inline, lies outside bytes `start` to
   * `end` of the payload file (which `payloads` holds), or fails its checksum; else `count`.
   */
  verify(from: number, count: number, start: number, end: number): number;
}

/** See `Verifier`. */
export function recordVerifier(): Verifier {
  const run = load();
  const { buffer } = run.memory;
  return {
    records: new Uint8Array(buffer, RECORDS_AT, VERIFY_RECORDS * RECORD_BYTES),
    payloads: new Uint8Array(buffer, VERIFY_AT, WINDOW),
    verify: (from, count, start, end) => run.verify(RECORDS_AT, from, count, VERIFY_AT, start, end),
  };
}
