/** A thread that audits one run of rows of the cell's own database. */
import { parentPort, workerData } from "node:worker_threads";
import { auditRange } from "./audit-range.js";
import { keysFromMessage } from "./keys-message.js";
import { LocalEngine } from "./local-engine.js";
import type { AuditReply, AuditTask } from "./parallel-audit.js";
import { SealedReaderError } from "./sealed-reader-error.js";

const { path, engine: engineOptions, range, keys, require } = workerData as AuditTask;
const engine = new LocalEngine(path, engineOptions);
const reply = (message: AuditReply): void => parentPort?.postMessage(message);
try {
  const options = { keys: keys === undefined ? undefined : keysFromMessage(keys), require };
  const findings = await auditRange(engine, range, options, (rows) => reply({ rows }));
  reply({ findings });
} catch (cause) {
  const code = cause instanceof SealedReaderError ? cause.code : "WORKER_FAILED";
  reply({ code, message: cause instanceof Error ? cause.message : String(cause) });
} finally {
  await engine.close();
}
