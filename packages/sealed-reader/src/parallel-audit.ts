import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { Level } from "@gaiaftcl/witness";
import { type AuditRange, auditRange } from "./audit-range.js";
import { type KeysMessage, keysToMessage } from "./keys-message.js";
import type { LocalEngineOptions } from "./local-engine.js";
import type { JudgeOptions } from "./row-judge.js";
import type { Engine } from "./scan-request.js";
import { SealedReaderError, type SealedReaderErrorCode } from "./sealed-reader-error.js";
import type { AuditFindings } from "./table-audit.js";

/** What a thread is told when it starts. */
export interface AuditTask {
  readonly path: string;
  readonly engine: LocalEngineOptions;
  readonly runs: readonly AuditRange[];
  /** The number of runs taken so far, shared by all threads. */
  readonly taken: Int32Array;
  readonly keys: KeysMessage | undefined;
  readonly require: Level | undefined;
}

/** What a thread says: what it found in a run, that no run is left, or why it could not. */
export type AuditReply =
  | { readonly run: number; readonly findings: AuditFindings }
  | { readonly done: true }
  | { readonly code: SealedReaderErrorCode; readonly message: string };

/** Runs for each thread, so that one that is held up leaves its share to the others. */
const RUNS_PER_THREAD = 8;

/**
 * Audits the keys up to `range.upTo` in this thread and as many more as are wanted, and returns
 * what was found in the order of the keys. Every thread takes the next run of rows when it is done
 * with one.
 */
export async function parallelAudit(
  source: { readonly path: string; readonly engine: LocalEngineOptions },
  engine: Engine,
  range: AuditRange & { readonly upTo: bigint },
  threads: number,
  options: JudgeOptions,
  onRows: (rows: number) => void,
  signal?: AbortSignal,
): Promise<readonly AuditFindings[]> {
  const runs = splitRange(range, threads * RUNS_PER_THREAD);
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const found: AuditFindings[] = [];
  let rows = 0;
  const onFound = (run: number, findings: AuditFindings): void => {
    found[run] = findings;
    rows += findings.rows;
    onRows(rows);
  };
  const stop = new AbortController();
  const until = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const keys = options.keys === undefined ? undefined : keysToMessage(options.keys);
  const task: AuditTask = { ...source, runs, taken, keys, require: options.require };
  const work = [
    takeRuns(engine, runs, taken, options, onFound, until),
    ...Array.from({ length: threads - 1 }, () => runWorker(task, onFound, until)),
  ];
  try {
    await Promise.all(work);
    return found;
  } finally {
    // The first failure ends the others, and none is left behind.
    stop.abort();
    await Promise.allSettled(work);
  }
}

/** Audits one run after the other until all are taken. */
export async function takeRuns(
  engine: Engine,
  runs: readonly AuditRange[],
  taken: Int32Array,
  options: JudgeOptions,
  onFound: (run: number, findings: AuditFindings) => void,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    const run = Atomics.add(taken, 0, 1);
    const range = runs[run];
    if (range === undefined) return;
    onFound(run, await auditRange(engine, range, options, () => {}, signal));
  }
}

function splitRange(range: AuditRange & { readonly upTo: bigint }, parts: number): AuditRange[] {
  const width = range.upTo / BigInt(parts);
  return Array.from({ length: parts }, (_, index) => ({
    ...range,
    after: index === 0 ? range.after : width * BigInt(index),
    upTo: index === parts - 1 ? range.upTo : width * BigInt(index + 1),
  }));
}

async function runWorker(
  task: AuditTask,
  onFound: (run: number, findings: AuditFindings) => void,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const entry = createRequire(import.meta.url).resolve("#verify-worker");
  const worker = new Worker(pathToFileURL(entry), {
    workerData: task,
    // Not those of this process, some of which only go with its own entry.
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  worker.on("message", (reply: AuditReply) => {
    if ("findings" in reply) onFound(reply.run, reply.findings);
    else if ("done" in reply) resolve();
    else reject(new SealedReaderError(reply.code, reply.message));
  });
  worker.on("error", (cause) => reject(failed(task, String(cause), cause)));
  worker.on("exit", (code) => reject(failed(task, `it ended with exit code ${code}`)));
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}

function failed(task: AuditTask, reason: string, cause?: unknown): SealedReaderError {
  return new SealedReaderError(
    "WORKER_FAILED",
    `${task.path}: a thread that verified ${task.runs[0]?.table} failed: ${reason}; try again with threads: 1`,
    { cause },
  );
}
