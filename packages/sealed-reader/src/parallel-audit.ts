import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { Level } from "@gaiaftcl/witness";
import type { AuditRange } from "./audit-range.js";
import { type KeysMessage, keysToMessage } from "./keys-message.js";
import type { LocalEngineOptions } from "./local-engine.js";
import type { JudgeOptions } from "./row-judge.js";
import { SealedReaderError, type SealedReaderErrorCode } from "./sealed-reader-error.js";
import type { AuditFindings } from "./table-audit.js";

/** What a thread is told when it starts. */
export interface AuditTask {
  readonly path: string;
  readonly engine: LocalEngineOptions;
  readonly range: AuditRange;
  readonly keys: KeysMessage | undefined;
  readonly require: Level | undefined;
}

/** What a thread says: how far it is, and in the end what it found or why it could not. */
export type AuditReply =
  | { readonly rows: number }
  | { readonly findings: AuditFindings }
  | { readonly code: SealedReaderErrorCode; readonly message: string };

/**
 * Audits the keys up to `lastKey` in as many threads, each with a run of its own, and returns what
 * they found in the order of the runs.
 */
export async function parallelAudit(
  source: { readonly path: string; readonly engine: LocalEngineOptions },
  range: AuditRange & { readonly upTo: bigint },
  threads: number,
  options: JudgeOptions,
  onRows: (rows: number) => void,
  signal?: AbortSignal,
): Promise<readonly AuditFindings[]> {
  const progress: number[] = [];
  const stop = new AbortController();
  const combined = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const keys = options.keys === undefined ? undefined : keysToMessage(options.keys);
  const runs = splitRange(range, threads).map((run, index) =>
    runWorker({ ...source, range: run, keys, require: options.require }, combined, (rows) => {
      progress[index] = rows;
      onRows(progress.reduce((sum, count) => sum + (count ?? 0), 0));
    }),
  );
  try {
    return await Promise.all(runs);
  } finally {
    // The first failure ends the others, and none is left behind.
    stop.abort();
    await Promise.allSettled(runs);
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
  signal: AbortSignal,
  onRows: (rows: number) => void,
): Promise<AuditFindings> {
  signal.throwIfAborted();
  const entry = createRequire(import.meta.url).resolve("#verify-worker");
  const worker = new Worker(pathToFileURL(entry), { workerData: task });
  const { promise, resolve, reject } = Promise.withResolvers<AuditFindings>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  worker.on("message", (reply: AuditReply) => {
    if ("rows" in reply) onRows(reply.rows);
    else if ("findings" in reply) resolve(reply.findings);
    else reject(new SealedReaderError(reply.code, reply.message));
  });
  worker.on("error", (cause) => reject(failed(task, String(cause), cause)));
  worker.on("exit", (code) => reject(failed(task, `it ended with exit code ${code}`)));
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}

function failed(task: AuditTask, reason: string, cause?: unknown): SealedReaderError {
  return new SealedReaderError(
    "WORKER_FAILED",
    `${task.path}: a thread that verified ${task.range.table} failed: ${reason}; try again with threads: 1`,
    { cause },
  );
}
