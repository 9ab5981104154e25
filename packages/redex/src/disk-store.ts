import { checksum } from "./checksum.js";
import { encodeBatch } from "./encoded-batch.js";
import { type EventStore, MAX_LIVE_BYTES } from "./event-store.js";
import { type GenerationFiles, TakeBackFailure } from "./generation-files.js";
import { CHECKSUM_MASK, INLINE_FLAG, inlinePayload, RECORD_BYTES } from "./index-record.js";
import { tooLarge } from "./memory-store.js";
import { PayloadReader } from "./payload-reader.js";
import type { RecordTable } from "./record-table.js";
import { eventWeight, payloadLength, type RecoveredLog } from "./recovery.js";
import { ioError, RedexError } from "./redex-error.js";
import type { RedexEvent } from "./redex-event.js";
import type { SequenceRuns } from "./sequence-runs.js";
import { readFully } from "./storage.js";

const MAX_OFFSET = 0xffff_ffff;

/** Where the append times of a log's events lie in its timestamp file. */
interface TimeColumn {
  /** From this position on the file knows; events before count as appended at `openedAt`. */
  readonly knownFrom: number;
  /** The byte at which the time of `knownFrom` lies. */
  readonly base: number;
  readonly openedAt: bigint;
}

/** Times that were read: those from position `from` to before `to`. */
interface TimeBlock {
  readonly from: number;
  readonly to: number;
  readonly view: DataView;
}

const NO_TIMES: TimeBlock = { from: 0, to: 0, view: new DataView(new ArrayBuffer(0)) };
const TIMES_PER_READ = 512;

/**
 * Events in a directory. Memory holds 12 bytes for each; payloads and times stay in the files.
 * Every append has reached the system when it returns, so it survives the end of this process.
 */
export class DiskStore implements EventStore {
  readonly runs: SequenceRuns;
  #table: RecordTable;
  readonly #now: () => bigint;
  #files: GenerationFiles;
  #start = 0;
  #oldestOnDisk = 0;
  #weight: number;
  #times: TimeColumn;
  #timeBlock: TimeBlock = NO_TIMES;
  #failure: RedexError | undefined;
  /** Called once, when the log takes no more events. */
  onPoison: ((error: RedexError) => void) | undefined;

  constructor(log: RecoveredLog, now: () => bigint) {
    this.#files = log.files;
    this.#table = log.table;
    this.runs = log.runs;
    this.#weight = log.weight;
    this.#now = now;
    this.#times = log.timestampsKnown
      ? { knownFrom: 0, base: 0, openedAt: 0n }
      : { knownFrom: this.end, base: log.files.timestampSize, openedAt: now() };
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#table.end;
  }

  get weight(): number {
    return this.#weight;
  }

  get files(): GenerationFiles {
    return this.#files;
  }

  /** Why nothing can be appended any more, once a write could not be undone or an fsync failed. */
  get failure(): RedexError | undefined {
    return this.#failure;
  }

  /** Refuses every later append: what the files hold is unknown until they are opened again. */
  poison(cause: RedexError): void {
    if (this.#failure !== undefined) return;
    this.#failure = new RedexError(
      "POISONED",
      "append",
      `io: the log was damaged by an earlier failure and takes no more events; close and open it again to recover (${cause.message})`,
      { cause },
    );
    this.onPoison?.(this.#failure);
  }

  append(seq: bigint, payload: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    const files = this.#files;
    const offset = files.payloadSize;
    const { length } = payload;
    this.#ensureRoom("append", offset, length);
    const sum = checksum(payload);
    try {
      files.append(payload, seq, sum, this.#now(), this.#timeByte(this.end));
    } catch (cause) {
      throw this.#failed("append", cause);
    }
    this.#commit(seq, offset, length, sum);
  }

  appendBatch(seq: bigint, payloads: readonly Uint8Array[]): void {
    if (this.#failure !== undefined) throw this.#failure;
    let bytes = 0;
    for (const payload of payloads) bytes += payload.length;
    const offset = this.#files.payloadSize;
    this.#ensureRoom("append_batch", offset, bytes);
    const batch = encodeBatch(seq, payloads, offset, bytes, this.#now());
    try {
      this.#files.write(batch.payloads, batch.records, batch.times, this.#timeByte(this.end));
    } catch (cause) {
      throw this.#failed("append_batch", cause);
    }
    let at = offset;
    for (const [n, payload] of payloads.entries()) {
      this.#commit(seq + BigInt(n), at, payload.length, batch.checksums[n] as number);
      at += payload.length;
    }
  }

  read(from: number, to: number): RedexEvent[] {
    const events: RedexEvent[] = [];
    this.visit(from, to, (position, payload) => {
      const last = this.#table.word(position, 2);
      events.push({
        seq: this.runs.seqAt(position),
        payload: payload.slice(),
        checksum: last & CHECKSUM_MASK,
        inline: last >= INLINE_FLAG,
      });
    });
    return events;
  }

  visit(
    from: number,
    to: number,
    visitor: (position: number, payload: Uint8Array) => unknown,
  ): void {
    const ahead = to - from === 1 ? 0 : undefined;
    let files = this.#files;
    let source = files.openPayload();
    try {
      // A reader of its own, so that what the visitor does here cannot change what it is shown.
      let payloads = new PayloadReader(source, ahead);
      for (let position = from; position < to; position += 1) {
        if (position < this.#start) continue;
        if (files !== this.#files) {
          files.closePayload(source);
          files = this.#files;
          source = files.openPayload();
          payloads = new PayloadReader(source, ahead);
        }
        const payload = this.#payload(position, payloads);
        if (payload !== undefined && visitor(position, payload) === false) return;
      }
    } catch (cause) {
      throw ioError("read_range", "the payloads could not be read", cause);
    } finally {
      files.closePayload(source);
    }
  }

  weightAt(position: number): number {
    return eventWeight(this.#table.word(position, 1), this.#table.word(position, 2));
  }

  timeAt(position: number): bigint {
    if (position < this.#times.knownFrom) return this.#times.openedAt;
    // Retention asks for one after the other, and a time that is written never changes.
    let block = this.#timeBlock;
    if (position < block.from || position >= block.to) {
      const to = Math.min(this.end, position + TIMES_PER_READ);
      const times = this.timesBetween(position, to);
      block = { from: position, to, view: new DataView(times.buffer) };
      this.#timeBlock = block;
    }
    return block.view.getBigUint64(8 * (position - block.from), true);
  }

  /** The append times of events as their file holds them, 8 bytes each. */
  timesBetween(from: number, to: number): Uint8Array {
    const times = new Uint8Array(8 * (to - from));
    const unknown = Math.min(Math.max(0, this.#times.knownFrom - from), to - from);
    const view = new DataView(times.buffer);
    for (let n = 0; n < unknown; n += 1) view.setBigUint64(8 * n, this.#times.openedAt, true);
    if (unknown < to - from) {
      const rest = times.subarray(8 * unknown);
      readFully(this.#files.timestamps, rest, this.#timeByte(from + unknown));
    }
    return times;
  }

  /** The newest event stays in the table and on disk: the next number follows from it. */
  evictBefore(position: number): void {
    for (let gone = this.#start; gone < position; gone += 1) this.#weight -= this.weightAt(gone);
    this.#start = position;
    const kept = Math.min(position, this.end - 1);
    this.#table.dropBefore(kept);
    this.runs.dropBefore(kept);
  }

  /** Where the files begin: before `start` where evicted events have not been reclaimed yet. */
  get oldestOnDisk(): number {
    return this.#oldestOnDisk;
  }

  /** The three words of the record at `position`: offset, length, flags and checksum. */
  record(position: number): readonly [offset: number, length: number, last: number] {
    const table = this.#table;
    return [table.word(position, 0), table.word(position, 1), table.word(position, 2)];
  }

  /** Makes `files`, which hold the events from `from` on as `table` says, the live ones. */
  switchTo(files: GenerationFiles, table: RecordTable, from: number): void {
    this.#files = files;
    this.#table = table;
    this.#oldestOnDisk = from;
    this.#times = { knownFrom: from, base: 0, openedAt: this.#times.openedAt };
    this.#timeBlock = NO_TIMES;
  }

  #payload(position: number, payloads: PayloadReader): Uint8Array | undefined {
    const [offset, length, last] = this.record(position);
    const payload =
      last >= INLINE_FLAG
        ? inlinePayload(offset, length)
        : payloads.read(offset, length, this.#files.payloadSize);
    if (payload.length !== payloadLength(length, last)) return undefined;
    return checksum(payload) === (last & CHECKSUM_MASK) ? payload : undefined;
  }

  #timeByte(position: number): number {
    return this.#times.base + 8 * (position - this.#times.knownFrom);
  }

  #commit(seq: bigint, offset: number, length: number, sum: number): void {
    this.#table.push(offset, length, sum);
    this.#weight += RECORD_BYTES + length;
    if (this.runs.end === 0) this.runs.push(seq);
    else this.runs.extend(1);
  }

  #ensureRoom(context: string, offset: number, length: number): void {
    const live = this.#weight - RECORD_BYTES * (this.end - this.#start);
    if (live + length > MAX_LIVE_BYTES) throw tooLarge(context, length);
    if (offset + length <= MAX_OFFSET) return;
    throw new RedexError(
      "OFFSET_OVERFLOW",
      context,
      `segment offset overflow: offset ${offset + length} exceeds u32::MAX`,
    );
  }

  #failed(context: string, cause: unknown): RedexError {
    const error = ioError(context, "the event could not be written, and was taken back", cause);
    if (cause instanceof TakeBackFailure) this.poison(error);
    return error;
  }
}
