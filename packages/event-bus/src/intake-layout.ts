import type { Buffer } from "node:buffer";
import { KERNEL_BASE, Kernel, type KernelExports } from "./kernel.js";

/** How many events, and how many bytes of them, the log holds before it is moved to the rings. */
export const LOG_EVENTS = 2_048;
export const LOG_BYTES = 131_072;
/** Words that describe one run: shard, events, first event, first byte, bytes. */
export const RUN_WORDS = 5;

interface Addresses {
  readonly queued: number;
  readonly tallies: number;
  readonly runs: number;
  readonly ends: number;
  readonly targets: number;
  readonly outEnds: number;
  readonly outOrder: number;
  readonly out: number;
}

/** Where an intake keeps its log and tables in the kernel's memory, and the views on them. */
export class IntakeLayout {
  readonly at: Addresses;
  /** The address of the log; nothing lies behind it. */
  readonly log: number;
  memory: Buffer;
  /** Where each event of the log ends, counted from its start. */
  ends: Uint32Array;
  /** The shard of each event of the log; -1 for one that was refused. */
  targets: Int32Array;
  /** Events of each shard that wait, in the log or in its ring. */
  queued: Int32Array;
  runs: Uint32Array;
  outEnds: Uint32Array;
  outOrder: Uint32Array;
  readonly #kernel: Kernel = new Kernel();
  readonly #shards: number;

  constructor(shards: number) {
    this.#shards = shards;
    let next = KERNEL_BASE;
    const region = (bytes: number): number => {
      const at = next;
      next += (bytes + 15) & ~15;
      return at;
    };
    this.at = {
      queued: region(shards * 4),
      tallies: region(shards * 8),
      runs: region(Math.min(shards, LOG_EVENTS) * RUN_WORDS * 4),
      ends: region(LOG_EVENTS * 4),
      targets: region(LOG_EVENTS * 4),
      outEnds: region(LOG_EVENTS * 4),
      outOrder: region(LOG_EVENTS * 4),
      out: region(LOG_BYTES),
    };
    this.log = next;
    this.#kernel.reserve(this.log, LOG_BYTES);
    this.memory = this.#kernel.memory;
    const views = this.#views();
    this.ends = views.ends;
    this.targets = views.targets;
    this.queued = views.queued;
    this.runs = views.runs;
    this.outEnds = views.outEnds;
    this.outOrder = views.outOrder;
  }

  get kernel(): KernelExports {
    return this.#kernel.run;
  }

  /** Makes sure that a log with `bytes` in it can be read. Growing replaces every view. */
  reserve(bytes: number): void {
    this.#kernel.reserve(this.log, Math.max(bytes, LOG_BYTES));
    if (this.#kernel.memory === this.memory) return;
    this.memory = this.#kernel.memory;
    Object.assign(this, this.#views());
  }

  #views(): Pick<IntakeLayout, "ends" | "targets" | "queued" | "runs" | "outEnds" | "outOrder"> {
    const { buffer } = this.memory;
    const runs = Math.min(this.#shards, LOG_EVENTS) * RUN_WORDS;
    return {
      ends: new Uint32Array(buffer, this.at.ends, LOG_EVENTS),
      targets: new Int32Array(buffer, this.at.targets, LOG_EVENTS),
      queued: new Int32Array(buffer, this.at.queued, this.#shards),
      runs: new Uint32Array(buffer, this.at.runs, runs),
      outEnds: new Uint32Array(buffer, this.at.outEnds, LOG_EVENTS),
      outOrder: new Uint32Array(buffer, this.at.outOrder, LOG_EVENTS),
    };
  }
}
