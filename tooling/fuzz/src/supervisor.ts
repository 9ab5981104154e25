import { Worker } from "node:worker_threads";
import type { Finding } from "./engine/execution.ts";
import { SharedInput } from "./shared-input.ts";

const HANG_MS = 20_000;
const HEAP_MB = 768;

export interface FuzzJob {
  readonly target: string;
  readonly seed: number;
  /** How many inputs to try; without end when left out. */
  readonly runs?: number;
  /** How long to try. */
  readonly seconds?: number;
  /** Whether to keep the inputs found. */
  readonly save: boolean;
  /** The one input to try. */
  readonly replay?: Uint8Array;
}

export interface FuzzOutcome {
  readonly runs: number;
  readonly features: number;
  readonly blocks: number;
  /** How many inputs pass something that none before did. */
  readonly inputs: number;
  readonly finding?: Finding;
}

/**
 * Runs a job in a thread of its own, which may hang or run out of memory: the input that did it is known
 * all the same.
 */
export async function runJob(job: FuzzJob): Promise<FuzzOutcome> {
  const input = new SharedInput();
  const worker = new Worker(new URL("./fuzz-thread.ts", import.meta.url), {
    workerData: { ...job, shared: input.buffer },
    // Stripping types, which the sources are read with, is said to be experimental.
    execArgv: ["--disable-warning=ExperimentalWarning"],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const died = (message: string, kind: string): FuzzOutcome => {
    const finding = { input: input.current, message, kind };
    return { runs: input.count, features: 0, blocks: 0, inputs: 0, finding };
  };
  const { promise, resolve } = Promise.withResolvers<FuzzOutcome>();
  let seen = -1;
  const watch = setInterval(() => {
    if (input.count === seen) resolve(died(`did not end within ${HANG_MS / 1000} s`, "hang"));
    seen = input.count;
  }, HANG_MS);
  worker.on("message", (outcome: FuzzOutcome) => {
    resolve(outcome);
  });
  worker.on("error", (error: Error) => {
    resolve(died(error.stack ?? error.message, "thread"));
  });
  worker.on("exit", () => {
    resolve(died("the thread ended", "thread"));
  });
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}
