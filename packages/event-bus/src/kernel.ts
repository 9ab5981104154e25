import { Buffer } from "node:buffer";
import { instantiateKernel, type KernelMemory } from "./kernel-module.js";

const PAGE = 65_536;
/** Below this the kernel's own constants live. */
export const KERNEL_BASE = 4_096;
/** What the kernel may read or write behind a text, beside its nesting words. */
const PADDING = 64;

/** The functions of assembly/kernel.as; addresses and lengths are bytes of its memory. */
export interface KernelExports {
  readonly memory: KernelMemory;
  isJson(at: number, length: number): number;
  isUtf8(at: number, length: number): number;
  shardOf(at: number, length: number, shards: number): number;
  configure(
    shards: number,
    ringLimit: number,
    maxEventBytes: number,
    logEvents: number,
    log: number,
    ends: number,
    targets: number,
    queued: number,
  ): void;
  /** The new end of the log, or one of `PushRefusal`. */
  push(size: number): number;
  /** The new end of the log. */
  pushAll(count: number): number;
  lastFullShard(): number;
  takeInvalid(): number;
  takeDropped(): number;
  eventsInLog(): number;
  logHasHoles(): number;
  emptyLog(): void;
  gather(tallies: number, runs: number, out: number, outEnds: number, outOrder: number): number;
  envelope(at: number, length: number, result: number): number;
}

/** Why `push` refused an event. */
export const PushRefusal = { notJson: -1, ringFull: -2, tooLarge: -3, logFull: -4 } as const;

/** One instance of the WebAssembly kernel with a memory of its own. */
export class Kernel {
  readonly run: KernelExports;
  /** The whole memory. Replaced when it grows, so it must be read afresh after `reserve`. */
  memory: Buffer;

  constructor() {
    this.run = instantiateKernel<KernelExports>();
    this.memory = Buffer.from(this.run.memory.buffer);
  }

  /** Makes room for a text of `length` bytes at `at`, its nesting words included. */
  reserve(at: number, length: number): void {
    const needed = at + length + (length >>> 3) + PADDING;
    const missing = needed - this.memory.length;
    if (missing <= 0) return;
    this.run.memory.grow(Math.ceil(missing / PAGE));
    this.memory = Buffer.from(this.run.memory.buffer);
  }

  /** Copies a text to the start of the free memory; returns its address. */
  place(bytes: Uint8Array): number {
    this.reserve(KERNEL_BASE, bytes.length);
    this.memory.set(bytes, KERNEL_BASE);
    return KERNEL_BASE;
  }
}
