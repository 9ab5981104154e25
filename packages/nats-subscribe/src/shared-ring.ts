import type { VerifiedEvent } from "@gaiaftcl/sealed-row";

/** What became of the event in a slot. */
export const FREE = 0;
export const WAITING = 1;
export const BUSY = 2;
export const ACCEPTED = 3;
/** Left to the long way. */
export const LEFT = 4;
/** Taken back by the thread it came from. */
export const TAKEN = 5;

/**
 * A power of two, so that tickets may overflow. With fewer, a thread that is done with all of them
 * sleeps until the other one has handed them out, which does most of the verifying itself meanwhile.
 */
export const SLOTS = 1024;
/** Larger events are not shared. */
export const SLOT_BYTES = 4096;
/** An event stands in its slot as it stood in a word of the memory it came from. */
const WORD_BYTES = 8;
const SLOT_STEP = SLOT_BYTES + WORD_BYTES;

/** The head of the control words: the tickets given out, and what the verifying thread waits for. */
const PUBLISHED = 0;
const SLEEPS_AT = 1;
const SLEEPS = 2;
const HEAD_WORDS = 16;
/**
 * Of each slot: its state, where the event begins and how long it is, its table, and the five places
 * found in it. So many words go over from one core to the other at once, and slots share none.
 */
const SLOT_WORDS = 16;
/** Of each slot: `seq`, and the time of broadcast. */
const SLOT_NUMBERS = 2;

const CONTROL_BYTES = (HEAD_WORDS + SLOTS * SLOT_WORDS) * Int32Array.BYTES_PER_ELEMENT;
const NUMBER_BYTES = SLOTS * SLOT_NUMBERS * Float64Array.BYTES_PER_ELEMENT;
/** So many events must wait before a sleeping thread is woken, which takes as long as one of them. */
const WORTH_WAKING = 32;

/**
 * Memory that two threads share: one puts in events under tickets that go up, the other takes them
 * in order and leaves what it found. An event in a slot belongs to whoever changed its state last.
 */
export class SharedRing {
  readonly memory: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #numbers: Float64Array;
  readonly #bytes: Uint8Array;

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer(
      CONTROL_BYTES + NUMBER_BYTES + SLOTS * SLOT_STEP,
    ),
  ) {
    this.memory = memory;
    this.#control = new Int32Array(memory, 0, HEAD_WORDS + SLOTS * SLOT_WORDS);
    this.#numbers = new Float64Array(memory, CONTROL_BYTES, SLOTS * SLOT_NUMBERS);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES + NUMBER_BYTES);
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
   * Puts an event into the slot of a ticket, which is free, and gives the ticket out. Whole words are
   * copied into shared memory several times as fast as bytes, which takes the same place in a word.
   */
  publish(ticket: number, table: number, event: Uint8Array): void {
    const word = wordOf(ticket);
    const place = event.byteOffset % WORD_BYTES;
    this.#bytes.set(event, dataOf(ticket) + place);
    this.#control[word + 1] = place;
    this.#control[word + 2] = event.byteLength;
    this.#control[word + 3] = table;
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
    return this.#control[wordOf(ticket) + 3] as number;
  }

  eventAt(ticket: number): Uint8Array {
    const word = wordOf(ticket);
    const start = dataOf(ticket) + (this.#control[word + 1] as number);
    return this.#bytes.subarray(start, start + (this.#control[word + 2] as number));
  }

  setFound(ticket: number, found: VerifiedEvent): void {
    const word = wordOf(ticket);
    this.#control[word + 4] = found.idStart;
    this.#control[word + 5] = found.idEnd;
    this.#control[word + 6] = found.witnessHashStart;
    this.#control[word + 7] = found.pathFacetStart;
    this.#control[word + 8] = found.tauFacetStart;
    this.#numbers[numberOf(ticket)] = found.seq;
    this.#numbers[numberOf(ticket) + 1] = found.broadcastAfterMs ?? Number.NaN;
  }

  found(ticket: number): VerifiedEvent {
    const word = wordOf(ticket);
    const after = this.#numbers[numberOf(ticket) + 1] as number;
    return {
      seq: this.#numbers[numberOf(ticket)] as number,
      broadcastAfterMs: Number.isNaN(after) ? null : after,
      idStart: this.#control[word + 4] as number,
      idEnd: this.#control[word + 5] as number,
      witnessHashStart: this.#control[word + 6] as number,
      pathFacetStart: this.#control[word + 7] as number,
      tauFacetStart: this.#control[word + 8] as number,
    };
  }
}

function wordOf(ticket: number): number {
  return HEAD_WORDS + (ticket & (SLOTS - 1)) * SLOT_WORDS;
}

function numberOf(ticket: number): number {
  return (ticket & (SLOTS - 1)) * SLOT_NUMBERS;
}

function dataOf(ticket: number): number {
  return (ticket & (SLOTS - 1)) * SLOT_STEP;
}
