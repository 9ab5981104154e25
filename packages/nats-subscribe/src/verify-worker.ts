/** A thread that verifies events while another one receives them. */
import { workerData } from "node:worker_threads";
import type { Level } from "@gaiaftcl/witness";
import { sealedVerifiers } from "./sealed-verifiers.js";
import { SharedTrays, TRAYS } from "./shared-trays.js";

/** What the thread is told when it starts. */
export interface VerifyTask {
  readonly memory: SharedArrayBuffer;
  readonly require: Level | undefined;
}

const { memory, require } = workerData as VerifyTask;
const trays = new SharedTrays(memory);
const readInto = sealedVerifiers(require);

// It is ended from outside, also while it waits.
for (let next = 0, published = 0; ; ) {
  if (next === published) {
    published = trays.published;
    if (next === published) trays.sleep(published);
    continue;
  }
  // What was overtaken so far has been done by the other thread.
  if (((published - next) | 0) > TRAYS) next = (published - TRAYS) | 0;
  const tray = next;
  next = (next + 1) | 0;
  if (trays.claim(tray)) trays.work(tray, readInto);
}
