import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { SEALED_TABLES, type VerifiedEvent } from "@gaiaftcl/sealed-row";
import type { Level } from "@gaiaftcl/witness";
import {
  ACCEPTED,
  BUSY,
  FREE,
  SharedRing,
  SLOT_BYTES,
  SLOTS,
  TAKEN,
  WAITING,
} from "./shared-ring.js";
import type { VerifyTask } from "./verify-worker.js";

/** So far ahead of the next event to be handed out, the other thread does not get in the way. */
const AHEAD = 8;

const TABLE_OF: ReadonlyMap<string, number> = new Map(
  SEALED_TABLES.map(({ subject }, index) => [subject, index]),
);

/**
 * A thread that verifies rows while this one receives and hands out others. It only ever saves
 * work: what it has not done when it is wanted, this thread does, and so all of it where the thread
 * cannot start or ends.
 */
export class VerifyThread<Item extends object> {
  readonly #ring = new SharedRing();
  readonly #worker: Worker;
  /** The largest event it has room for. */
  readonly maxBytes: number;
  /** The item of each slot, until it is handed out. */
  readonly #items: (Item | undefined)[] = new Array<Item | undefined>(SLOTS).fill(undefined);
  #next = 0;
  #aheadFrom = 0;
  #works = true;

  constructor(require: Level | undefined, maxEventBytes: number) {
    this.maxBytes = Math.min(SLOT_BYTES, maxEventBytes);
    const entry = createRequire(import.meta.url).resolve("#verify-worker");
    const workerData: VerifyTask = { memory: this.#ring.memory, require };
    this.#worker = new Worker(pathToFileURL(entry), {
      workerData,
      // Not those of this process, some of which only go with its own entry.
      execArgv: [],
    });
    // It must not keep a process alive that has nothing else to do.
    this.#worker.unref();
    this.#worker.on("error", () => {
      this.#works = false;
    });
    this.#worker.on("exit", () => {
      this.#works = false;
    });
  }

  /** Whether there is a slot for one more event. */
  get hasRoom(): boolean {
    const ticket = this.#next;
    return (
      this.#works && this.#items[slotOf(ticket)] === undefined && this.#ring.state(ticket) !== BUSY
    );
  }

  /**
   * Gives an event to the thread, while there is room; `undefined` where it reads
   * no such events.
   */
  offer(item: Item, subject: string, event: Uint8Array): number | undefined {
    const table = TABLE_OF.get(subject);
    if (table === undefined) return undefined;
    const ticket = this.#next;
    this.#items[slotOf(ticket)] = item;
    this.#ring.publish(ticket, table, event);
    this.#next = (ticket + 1) | 0;
    return ticket;
  }

  isPending(ticket: number): boolean {
    const state = this.#ring.state(ticket);
    return state === WAITING || state === BUSY;
  }

  /** Takes an event out. `undefined` where the thread did not come to it, or left it to this one. */
  take(ticket: number): VerifiedEvent | undefined {
    this.#items[slotOf(ticket)] = undefined;
    if (this.#ring.state(ticket) === ACCEPTED) return this.#ring.found(ticket);
    this.#ring.move(ticket, WAITING, FREE);
    return undefined;
  }

  /**
   * An item for this thread to verify while the one of `head` is not done: one that the other thread
   * does not come to soon, or `undefined` where there is none.
   */
  claimBehind(head: number): Item | undefined {
    const earliest = (head + AHEAD) | 0;
    if (((this.#aheadFrom - earliest) | 0) < 0) this.#aheadFrom = earliest;
    while (((this.#next - this.#aheadFrom) | 0) > 0) {
      const ticket = this.#aheadFrom;
      this.#aheadFrom = (ticket + 1) | 0;
      if (this.#ring.move(ticket, WAITING, TAKEN)) return this.#items[slotOf(ticket)];
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#works = false;
    await this.#worker.terminate();
  }
}

function slotOf(ticket: number): number {
  return ticket & (SLOTS - 1);
}
