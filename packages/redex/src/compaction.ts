import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { DiskStore } from "./disk-store.js";
import { writeManifest } from "./generation.js";
import { GenerationFiles } from "./generation-files.js";
import { INLINE_FLAG, RECORD_BYTES } from "./index-record.js";
import { generationDirectory } from "./manifest.js";
import { PayloadReader } from "./payload-reader.js";
import { RecordTable } from "./record-table.js";
import { ioError } from "./redex-error.js";
import type { Storage } from "./storage.js";
import type { SyncLoop } from "./sync-loop.js";

const BATCH_RECORDS = 8_192;
const BATCH_BYTES = 1 << 20;

/**
 * Gives back the room of evicted events (log format, section 5): writes the retained ones to the
 * next generation, fsyncs it, names it in the manifest and deletes the old one. Appends go on
 * meanwhile, into the old generation, and are copied last. Whatever fails before the manifest is
 * replaced leaves everything as it was.
 *
 * The newest event is kept also where it is evicted: without it the next number would be lost.
 *
 * @throws RedexError `IO`
 */
export async function compact(
  storage: Storage,
  directory: string,
  store: DiskStore,
  loop: SyncLoop,
): Promise<void> {
  const from = Math.min(store.start, store.end - 1);
  if (from <= store.oldestOnDisk) return;
  const generation = store.files.generation + 1;
  const path = join(directory, generationDirectory(generation));
  let files: GenerationFiles | undefined;
  try {
    storage.remove(path);
    storage.makeDirectory(path);
    files = GenerationFiles.open(storage, directory, generation);
    const copy = new GenerationCopy(store, files, from);
    while (copy.position < store.end) {
      copy.step();
      await setImmediate();
    }
    const written = files;
    await loop.hold(async () => {
      await written.sync();
      // From here on nothing else runs, so that no append can fall between the generations.
      const before = copy.position;
      while (copy.position < store.end) copy.step();
      if (copy.position > before) written.syncNow();
      storage.syncDirectory(path);
      storage.syncDirectory(directory);
      writeManifest(storage, directory, generation);
      const old = store.files;
      store.switchTo(written, copy.table, from);
      files = undefined;
      loop.advance(store.end);
      discard(storage, directory, old);
    });
  } catch (cause) {
    if (files !== undefined) discard(storage, directory, files);
    throw ioError("compaction", `generation ${generation} could not be written`, cause);
  }
}

/** Closes and deletes a generation; where that fails, the next open deletes it. */
function discard(storage: Storage, directory: string, files: GenerationFiles): void {
  try {
    files.close();
    storage.remove(join(directory, generationDirectory(files.generation)));
  } catch {
    // As said above.
  }
}

/** Copies events into a new generation, a bounded batch at a time, as they are on disk. */
class GenerationCopy {
  readonly table: RecordTable;
  readonly #store: DiskStore;
  readonly #files: GenerationFiles;
  readonly #payloads: PayloadReader;
  readonly #from: number;

  constructor(store: DiskStore, files: GenerationFiles, from: number) {
    this.#store = store;
    this.#files = files;
    this.#from = from;
    this.#payloads = new PayloadReader(store.files.payload);
    this.table = new RecordTable(from);
  }

  /** The first event that is not copied yet. */
  get position(): number {
    return this.table.end;
  }

  step(): void {
    const store = this.#store;
    const from = this.position;
    const { to, bytes } = this.#extent(from);
    const payloads = new Uint8Array(bytes);
    const records = new DataView(new ArrayBuffer((to - from) * RECORD_BYTES));
    const words: [number, number, number][] = [];
    let at = 0;
    for (let position = from; position < to; position += 1) {
      const [offset, length, last] = store.record(position);
      const record = (position - from) * RECORD_BYTES;
      const inline = last >= INLINE_FLAG;
      const moved = inline ? offset : this.#files.payloadSize + at;
      if (!inline) {
        const payload = this.#payloads.read(offset, length, store.files.payloadSize);
        if (payload.length < length) throw new Error(`dat ended before byte ${offset + length}`);
        payloads.set(payload, at);
        at += length;
      }
      records.setBigUint64(record, store.runs.seqAt(position), true);
      records.setUint32(record + 8, moved, true);
      records.setUint32(record + 12, length, true);
      records.setUint32(record + 16, last, true);
      words.push([moved, length, last]);
    }
    this.#files.write(
      payloads,
      new Uint8Array(records.buffer),
      store.timesBetween(from, to),
      8 * (from - this.#from),
    );
    for (const [moved, length, last] of words) this.table.push(moved, length, last);
  }

  #extent(from: number): { readonly to: number; readonly bytes: number } {
    let to = from;
    let bytes = 0;
    while (to < this.#store.end && to - from < BATCH_RECORDS && bytes < BATCH_BYTES) {
      const [, length, last] = this.#store.record(to);
      if (last < INLINE_FLAG) bytes += length;
      to += 1;
    }
    return { to, bytes };
  }
}
