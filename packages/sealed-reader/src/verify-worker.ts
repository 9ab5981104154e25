/** A thread that audits runs of rows of the cell's own database. */
import { parentPort, workerData } from "node:worker_threads";
import { keysFromMessage } from "./keys-message.js";
import { LocalEngine } from "./local-engine.js";
import { type AuditReply, type AuditTask, takeRuns } from "./parallel-audit.js";
import { SealedReaderError } from "./sealed-reader-error.js";

const task = workerData as AuditTask;
const engine = new LocalEngine(task.path, task.engine);
const reply = (message: AuditReply): void => parentPort?.postMessage(message);
try {
  const keys = task.keys === undefined ? undefined : keysFromMessage(task.keys);
  const options = { keys, require: task.require };
  await takeRuns(engine, task.runs, task.taken, options, (run, findings) =>
    reply({ run, findings }),
  );
  reply({ done: true });
} catch (cause) {
  const code = cause instanceof SealedReaderError ? cause.code : "WORKER_FAILED";
  reply({ code, message: cause instanceof Error ? cause.message : String(cause) });
} finally {
  await engine.close();
}
