import { getHeapStatistics } from "node:v8";
import type { FuzzTarget } from "./fuzz-target.ts";
import { counters } from "./probe.ts";

const DEFAULT_MEMORY = 8 * 1024 * 1024;
const MEMORY_PER_BYTE = 4096;
const DEFAULT_WORK = 50_000;
const WORK_PER_BYTE = 100;
const MARGIN = 7;

/** Why an input is a finding. */
export interface Finding {
  readonly input: Uint8Array;
  /** What went wrong, the stack of the error included. */
  readonly message: string;
  /** The same for inputs that fail alike. */
  readonly kind: string;
}

export interface Surroundings {
  /** Told of every input before it runs. */
  readonly begin: (input: Uint8Array) => void;
  /** How many blocks the instrumented modules have. */
  readonly blocks: () => number;
}

/** Runs a target with one input at a time and judges each run. */
export class Execution {
  readonly #target: FuzzTarget;
  readonly #surroundings: Surroundings;
  count = 0;

  constructor(target: FuzzTarget, surroundings: Surroundings) {
    this.#target = target;
    this.#surroundings = surroundings;
  }

  /** What is wrong with a run, or undefined. The counters of `probe.ts` hold what it passed. */
  async run(input: Uint8Array): Promise<Finding | undefined> {
    this.count += 1;
    this.#surroundings.begin(input);
    counters.fill(0, 0, this.#surroundings.blocks());
    const view = atOddPlace(input);
    const before = memoryInUse();
    try {
      const done = this.#target.run(view);
      if (done !== undefined) await done;
    } catch (error) {
      return failure(input, error);
    }
    return this.#excess(input, memoryInUse() - before);
  }

  #excess(input: Uint8Array, allocated: number): Finding | undefined {
    const { memory = DEFAULT_MEMORY, work = DEFAULT_WORK } = this.#target;
    const mostMemory = memory + MEMORY_PER_BYTE * input.length;
    if (allocated > mostMemory) {
      const message = `took ${allocated} bytes of memory for an input of ${input.length}; at most ${mostMemory} are expected`;
      return { input, message, kind: "memory" };
    }
    const mostWork = work + WORK_PER_BYTE * input.length;
    const blocks = this.#surroundings.blocks();
    let passed = 0;
    for (let block = 0; block < blocks; block += 1) passed += counters[block] ?? 0;
    if (passed > mostWork) {
      const message = `passed ${passed} blocks of code for an input of ${input.length} bytes; at most ${mostWork} are expected`;
      return { input, message, kind: "work" };
    }
    return undefined;
  }
}

/** An input in the middle of another buffer, with other bytes around: views must be read as views. */
function atOddPlace(input: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(input.length + 2 * MARGIN).fill(0xa5);
  buffer.set(input, MARGIN);
  return buffer.subarray(MARGIN, MARGIN + input.length);
}

function memoryInUse(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

function failure(input: Uint8Array, error: unknown): Finding {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  // Numbers differ between inputs that fail alike.
  const kind = message.split("\n").slice(0, 2).join(" ").replace(/\d+/gu, "#").slice(0, 200);
  return { input, message, kind };
}
