import { parentPort, workerData } from "node:worker_threads";
import { DigestQueue, type SharedQueue } from "./digest-queue.js";
import { type PackedJobs, unpackJobs } from "./packed-jobs.js";

/** What `digest-files.ts`, which alone starts this, hands over. */
export interface HashWorkerData {
  readonly jobs: PackedJobs;
  readonly shared: SharedQueue;
  readonly thread: number;
}

const { jobs, shared, thread } = workerData as HashWorkerData;
const work = new DigestQueue(unpackJobs(jobs), shared).work(thread);
let step = work.next();
while (step.done !== true) step = work.next();
parentPort?.postMessage(step.value);
