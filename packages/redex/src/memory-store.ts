import { checksum } from "./checksum.js";
import { type EventStore, MAX_LIVE_BYTES } from "./event-store.js";
import { RECORD_BYTES } from "./index-record.js";
import { RecordTable } from "./record-table.js";
import { RedexError } from "./redex-error.js";
import type { RedexEvent } from "./redex-event.js";
import { SequenceRuns } from "./sequence-runs.js";

const SMALLEST_SEGMENT = 1_024;
const LARGEST_SEGMENT = 1 << 20;

/**
 * Events in memory: payloads one behind the other in segments, and for each its segment, its place
 * in it and its length. A segment is freed when its last event is evicted.
 */
export class MemoryStore implements EventStore {
  readonly runs: SequenceRuns = new SequenceRuns();
  readonly #table = new RecordTable();
  readonly #now: (() => bigint) | undefined;
  #start = 0;
  #payloadBytes = 0;
  /** By segment number less `#dropped`. */
  #segments: Uint8Array[] = [];
  #dropped = 0;
  #segment = new Uint8Array(0);
  #used = 0;
  /** Append times, by position less `#timesFrom`; kept only where a clock is given. */
  #times: bigint[] = [];
  #timesFrom = 0;

  /** @param now the clock, where append times are needed */
  constructor(now?: () => bigint) {
    this.#now = now;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#table.end;
  }

  get weight(): number {
    return this.#payloadBytes + RECORD_BYTES * (this.#table.end - this.#start);
  }

  append(seq: bigint, payload: Uint8Array): void {
    const { length } = payload;
    if (this.#payloadBytes + length > MAX_LIVE_BYTES) throw tooLarge("append", length);
    if (this.#now !== undefined) this.#times.push(this.#now());
    this.#put(payload);
    if (this.runs.end === 0) this.runs.push(seq);
    else this.runs.extend(1);
  }

  appendBatch(seq: bigint, payloads: readonly Uint8Array[]): void {
    let bytes = 0;
    for (const payload of payloads) bytes += payload.length;
    if (this.#payloadBytes + bytes > MAX_LIVE_BYTES) throw tooLarge("append_batch", bytes);
    const now = this.#now?.();
    for (const payload of payloads) {
      if (now !== undefined) this.#times.push(now);
      this.#put(payload);
    }
    if (this.runs.end === 0) this.runs.push(seq, payloads.length);
    else this.runs.extend(payloads.length);
  }

  read(from: number, to: number): RedexEvent[] {
    const events: RedexEvent[] = [];
    for (let position = from; position < to; position += 1) {
      const segment = this.#segments[this.#table.word(position, 0) - this.#dropped] as Uint8Array;
      const at = this.#table.word(position, 1);
      const payload = segment.slice(at, at + this.#table.word(position, 2));
      const seq = this.runs.seqAt(position);
      events.push({ seq, payload, checksum: checksum(payload), inline: false });
    }
    return events;
  }

  visit(
    from: number,
    to: number,
    visitor: (position: number, payload: Uint8Array) => unknown,
  ): void {
    for (let position = from; position < to; position += 1) {
      // A visitor may append, and so evict what it has not seen.
      if (position < this.#start) continue;
      if (visitor(position, this.#payload(position)) === false) return;
    }
  }

  weightAt(position: number): number {
    return RECORD_BYTES + this.#table.word(position, 2);
  }

  timeAt(position: number): bigint {
    return this.#times[position - this.#timesFrom] ?? 0n;
  }

  evictBefore(position: number): void {
    for (let gone = this.#start; gone < position; gone += 1) {
      this.#payloadBytes -= this.#table.word(gone, 2);
    }
    this.#start = position;
    const isEmpty = position === this.#table.end;
    const oldest = isEmpty ? this.#dropped + this.#segments.length : this.#table.word(position, 0);
    if (oldest > this.#dropped) {
      this.#segments.splice(0, oldest - this.#dropped);
      this.#dropped = oldest;
      if (isEmpty) this.#segment = new Uint8Array(0);
      if (isEmpty) this.#used = 0;
    }
    this.#table.dropBefore(position);
    if (!isEmpty) this.runs.dropBefore(position);
    const stale = position - this.#timesFrom;
    if (this.#now !== undefined && stale > 1_024 && stale * 2 > this.#times.length) {
      this.#times.splice(0, stale);
      this.#timesFrom = position;
    }
  }

  #payload(position: number): Uint8Array {
    const segment = this.#segments[this.#table.word(position, 0) - this.#dropped] as Uint8Array;
    const at = this.#table.word(position, 1);
    return segment.subarray(at, at + this.#table.word(position, 2));
  }

  #put(payload: Uint8Array): void {
    const { length } = payload;
    if (this.#used + length > this.#segment.length || this.#segments.length === 0) {
      this.#nextSegment(length);
    }
    this.#segment.set(payload, this.#used);
    this.#table.push(this.#dropped + this.#segments.length - 1, this.#used, length);
    this.#used += length;
    this.#payloadBytes += length;
  }

  /** Segments grow with the log; a payload larger than one has a segment of its own size. */
  #nextSegment(length: number): void {
    const usual = Math.min(LARGEST_SEGMENT, Math.max(SMALLEST_SEGMENT, this.#segment.length * 4));
    this.#segment = new Uint8Array(Math.max(usual, length));
    this.#segments.push(this.#segment);
    this.#used = 0;
  }
}

/** The refusal of a payload that would exceed the live bytes of a log. */
export function tooLarge(context: string, length: number): RedexError {
  return new RedexError(
    "TOO_LARGE",
    context,
    `payload too large: ${length} bytes (max ${MAX_LIVE_BYTES})`,
  );
}
