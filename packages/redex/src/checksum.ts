import { Buffer } from "node:buffer";
import { KERNEL_MODULE } from "./kernel-module.js";

// The part of the WebAssembly interface used here; the DOM library, which declares it, stays out.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

/** The functions of assembly/kernel.as; addresses and lengths are bytes of its memory. */
interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  checksum(at: number, length: number): number;
  hash(at: number, length: number): bigint;
  begin(): void;
  absorb(at: number, blocks: number): void;
  finish(at: number, length: number): bigint;
  verify(
    records: number,
    from: number,
    count: number,
    window: number,
    start: number,
    end: number,
  ): number;
}

const PAGE = 65_536;
/** Below this lie the kernel's own constants. */
const BASE = 4_096;
const BLOCK = 1_024;
/** How much is hashed at once; a longer input passes through in pieces of this. */
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
  const module = new WebAssembly.Module(Buffer.from(KERNEL_MODULE, "base64"));
  const loaded = new WebAssembly.Instance(module, {}).exports as Kernel;
  const missing = MEMORY - loaded.memory.buffer.byteLength;
  loaded.memory.grow(Math.ceil(missing / PAGE));
  scratch = new Uint8Array(loaded.memory.buffer, BASE, WINDOW);
  kernel = loaded;
  return loaded;
}

/** The checksum of an event: the low 28 bits of XXH3-64 of its payload (log format, section 2.1). */
export function checksum(payload: Uint8Array): number {
  const run = kernel ?? load();
  const { length } = payload;
  if (length > WINDOW) return Number(hashPieces(run, payload) & 0x0fff_ffffn);
  scratch.set(payload);
  return run.checksum(BASE, length);
}

/** XXH3-64 with seed 0 and the default secret. */
export function xxh3(bytes: Uint8Array): bigint {
  const run = kernel ?? load();
  if (bytes.length > WINDOW) return hashPieces(run, bytes);
  scratch.set(bytes);
  return BigInt.asUintN(64, run.hash(BASE, bytes.length));
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
