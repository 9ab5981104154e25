import { setImmediate } from "node:timers/promises";
import { checksum, recordVerifier, VERIFY_RECORDS } from "./checksum.js";
import { CHECKSUM_MASK, INLINE_FLAG, inlinePayload, RECORD_BYTES } from "./index-record.js";
import { RecordTable } from "./record-table.js";
import { SequenceRuns } from "./sequence-runs.js";
import { readFully, type StorageFile } from "./storage.js";

/** Between pauses for the event loop. */
const BLOCKS_PER_TURN = 16;
const SMALL_READ = 4_096;

/** The files that records are scanned in; `payloadSize` may grow from block to block. */
export interface RecordSource {
  readonly index: StorageFile;
  readonly payload: StorageFile;
  readonly payloadSize: number;
}

/** What a pass over all records finds. */
export interface RecordScan {
  readonly table: RecordTable;
  readonly runs: SequenceRuns;
  /** Where the last payload ends. */
  readonly payloadEnd: number;
  /** Sum of 20 and the payload's length over the whole events. */
  readonly weight: number;
  /** The numbers of the records that are left out. */
  readonly damaged: readonly number[];
}

/** Steps 4 and 6 of recovery in one pass: where the payloads end, and which events are whole. */
export async function scanRecords(files: RecordSource, records: number): Promise<RecordScan> {
  const scan = new RecordScanner(files);
  await scanOn(scan, 0, records);
  return scan;
}

/** Goes on with a scan: takes the records from number `first` to before `records`. */
export async function scanOn(scan: RecordScanner, first: number, records: number): Promise<void> {
  for (let from = first, block = 1; from < records; from += VERIFY_RECORDS, block += 1) {
    scan.block(from, Math.min(VERIFY_RECORDS, records - from));
    if (block % BLOCKS_PER_TURN === 0) await setImmediate();
  }
}

/** A pass over the records of an index, block by block. */
export class RecordScanner implements RecordScan {
  readonly table: RecordTable = new RecordTable();
  readonly runs: SequenceRuns = new SequenceRuns();
  readonly damaged: number[] = [];
  payloadEnd = 0;
  weight = 0;
  readonly #files: RecordSource;
  /** What of the payload file lies in the verifier's memory. */
  #start = 0;
  #end = 0;
  /** Where the last read ended, so that reading on is told from jumping about. */
  #readTo = 0;

  constructor(files: RecordSource) {
    this.#files = files;
  }

  /** Takes `count` records from number `from` on. */
  block(from: number, count: number): void {
    const verifier = recordVerifier();
    // Another log's recovery may have used the memory since.
    this.#start = 0;
    this.#end = 0;
    const bytes = verifier.records.subarray(0, count * RECORD_BYTES);
    const came = readFully(this.#files.index, bytes, from * RECORD_BYTES);
    if (came < bytes.length) {
      throw new Error(`idx ended at byte ${from * RECORD_BYTES + came} while it was read`);
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let n = 0; n < count; ) {
      const whole = verifier.verify(n, count, this.#start, this.#end);
      for (; n < whole; n += 1) this.#keep(view, n * RECORD_BYTES);
      if (n === count) break;
      if (this.#load(verifier.payloads, view, n * RECORD_BYTES)) continue;
      if (this.#isWhole(view, n * RECORD_BYTES)) this.#keep(view, n * RECORD_BYTES);
      else this.damaged.push(from + n);
      n += 1;
    }
  }

  #keep(view: DataView, at: number): void {
    const offset = view.getUint32(at + 8, true);
    const length = view.getUint32(at + 12, true);
    const last = view.getUint32(at + 16, true);
    if (last >= INLINE_FLAG) this.weight += RECORD_BYTES;
    else {
      this.weight += RECORD_BYTES + length;
      if (offset + length > this.payloadEnd) this.payloadEnd = offset + length;
    }
    this.table.push(offset, length, last);
    this.runs.pushWords(view.getUint32(at, true), view.getUint32(at + 4, true));
  }

  /** Reads the payload of the record at `at`, and what follows; false where that cannot help. */
  #load(target: Uint8Array, view: DataView, at: number): boolean {
    const offset = view.getUint32(at + 8, true);
    const length = view.getUint32(at + 12, true);
    const isInline = view.getUint32(at + 16, true) >= INLINE_FLAG;
    const isThere = offset >= this.#start && offset + length <= this.#end;
    const { payloadSize } = this.#files;
    if (isInline || isThere || length > target.length || offset + length > payloadSize)
      return false;
    const ahead = offset <= this.#readTo && offset + target.length > this.#readTo;
    const wanted = ahead ? target.length : Math.max(length, SMALL_READ);
    const came = readFully(this.#files.payload, target.subarray(0, wanted), offset);
    this.#start = offset;
    this.#end = offset + came;
    this.#readTo = this.#end;
    return came >= length;
  }

  /** Whether a record that could not be verified with the rest is whole by itself. */
  #isWhole(view: DataView, at: number): boolean {
    const offset = view.getUint32(at + 8, true);
    const length = view.getUint32(at + 12, true);
    const last = view.getUint32(at + 16, true);
    if (last >= INLINE_FLAG)
      return checksum(inlinePayload(offset, length)) === (last & CHECKSUM_MASK);
    if (offset + length > this.payloadEnd) this.payloadEnd = offset + length;
    const isTried = offset >= this.#start && offset + length <= this.#end;
    if (isTried || offset + length > this.#files.payloadSize) return false;
    const payload = new Uint8Array(length);
    readFully(this.#files.payload, payload, offset);
    return checksum(payload) === (last & CHECKSUM_MASK);
  }
}
