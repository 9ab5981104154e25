import { Buffer } from "node:buffer";
import type { StoredEvent } from "./stored-event.js";

/** Words at the start of the shared memory. */
const WRITTEN = 0;
const PROCESSED = 1;
/** Whether somebody sleeps until the other side moves on. */
const WRITER_SLEEPS = 2;
const READER_SLEEPS = 3;
const HEADER_BYTES = 64;
/** Length, shard, length of the id, length of the dedup id, time. The text is what remains. */
const RECORD_BYTES = 24;
const NO_DEDUP_ID = 0xffff_ffff;
/** In place of a record's length: the rest of the ring is empty, go on at its start. */
const WRAP = 0xffff_ffff;

/**
 * A queue of events in shared memory between one thread that writes and one that reads. Positions
 * are bytes counted on and on; the ring's size is a power of two, so that they may overflow.
 */
export class SharedRing {
  readonly shared: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Buffer;
  readonly #size: number;

  /** @param shared made by `allocate`, here or in another thread */
  constructor(shared: SharedArrayBuffer) {
    this.shared = shared;
    this.#words = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.#bytes = Buffer.from(shared, HEADER_BYTES);
    this.#size = this.#bytes.length;
  }

  static allocate(bytes: number): SharedRing {
    return new SharedRing(new SharedArrayBuffer(HEADER_BYTES + bytes));
  }

  /** The largest text that can go through; ids are short. */
  get largestText(): number {
    return this.#size / 2 - RECORD_BYTES - 256;
  }

  get written(): number {
    return Atomics.load(this.#words, WRITTEN);
  }

  get processed(): number {
    return Atomics.load(this.#words, PROCESSED);
  }

  /** Writes an event; false when there is no room now. `publish` makes it known. */
  write(event: StoredEvent, from: number): number | undefined {
    const { raw, id, dedupId, insertionTs, shardId } = event;
    // Three bytes for each UTF-16 unit are always enough; mostly one is used.
    const room = (RECORD_BYTES + (raw.length + id.length + (dedupId?.length ?? 0)) * 3 + 7) & ~3;
    const used = (from - this.processed) | 0;
    const offset = from & (this.#size - 1);
    const toEnd = this.#size - offset;
    const skipped = room <= toEnd ? 0 : toEnd;
    if (used + skipped + room > this.#size) return undefined;
    if (skipped > 0) this.#bytes.writeUInt32LE(WRAP, offset);
    const start = skipped > 0 ? 0 : offset;
    const bytes = this.#bytes;
    const idBytes = bytes.write(id, start + RECORD_BYTES, "utf8");
    const dedupStart = start + RECORD_BYTES + idBytes;
    const dedupBytes = dedupId === null ? 0 : bytes.write(dedupId, dedupStart, "utf8");
    const rawBytes = bytes.write(raw, dedupStart + dedupBytes, "utf8");
    const length = RECORD_BYTES + idBytes + dedupBytes + rawBytes;
    bytes.writeUInt32LE(length, start);
    bytes.writeUInt32LE(shardId, start + 4);
    bytes.writeUInt32LE(idBytes, start + 8);
    bytes.writeUInt32LE(dedupId === null ? NO_DEDUP_ID : dedupBytes, start + 12);
    bytes.writeBigUInt64LE(insertionTs, start + 16);
    return (from + skipped + aligned(length)) | 0;
  }

  /** Lets the reader see everything up to `position`. */
  publish(position: number): void {
    Atomics.store(this.#words, WRITTEN, position);
    if (Atomics.load(this.#words, READER_SLEEPS) === 1) Atomics.notify(this.#words, WRITTEN);
  }

  /** The event at `position` and where the next begins. There has to be one. */
  read(position: number): { readonly event: StoredEvent; readonly next: number } {
    const bytes = this.#bytes;
    let at = position;
    let start = at & (this.#size - 1);
    if (bytes.readUInt32LE(start) === WRAP) {
      at = (at + this.#size - start) | 0;
      start = 0;
    }
    const length = bytes.readUInt32LE(start);
    const idEnd = start + RECORD_BYTES + bytes.readUInt32LE(start + 8);
    const dedupBytes = bytes.readUInt32LE(start + 12);
    const dedupEnd = dedupBytes === NO_DEDUP_ID ? idEnd : idEnd + dedupBytes;
    const raw = bytes.toString("utf8", dedupEnd, start + length);
    const event = {
      id: bytes.toString("utf8", start + RECORD_BYTES, idEnd),
      raw,
      insertionTs: bytes.readBigUInt64LE(start + 16),
      shardId: bytes.readUInt32LE(start + 4),
      dedupId: dedupBytes === NO_DEDUP_ID ? null : bytes.toString("utf8", idEnd, dedupEnd),
      parse: <T>(): T => JSON.parse(raw) as T,
    };
    return { event, next: (at + aligned(length)) | 0 };
  }

  /** The reader is done with everything up to `position`. */
  process(position: number): void {
    Atomics.store(this.#words, PROCESSED, position);
    if (Atomics.load(this.#words, WRITER_SLEEPS) === 1) Atomics.notify(this.#words, PROCESSED);
  }

  /** Resolves when the reader has got beyond `position`, or was woken by `wake`. */
  async untilProcessed(position: number): Promise<void> {
    Atomics.store(this.#words, WRITER_SLEEPS, 1);
    await changed(this.#words, PROCESSED, position);
    Atomics.store(this.#words, WRITER_SLEEPS, 0);
  }

  /** Resolves when the writer has got beyond `position`, or was woken by `wake`. */
  async untilWritten(position: number): Promise<void> {
    Atomics.store(this.#words, READER_SLEEPS, 1);
    await changed(this.#words, WRITTEN, position);
    Atomics.store(this.#words, READER_SLEEPS, 0);
  }

  /** Wakes whoever sleeps. */
  wake(): void {
    Atomics.notify(this.#words, WRITTEN);
    Atomics.notify(this.#words, PROCESSED);
  }
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}

async function changed(words: Int32Array, index: number, from: number): Promise<void> {
  const result = Atomics.waitAsync(words, index, from);
  if (result.async) await result.value;
}
