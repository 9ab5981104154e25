/** A thread that verifies events while another one receives them. */
import { workerData } from "node:worker_threads";
import { eventVerifier, SEALED_TABLES } from "@gaiaftcl/sealed-row";
import type { Level } from "@gaiaftcl/witness";
import { ACCEPTED, BUSY, LEFT, SharedRing, SLOTS, WAITING } from "./shared-ring.js";

/** What the thread is told when it starts. */
export interface VerifyTask {
  readonly memory: SharedArrayBuffer;
  readonly require: Level | undefined;
}

const { memory, require } = workerData as VerifyTask;
const ring = new SharedRing(memory);
const verifiers = SEALED_TABLES.map((table) => eventVerifier(table, { require }));

// It is ended from outside, also while it waits.
for (let next = 0, published = 0; ; ) {
  if (next === published) {
    // Looked at as rarely as that, since the other thread changes it all the time.
    published = ring.published;
    if (next === published) ring.sleep(published);
    continue;
  }
  // What was overtaken so far has been done by the other thread.
  if (((published - next) | 0) > SLOTS) next = (published - SLOTS) | 0;
  const ticket = next;
  next = (next + 1) | 0;
  if (ring.move(ticket, WAITING, BUSY)) ring.settle(ticket, verify(ticket));
}

function verify(ticket: number): number {
  try {
    const found = verifiers[ring.tableAt(ticket)]?.read(ring.eventAt(ticket));
    if (found === undefined) return LEFT;
    ring.setFound(ticket, found);
    return ACCEPTED;
  } catch {
    return LEFT;
  }
}
