import { join } from "node:path";
import { findGeneration, removeOthers } from "./generation.js";
import { GenerationFiles } from "./generation-files.js";
import { INLINE_BYTES, INLINE_FLAG, RECORD_BYTES } from "./index-record.js";
import { generationDirectory } from "./manifest.js";
import { scanRecords } from "./record-scan.js";
import type { RecordTable } from "./record-table.js";
import type { SequenceRuns } from "./sequence-runs.js";
import { readFully, type Storage, writeFully } from "./storage.js";
import { wholeRecords } from "./torn-records.js";

/** What opening a persistent log found and repaired; all zero for a log that was closed well. */
export interface RecoveryReport {
  readonly generation: number;
  /** How the live generation was found: anything but `manifest` and `new` is a repair. */
  readonly found: "manifest" | "complete" | "flat" | "new";
  /** Events recovered. */
  readonly events: number;
  /** Records cut from the end, since their payloads are not all there (step 3). */
  readonly tornRecords: number;
  /** Events that are left out, since their checksum fails (step 6); they stay on disk. */
  readonly damagedEvents: number;
  /** Stray bytes cut from the end of the index and of the payload file (steps 2 and 4). */
  readonly strayIndexBytes: number;
  readonly strayPayloadBytes: number;
  /** Places where sequence numbers do not follow one another: a hole, or a damaged number. */
  readonly sequenceBreaks: number;
  /** Whether append times were lost, so that events count as appended now (step 5). */
  readonly timestampsLost: boolean;
  /** Generations that were not the live one, and were deleted (step 8). */
  readonly generationsRemoved: number;
}

/** A log as it was found on disk. */
export interface RecoveredLog {
  readonly files: GenerationFiles;
  readonly table: RecordTable;
  readonly runs: SequenceRuns;
  /** Sum of 20 and the payload's length over the events. */
  readonly weight: number;
  /** Whether the timestamp file holds one entry for each event, in their order. */
  readonly timestampsKnown: boolean;
  readonly report: RecoveryReport;
}

/**
 * Opens a channel's directory, which must exist, and recovers what it holds: steps 1 to 9 of
 * section 3, byte for byte as 0.19.0 does them. Lets the event loop run in between.
 */
export async function recover(storage: Storage, directory: string): Promise<RecoveredLog> {
  const live = findGeneration(storage, directory);
  const files = GenerationFiles.open(storage, directory, live.generation);
  try {
    // 0.19.0 leaves this out, so that a power cut can take new files, fsynced as they may be.
    storage.syncDirectory(join(directory, generationDirectory(live.generation)));
    storage.syncDirectory(directory);
    const indexBytes = files.indexSize;
    const strayIndexBytes = indexBytes % RECORD_BYTES;
    const whole = (indexBytes - strayIndexBytes) / RECORD_BYTES;
    if (strayIndexBytes > 0) files.truncate("idx", whole * RECORD_BYTES);
    const kept = wholeRecords(files, whole);
    if (kept < whole) files.truncate("idx", kept * RECORD_BYTES);

    const scan = await scanRecords(files, kept);
    const strayPayloadBytes = Math.max(0, files.payloadSize - scan.payloadEnd);
    if (strayPayloadBytes > 0) files.truncate("dat", scan.payloadEnd);

    const timestampsKnown = files.timestampSize >= 8 * kept;
    if (timestampsKnown) repairTimestamps(files, kept, scan.damaged);
    const generationsRemoved = removeOthers(storage, directory, live.generation);
    const startsLate = live.generation === 1 && scan.runs.end > 0 && scan.runs.seqAt(0) > 0n;
    return {
      files,
      table: scan.table,
      runs: scan.runs,
      weight: scan.weight,
      timestampsKnown,
      report: {
        ...live,
        events: scan.runs.end,
        tornRecords: whole - kept,
        damagedEvents: scan.damaged.length,
        strayIndexBytes,
        strayPayloadBytes,
        sequenceBreaks: scan.runs.breaks + (startsLate ? 1 : 0),
        timestampsLost: !timestampsKnown,
        generationsRemoved,
      },
    };
  } catch (cause) {
    files.close();
    throw cause;
  }
}

/** Step 7. Where events were left out, their times are too, and so the file is short from then on. */
function repairTimestamps(
  files: GenerationFiles,
  records: number,
  damaged: readonly number[],
): void {
  if (damaged.length === 0) {
    if (records > 0) files.truncate("ts", 8 * records);
    return;
  }
  const times = new Uint8Array(8 * records);
  readFully(files.timestamps, times, 0);
  let kept = 0;
  let next = 0;
  for (let record = 0; record < records; record += 1) {
    if (damaged[next] === record) {
      next += 1;
      continue;
    }
    times.copyWithin(kept * 8, record * 8, record * 8 + 8);
    kept += 1;
  }
  writeFully(files.timestamps, times.subarray(0, kept * 8), 0);
  files.truncate("ts", kept * 8);
}

/** The bytes an event takes: what retention by bytes counts (section 5). */
export function eventWeight(length: number, last: number): number {
  return RECORD_BYTES + (last >= INLINE_FLAG ? 0 : length);
}

/** The length of an event's payload, from its record. */
export function payloadLength(length: number, last: number): number {
  return last >= INLINE_FLAG ? INLINE_BYTES : length;
}
