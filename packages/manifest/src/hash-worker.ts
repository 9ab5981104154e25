import { parentPort, workerData } from "node:worker_threads";
import { DigestQueue, type SharedQueue } from "./digest-queue.js";

/** What `digest-files.ts`, which alone starts this, hands over. */
export interface HashWorkerData {
  readonly queue: SharedQueue;
  readonly thread: number;
}

const { queue, thread } = workerData as HashWorkerData;
const work = new DigestQueue(queue).work(thread);
let step = work.next();
while (step.done !== true) step = work.next();
parentPort?.postMessage(step.value);
