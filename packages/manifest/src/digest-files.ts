import { availableParallelism } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { DigestQueue, type DigestResults } from "./digest-queue.js";
import type { DigestJob, FileDigest } from "./file-digest.js";
import type { HashWorkerData } from "./hash-worker.js";
import { packJobs } from "./packed-jobs.js";

/** How far a run has come. */
export interface DigestProgress {
  readonly files: number;
  readonly bytes: number;
}

export interface DigestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called now and then, and once at the end. */
  readonly onProgress?: ((progress: DigestProgress) => void) | undefined;
  /** Threads, this one included; as many as the machine runs at once, up to 8. */
  readonly threads?: number | undefined;
}

const MAX_THREADS = 8;
/** A thread takes about this long to start, so less work than that is done sooner without one. */
const ALONE_MS = 24;
/** So many files take longer than that in any case. */
const MANY_FILES = 4000;
/** A helping thread makes little that lives long. */
const HELPER_HEAP = { maxYoungGenerationSizeMb: 8 };
/** How long this thread hashes before it lets others have a turn. */
const SLICE_MS = 8;
const PROGRESS_MS = 100;

/**
 * Hashes files on several threads, this one among them in short slices. Memory is bounded by one
 * buffer a thread and a few words a file. Where no thread can be started, this one does it all.
 *
 * @returns one digest a job, in the order of the jobs
 * @throws the reason of the signal
 */
export async function digestFiles(
  jobs: readonly DigestJob[],
  options: DigestOptions = {},
): Promise<FileDigest[]> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const wanted = Math.min(options.threads ?? availableParallelism(), MAX_THREADS, jobs.length);
  const queue = DigestQueue.of(jobs, Math.max(wanted, 1));
  const stop = (): void => queue.stop();
  signal?.addEventListener("abort", stop, { once: true });
  const helpers: Helper[] = [];
  try {
    const whenItLasts = (): void => {
      const packed = wanted > 1 ? packJobs(jobs) : undefined;
      while (packed !== undefined && helpers.length + 1 < wanted) {
        helpers.push(
          startHelper({ jobs: packed, shared: queue.shared, thread: helpers.length + 1 }),
        );
      }
    };
    const here = await workHere(queue, { onProgress, whenItLasts });
    const there = await Promise.all(helpers.map((helper) => helper.results));
    signal?.throwIfAborted();
    const digests = await complete(jobs, queue, [here, ...there].flat());
    signal?.throwIfAborted();
    onProgress?.(queue.progress);
    return digests;
  } finally {
    signal?.removeEventListener("abort", stop);
    queue.stop();
    await Promise.all(helpers.map((helper) => helper.end()));
  }
}

/** Puts the results in order, and does here what a thread took and did not bring back. */
async function complete(
  jobs: readonly DigestJob[],
  queue: DigestQueue,
  results: DigestResults,
): Promise<FileDigest[]> {
  const found = new Map(results);
  const digestAt = (position: number): FileDigest | undefined =>
    queue.isSame(position) ? { kind: "same" } : found.get(position);
  const lost = jobs.filter((_, position) => digestAt(position) === undefined);
  const again = lost.length === 0 ? [] : await digestFiles(lost, { threads: 1 });
  const rest = again.values();
  return jobs.map(
    (_, position) =>
      digestAt(position) ?? rest.next().value ?? { kind: "unreadable", reason: "it was not read" },
  );
}

/** @param hooks `whenItLasts` is called once, when the work takes longer than starting threads */
async function workHere(
  queue: DigestQueue,
  hooks: {
    readonly onProgress: DigestOptions["onProgress"];
    readonly whenItLasts: () => void;
  },
): Promise<DigestResults> {
  const work = queue.work(0);
  let now = performance.now();
  let sliceEnd = now + SLICE_MS;
  let reportAt = now + PROGRESS_MS;
  let aloneUntil = queue.jobs.length < MANY_FILES ? now + ALONE_MS : now;
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    now = performance.now();
    if (now >= aloneUntil) {
      hooks.whenItLasts();
      aloneUntil = Number.POSITIVE_INFINITY;
    }
    if (now < sliceEnd) continue;
    if (now >= reportAt) {
      hooks.onProgress?.(queue.progress);
      reportAt = now + PROGRESS_MS;
    }
    await nextTurn();
    sliceEnd = performance.now() + SLICE_MS;
  }
}

interface Helper {
  /** Empty when the thread could not start or broke down. */
  readonly results: Promise<DigestResults>;
  end(): Promise<unknown>;
}

function startHelper(workerData: HashWorkerData): Helper {
  try {
    const worker = new Worker(new URL("./hash-worker.js", import.meta.url), {
      workerData,
      execArgv: [],
      env: {},
      resourceLimits: HELPER_HEAP,
    });
    const results = new Promise<DigestResults>((resolve) => {
      worker.once("message", resolve);
      worker.once("error", () => resolve([]));
      worker.once("exit", () => resolve([]));
    });
    return { results, end: () => worker.terminate() };
  } catch {
    // The permission model and some hosts allow no threads.
    return { results: Promise.resolve([]), end: async () => undefined };
  }
}
