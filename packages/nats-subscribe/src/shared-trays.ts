import { EVENT_RECORD_WORDS } from "@gaiaftcl/sealed-row";

/** What became of a tray. */
export const EMPTY = 0;
export const WAITING = 1;
/** With one of the two threads. */
export const TAKEN = 2;
/** Every event on it was looked at. */
export const DONE = 3;

/** Powers of two, so that tickets may overflow. */
export const TRAYS = 64;
export const TRAY_EVENTS = 16;
const TRAY_BYTES = 32 * 1024;
/** Larger events are not shared. */
export const MOST_EVENT_BYTES = 4096;
/** An event stands on its tray as it stood in a word of the memory it came from. */
const WORD_BYTES = 8;

/** The head of the control words: the trays given out, and what the verifying thread waits for. */
const PUBLISHED = 0;
const SLEEPS_AT = 1;
const SLEEPS = 2;
const HEAD_WORDS = 16;
/** So many words go over from one core to the other at once, and no two trays share them. */
const LINE_WORDS = 16;
/** Of each tray: its state, and how many events are on it. */
const COUNT = 1;
/** Of each event: where it begins, how long it is, its table, whether it is good; then its record. */
const EVENT_WORDS = 4 + EVENT_RECORD_WORDS;
const LENGTH = 1;
const TABLE = 2;
const GOOD = 3;
const RECORD = 4;
const TRAY_WORDS = LINE_WORDS + Math.ceil((TRAY_EVENTS * EVENT_WORDS) / LINE_WORDS) * LINE_WORDS;

const CONTROL_BYTES = (HEAD_WORDS + TRAYS * TRAY_WORDS) * Int32Array.BYTES_PER_ELEMENT;
/** So many trays must wait before a sleeping thread is woken, which takes as long as some events. */
const WORTH_WAKING = 2;

/** Looks at an event: writes its record and says whether it is good. */
export type ReadInto = (
  table: number,
  event: Uint8Array,
  records: Int32Array,
  at: number,
) => boolean;

/**
 * Memory that two threads share. One puts events on trays and gives these out under numbers that go
 * up; either of the two takes a tray, and leaves on it what it found. What is on a tray belongs to
 * whoever changed its state last, so that two threads need not agree on every single event.
 */
export class SharedTrays {
  readonly memory: SharedArrayBuffer;
  /** Where the records of events are. */
  readonly words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(
    memory: SharedArrayBuffer = new SharedArrayBuffer(CONTROL_BYTES + TRAYS * TRAY_BYTES),
  ) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, HEAD_WORDS + TRAYS * TRAY_WORDS);
    this.#bytes = new Uint8Array(memory, CONTROL_BYTES);
  }

  state(tray: number): number {
    return Atomics.load(this.words, wordOf(tray));
  }

  /** Whether the caller has the tray now, which waited. */
  claim(tray: number): boolean {
    return Atomics.compareExchange(this.words, wordOf(tray), WAITING, TAKEN) === WAITING;
  }

  /** Begins to fill a tray that nobody has. */
  clear(tray: number): void {
    Atomics.store(this.words, wordOf(tray), EMPTY);
    this.words[wordOf(tray) + COUNT] = 0;
  }

  count(tray: number): number {
    return this.words[wordOf(tray) + COUNT] as number;
  }

  /**
   * Puts an event on a tray that is being filled. Whole words are copied into shared memory several
   * times as fast as bytes, which takes the same place in a word.
   *
   * @returns false where there is no room for it
   */
  put(tray: number, table: number, event: Uint8Array): boolean {
    const { words } = this;
    const index = this.count(tray);
    const word = eventWordOf(tray, index);
    const last = word - EVENT_WORDS;
    const free =
      index === 0
        ? bytesOf(tray)
        : roundUp((words[last] as number) + (words[last + LENGTH] as number));
    const start = free + (event.byteOffset % WORD_BYTES);
    if (index === TRAY_EVENTS || start + event.byteLength > bytesOf(tray) + TRAY_BYTES) {
      return false;
    }
    this.#bytes.set(event, start);
    words[word] = start;
    words[word + LENGTH] = event.byteLength;
    words[word + TABLE] = table;
    words[word + GOOD] = 0;
    words[wordOf(tray) + COUNT] = index + 1;
    return true;
  }

  /** Takes an event from a tray that is being filled, whose place stays empty. */
  remove(tray: number, index: number): void {
    this.words[eventWordOf(tray, index) + LENGTH] = 0;
  }

  /** Gives a tray out. */
  publish(tray: number): void {
    const { words } = this;
    Atomics.store(words, wordOf(tray), WAITING);
    const published = (tray + 1) | 0;
    Atomics.store(words, PUBLISHED, published);
    if (Atomics.load(words, SLEEPS) === 0) return;
    if (((published - Atomics.load(words, SLEEPS_AT)) | 0) < WORTH_WAKING) return;
    Atomics.store(words, SLEEPS, 0);
    Atomics.notify(words, PUBLISHED);
  }

  /** The tray after the last one given out. */
  get published(): number {
    return Atomics.load(this.words, PUBLISHED);
  }

  /** Waits until more trays than these were given out, and enough to be worth it. */
  sleep(published: number): void {
    const { words } = this;
    Atomics.store(words, SLEEPS_AT, published);
    Atomics.store(words, SLEEPS, 1);
    Atomics.wait(words, PUBLISHED, published);
    Atomics.store(words, SLEEPS, 0);
  }

  /** Looks at every event of a tray that the caller has. */
  work(tray: number, readInto: ReadInto): void {
    const { words } = this;
    const count = this.count(tray);
    for (let index = 0; index < count; index += 1) {
      const word = eventWordOf(tray, index);
      const start = words[word] as number;
      const event = this.#bytes.subarray(start, start + (words[word + LENGTH] as number));
      const isGood = readInto(words[word + TABLE] as number, event, words, word + RECORD);
      words[word + GOOD] = isGood ? 1 : 0;
    }
    Atomics.store(words, wordOf(tray), DONE);
  }

  /** Where the record of an event stands in `words`, once its tray is done; `undefined` where it is not good. */
  recordAt(tray: number, index: number): number | undefined {
    const word = eventWordOf(tray, index);
    return this.words[word + GOOD] === 1 ? word + RECORD : undefined;
  }
}

function wordOf(tray: number): number {
  return HEAD_WORDS + (tray & (TRAYS - 1)) * TRAY_WORDS;
}

function eventWordOf(tray: number, index: number): number {
  return wordOf(tray) + LINE_WORDS + index * EVENT_WORDS;
}

function bytesOf(tray: number): number {
  return (tray & (TRAYS - 1)) * TRAY_BYTES;
}

function roundUp(bytes: number): number {
  return (bytes + WORD_BYTES - 1) & -WORD_BYTES;
}
