import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { SEALED_TABLES } from "@gaiaftcl/sealed-row";
import type { Level } from "@gaiaftcl/witness";
import { sealedVerifiers } from "./sealed-verifiers.js";
import {
  DONE,
  EMPTY,
  MOST_EVENT_BYTES,
  type ReadInto,
  SharedTrays,
  TAKEN,
  TRAY_EVENTS,
  TRAYS,
  WAITING,
} from "./shared-trays.js";
import type { VerifyTask } from "./verify-worker.js";

const TABLE_OF: ReadonlyMap<string, number> = new Map(
  SEALED_TABLES.map(({ subject }, index) => [subject, index]),
);

/**
 * A thread that verifies rows while this one receives and hands out others. It only ever saves
 * work: what it has not done when it is wanted, this thread does, and so all of it where the thread
 * cannot start or ends.
 *
 * The ticket of an event is its tray and its place there, and good until the event is taken out.
 */
export class VerifyThread {
  readonly #trays = new SharedTrays();
  readonly #worker: Worker;
  readonly #readInto: ReadInto;
  /** The largest event it has room for. */
  readonly maxBytes: number;
  /** How many events of each tray were not taken out yet. */
  readonly #left = new Int32Array(TRAYS);
  /** The number of the tray that is being filled, and what is on it. */
  #open = 0;
  #filled = 0;
  /** A tray that was seen to be done. */
  #done = -1;
  #works = true;

  constructor(require: Level | undefined, maxEventBytes: number) {
    this.maxBytes = Math.min(MOST_EVENT_BYTES, maxEventBytes);
    this.#readInto = sealedVerifiers(require);
    const entry = createRequire(import.meta.url).resolve("#verify-worker");
    const workerData: VerifyTask = { memory: this.#trays.memory, require };
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

  /** Where the records of events are. */
  get records(): Int32Array {
    return this.#trays.words;
  }

  /** Whether there is a place for one more event. */
  get hasRoom(): boolean {
    return this.#works && (this.#filled > 0 || this.#isFree(slotOf(this.#open)));
  }

  /** Gives an event to the thread, while there is room; `undefined` where it reads no such events. */
  offer(subject: string, event: Uint8Array): number | undefined {
    const table = TABLE_OF.get(subject);
    if (table === undefined) return undefined;
    if (this.#filled === 0) this.#begin();
    if (!this.#trays.put(slotOf(this.#open), table, event)) {
      this.#publish();
      if (!this.#isFree(slotOf(this.#open))) return undefined;
      this.#begin();
      this.#trays.put(slotOf(this.#open), table, event);
    }
    const slot = slotOf(this.#open);
    const ticket = slot * TRAY_EVENTS + this.#filled;
    this.#filled += 1;
    this.#left[slot] = (this.#left[slot] as number) + 1;
    if (this.#filled === TRAY_EVENTS) this.#publish();
    return ticket;
  }

  /** Whether the event is on a tray that was given out and is not done. */
  isPending(ticket: number): boolean {
    const slot = trayOf(ticket);
    if (slot === this.#done) return false;
    const state = this.#trays.state(slot);
    if (state === DONE) this.#done = slot;
    return state === WAITING || (state === TAKEN && this.#works);
  }

  /**
   * Takes an event out. Where its record is in `records`, good until the next one is offered;
   * `undefined` where the thread did not come to it, or left it to this one.
   */
  take(ticket: number): number | undefined {
    const slot = trayOf(ticket);
    const place = ticket % TRAY_EVENTS;
    const left = (this.#left[slot] as number) - 1;
    this.#left[slot] = left;
    if (slot === this.#done) return this.#trays.recordAt(slot, place);
    const state = this.#trays.state(slot);
    if (state === DONE) return this.#trays.recordAt(slot, place);
    if (state === EMPTY) {
      this.#trays.remove(slot, place);
      if (left === 0) this.#filled = 0;
    }
    return undefined;
  }

  /**
   * Does some of the work while the tray of an event is not done: that tray, or the first one behind
   * it that nobody has.
   *
   * @returns false where there is nothing to do
   */
  help(ticket: number): boolean {
    const first = trayOf(ticket);
    let slot = first;
    do {
      if (this.#trays.claim(slot)) {
        this.#trays.work(slot, this.#readInto);
        return true;
      }
      slot = slotOf(slot + 1);
    } while (slot !== first && slot !== slotOf(this.#open));
    return false;
  }

  async close(): Promise<void> {
    this.#works = false;
    await this.#worker.terminate();
  }

  /** Whether all of a tray was taken out, and nobody works on it. */
  #isFree(slot: number): boolean {
    if (this.#left[slot] !== 0) return false;
    const state = this.#trays.state(slot);
    return state === DONE || state === EMPTY;
  }

  #begin(): void {
    const slot = slotOf(this.#open);
    if (this.#done === slot) this.#done = -1;
    this.#trays.clear(slot);
  }

  #publish(): void {
    this.#trays.publish(this.#open);
    this.#open = (this.#open + 1) | 0;
    this.#filled = 0;
  }
}

function slotOf(tray: number): number {
  return tray & (TRAYS - 1);
}

function trayOf(ticket: number): number {
  return Math.floor(ticket / TRAY_EVENTS);
}
