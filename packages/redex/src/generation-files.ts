import { join } from "node:path";
import { RECORD_BYTES } from "./index-record.js";
import { generationDirectory } from "./manifest.js";
import { type Storage, type StorageFile, writeFully } from "./storage.js";

type Which = "dat" | "idx" | "ts";

/** The three open files of a generation and how long each is. */
export class GenerationFiles {
  readonly generation: number;
  readonly payload: StorageFile;
  readonly index: StorageFile;
  readonly timestamps: StorageFile;
  #payloadSize: number;
  #indexSize: number;
  #timestampSize: number;
  readonly #record = new Uint8Array(RECORD_BYTES);
  readonly #recordView = new DataView(this.#record.buffer);
  readonly #time = new Uint8Array(8);
  readonly #timeView = new DataView(this.#time.buffer);
  #isOpen = true;
  readonly #openAgain: () => StorageFile;

  private constructor(
    generation: number,
    files: readonly [StorageFile, StorageFile, StorageFile],
    openAgain: () => StorageFile,
  ) {
    this.generation = generation;
    this.#openAgain = openAgain;
    [this.payload, this.index, this.timestamps] = files;
    this.#payloadSize = this.payload.size();
    this.#indexSize = this.index.size();
    this.#timestampSize = this.timestamps.size();
  }

  /** Opens the files, making those that are missing (log format, section 2.2: idx, dat, ts). */
  static open(storage: Storage, directory: string, generation: number): GenerationFiles {
    const at = join(directory, generationDirectory(generation));
    const opened: StorageFile[] = [];
    try {
      for (const name of ["idx", "dat", "ts"]) opened.push(storage.open(join(at, name), "write"));
      const [idx, dat, ts] = opened as [StorageFile, StorageFile, StorageFile];
      return new GenerationFiles(generation, [dat, idx, ts], () =>
        storage.open(join(at, "dat"), "read"),
      );
    } catch (cause) {
      for (const file of opened) file.close();
      throw cause;
    }
  }

  get payloadSize(): number {
    return this.#payloadSize;
  }

  get indexSize(): number {
    return this.#indexSize;
  }

  get timestampSize(): number {
    return this.#timestampSize;
  }

  /**
   * Writes one event: its payload, its record, its time, always in this order (section 4). Where a
   * write fails, what was written is taken back.
   *
   * @param timeAt where the time goes in its file
   * @throws what the system says; `TakeBackFailure` where the files could not be restored
   */
  append(payload: Uint8Array, seq: bigint, checksum: number, now: bigint, timeAt: number): void {
    const view = this.#recordView;
    view.setBigUint64(0, seq, true);
    view.setUint32(8, this.#payloadSize, true);
    view.setUint32(12, payload.length, true);
    view.setUint32(16, checksum, true);
    this.#timeView.setBigUint64(0, now, true);
    this.write(payload, this.#record, this.#time, timeAt);
  }

  /** Writes events that are encoded already: one write for each file. */
  write(payloads: Uint8Array, records: Uint8Array, times: Uint8Array, timeAt: number): void {
    const timesBefore = this.#timestampSize;
    try {
      if (payloads.length > 0) writeFully(this.payload, payloads, this.#payloadSize);
      writeFully(this.index, records, this.#indexSize);
      writeFully(this.timestamps, times, timeAt);
    } catch (cause) {
      this.#takeBack(timesBefore, cause);
      throw cause;
    }
    this.#payloadSize += payloads.length;
    this.#indexSize += records.length;
    this.#timestampSize = Math.max(timesBefore, timeAt + times.length);
  }

  /** Cuts a file and makes the cut last. */
  truncate(which: Which, length: number): void {
    const file = this.#file(which);
    const size = { dat: this.#payloadSize, idx: this.#indexSize, ts: this.#timestampSize }[which];
    if (size === length) return;
    file.truncate(length);
    file.syncNow();
    if (which === "dat") this.#payloadSize = length;
    else if (which === "idx") this.#indexSize = length;
    else this.#timestampSize = length;
  }

  /**
   * Fsyncs dat, then idx, so that no record lasts without its payload, and ts beside idx. Ends
   * when no fsync is under way any more.
   */
  async sync(): Promise<void> {
    await this.payload.sync();
    const outcomes = await Promise.allSettled([this.index.sync(), this.timestamps.sync()]);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  syncNow(): void {
    this.payload.syncNow();
    this.index.syncNow();
    this.timestamps.syncNow();
  }

  /** The payload file for reading, also after `close`; to be given back to `closePayload`. */
  openPayload(): StorageFile {
    return this.#isOpen ? this.payload : this.#openAgain();
  }

  closePayload(file: StorageFile): void {
    if (file !== this.payload) file.close();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const file of [this.payload, this.index, this.timestamps]) file.close();
  }

  #file(which: Which): StorageFile {
    if (which === "dat") return this.payload;
    return which === "idx" ? this.index : this.timestamps;
  }

  #takeBack(timesBefore: number, cause: unknown): void {
    try {
      // The index first: a record must never be there without its payload.
      this.index.truncate(this.#indexSize);
      this.payload.truncate(this.#payloadSize);
      this.timestamps.truncate(timesBefore);
    } catch (second) {
      throw new TakeBackFailure(cause, second);
    }
  }
}

/** A write failed, and so did undoing it: what the files hold is unknown. */
export class TakeBackFailure extends AggregateError {
  override readonly name = "TakeBackFailure";

  constructor(cause: unknown, second: unknown) {
    super([cause, second], cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
