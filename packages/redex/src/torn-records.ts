import { INLINE_FLAG, RECORD_BYTES } from "./index-record.js";
import type { RecordSource } from "./record-scan.js";
import { readFully, type StorageFile } from "./storage.js";

const RECORDS_PER_READ = 16_384;

/**
 * Step 3, from the newest record back: how many records remain once the torn ones at the end, and
 * the inline ones behind them, are cut.
 */
export function wholeRecords(files: RecordSource, records: number): number {
  let torn = records;
  for (const { from, view, count } of recordsBackwards(files.index, records)) {
    for (let n = count - 1; n >= 0; n -= 1) {
      const at = n * RECORD_BYTES;
      if (view.getUint32(at + 16, true) >= INLINE_FLAG) continue;
      const end = view.getUint32(at + 8, true) + view.getUint32(at + 12, true);
      if (end <= files.payloadSize) return torn;
      torn = from + n;
    }
  }
  return torn;
}

interface RecordRead {
  /** The number of the first record, the bytes, and how many records they are. */
  readonly from: number;
  readonly view: DataView;
  readonly count: number;
}

/** Blocks of records, newest first; a small one first, since mostly the newest record fits. */
function* recordsBackwards(index: StorageFile, records: number): Generator<RecordRead> {
  let end = records;
  for (let size = 64; end > 0; size = RECORDS_PER_READ) {
    const from = Math.max(0, end - size);
    yield readRecords(index, from, end - from);
    end = from;
  }
}

function readRecords(index: StorageFile, from: number, count: number): RecordRead {
  const bytes = new Uint8Array(count * RECORD_BYTES);
  const came = readFully(index, bytes, from * RECORD_BYTES);
  if (came < bytes.length) {
    throw new Error(`idx ended at byte ${from * RECORD_BYTES + came} while it was read`);
  }
  return { from, view: new DataView(bytes.buffer), count };
}
