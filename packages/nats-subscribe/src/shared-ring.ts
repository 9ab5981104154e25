import type { VerifiedEvent } from "@gaiaftcl/sealed-row";
import type { Sha256Hex } from "@gaiaftcl/witness";

/** What became of the event in a slot. */
export const FREE = 0;
export const WAITING = 1;
export const BUSY = 2;
export const ACCEPTED = 3;
/** Left to the long way. */
export const LEFT = 4;
/** Taken back by the thread it came from. */
export const TAKEN = 5;

/** A power of two, so that tickets may overflow. */
export const SLOTS = 1024;
/** Larger events are not shared. */
export const SLOT_BYTES = 4096;
const HASH_LENGTH = 64;
const LONGEST_ID = 255;
/** The witness hash, two facets, and the id. */
const RESULT_BYTES = 3 * HASH_LENGTH + LONGEST_ID + 1;

/** The head of the control words: the tickets given out, and what the verifying thread waits for. */
const PUBLISHED = 0;
const SLEEPS_AT = 1;
const SLEEPS = 2;
const HEAD_WORDS = 4;
/** Of each slot: its state, the length of the event, its table, and the length of the id found. */
const SLOT_WORDS = 4;
/** Of each slot: `seq`, and the time of broadcast. */
const SLOT_NUMBERS = 2;

const CONTROL_BYTES = (HEAD_WORDS + SLOTS * SLOT_WORDS) * Int32Array.BYTES_PER_ELEMENT;
const NUMBER_BYTES = SLOTS * SLOT_NUMBERS * Float64Array.BYTES_PER_ELEMENT;
/** So many events must wait before a sleeping thread is woken, which takes as long as one of them. */
const WORTH_WAKING = 16;

/**
 * Memory that two threads share: one puts in events under tickets that go up, the other takes them
 * in order and leaves what it found. An event in a slot belongs to whoever changed its state last.
 */
export class SharedRing {
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #numbers: Float64Array;
  readonly #bytes: Buffer;

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer(
      CONTROL_BYTES + NUMBER_BYTES + SLOTS * (SLOT_BYTES + RESULT_BYTES),
    ),
  ) {
    this.memory = memory;
    this.#control = new Int32Array(memory, 0, HEAD_WORDS + SLOTS * SLOT_WORDS);
    this.#numbers = new Float64Array(memory, CONTROL_BYTES, SLOTS * SLOT_NUMBERS);
    this.#bytes = Buffer.from(memory, CONTROL_BYTES + NUMBER_BYTES);
  }

  state(ticket: number): number {
    return Atomics.load(this.#control, wordOf(ticket));
  }

  /** Whether the event went over from one state to another by this very call. */
  move(ticket: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#control, wordOf(ticket), from, to) === from;
  }

  settle(ticket: number, state: number): void {
    Atomics.store(this.#control, wordOf(ticket), state);
  }

  /**
   * Puts an event of ASCII characters into the slot of a ticket, which is free, and gives the ticket
   * out. A text is written several times as fast as bytes are copied into shared memory.
   */
  publish(ticket: number, table: number, event: string): void {
    const word = wordOf(ticket);
    this.#bytes.write(event, dataOf(ticket), "latin1");
    this.#control[word + 1] = event.length;
    this.#control[word + 2] = table;
    Atomics.store(this.#control, word, WAITING);
    const published = (ticket + 1) | 0;
    Atomics.store(this.#control, PUBLISHED, published);
    if (Atomics.load(this.#control, SLEEPS) === 0) return;
    if (((published - Atomics.load(this.#control, SLEEPS_AT)) | 0) < WORTH_WAKING) return;
    Atomics.store(this.#control, SLEEPS, 0);
    Atomics.notify(this.#control, PUBLISHED);
  }

  /** The ticket after the last one given out. */
  get published(): number {
    return Atomics.load(this.#control, PUBLISHED);
  }

  /** Waits until more tickets than these were given out, and enough to be worth it. */
  sleep(published: number): void {
    Atomics.store(this.#control, SLEEPS_AT, published);
    Atomics.store(this.#control, SLEEPS, 1);
    Atomics.wait(this.#control, PUBLISHED, published);
    Atomics.store(this.#control, SLEEPS, 0);
  }

  tableAt(ticket: number): number {
    return this.#control[wordOf(ticket) + 2] as number;
  }

  eventAt(ticket: number): string {
    return this.#textAt(dataOf(ticket), this.#control[wordOf(ticket) + 1] as number);
  }

  setFound(ticket: number, found: VerifiedEvent): void {
    const { id, witnessHash, seq, broadcastAfterMs, pathFacet, tauFacet } = found;
    let at = dataOf(ticket) + SLOT_BYTES;
    at += this.#bytes.write(witnessHash, at, "latin1");
    at += this.#bytes.write(pathFacet, at, "latin1");
    at += this.#bytes.write(tauFacet, at, "latin1");
    this.#bytes.write(id, at, "latin1");
    this.#control[wordOf(ticket) + 3] = id.length;
    this.#numbers[numberOf(ticket)] = seq;
    this.#numbers[numberOf(ticket) + 1] = broadcastAfterMs ?? Number.NaN;
  }

  found(ticket: number): VerifiedEvent {
    const from = dataOf(ticket) + SLOT_BYTES;
    const after = this.#numbers[numberOf(ticket) + 1] as number;
    const idLength = this.#control[wordOf(ticket) + 3] as number;
    return {
      id: this.#textAt(from + 3 * HASH_LENGTH, idLength),
      witnessHash: this.#hashAt(from),
      pathFacet: this.#hashAt(from + HASH_LENGTH),
      tauFacet: this.#hashAt(from + 2 * HASH_LENGTH),
      seq: this.#numbers[numberOf(ticket)] as number,
      broadcastAfterMs: Number.isNaN(after) ? null : after,
    };
  }

  #hashAt(from: number): Sha256Hex {
    return this.#textAt(from, HASH_LENGTH) as Sha256Hex;
  }

  #textAt(from: number, length: number): string {
    return this.#bytes.toString("latin1", from, from + length);
  }
}

function wordOf(ticket: number): number {
  return HEAD_WORDS + (ticket & (SLOTS - 1)) * SLOT_WORDS;
}

function numberOf(ticket: number): number {
  return (ticket & (SLOTS - 1)) * SLOT_NUMBERS;
}

function dataOf(ticket: number): number {
  return (ticket & (SLOTS - 1)) * (SLOT_BYTES + RESULT_BYTES);
}
