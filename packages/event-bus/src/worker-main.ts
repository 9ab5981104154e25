import { parentPort, workerData } from "node:worker_threads";
import { SharedRing } from "./shared-ring.js";
import type { StoredEvent } from "./stored-event.js";
import type { WorkerMessage, WorkerStart } from "./workers.js";

// The thread of a worker pool: hands one event after the other to the handler's module. Started by
// `WorkerPool`, never imported.

const { handler, ring: shared } = workerData as WorkerStart;
const ring = new SharedRing(shared);
let isEnding = false;

// Also what keeps the thread alive while there is nothing to do.
parentPort?.on("message", () => {
  isEnding = true;
  ring.wake();
});

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

type Handle = (event: StoredEvent) => unknown;

/** The handler's function, or why there is none. */
async function load(): Promise<Handle | string> {
  try {
    const { handle } = (await import(handler)) as { readonly handle?: Handle };
    return typeof handle === "function" ? handle : `it exports no function called "handle"`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function work(): Promise<void> {
  const handle = await load();
  if (typeof handle === "string") {
    tell({ kind: "unusable", reason: `the handler ${handler} cannot be used: ${handle}` });
    return;
  }
  let position = ring.processed;
  for (;;) {
    const written = ring.written;
    if (position === written) {
      if (isEnding) return;
      await ring.untilWritten(written);
      continue;
    }
    while (position !== written) {
      const { event, next } = ring.read(position);
      try {
        const pending = handle(event);
        if (pending instanceof Promise) await pending;
      } catch (error) {
        const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
        tell({ kind: "failed", shardId: event.shardId, id: event.id, reason });
      }
      position = next;
      ring.process(position);
    }
  }
}

await work();
parentPort?.close();
