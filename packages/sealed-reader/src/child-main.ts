/**
 * The process that opens a foreign database, so that whatever the file does to SQLite happens here
 * and can be killed. It answers requests on stdin with frames on stdout and ends with its parent.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { serveEngine } from "./serve-engine.js";
import { watchParent } from "./watch-parent.js";

if (isMainThread) {
  const watchdog = new Worker(new URL(import.meta.url), { workerData: process.ppid });
  // It watches before anything is opened.
  await once(watchdog, "message");
  await serveEngine(process.stdin, process.stdout);
  // Not by running dry: the watchdog is still there.
  process.exit(0);
} else {
  watchParent(workerData as number);
  parentPort?.postMessage("watching");
}
