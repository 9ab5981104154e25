import { Buffer } from "node:buffer";
import { type FileHandle, open, rm } from "node:fs/promises";
import type { EventBatch } from "./event-batch.js";
import { EventBusError } from "./event-bus-error.js";
import { decodeRecord, encodeRecord, RECORD_HEADER, recordLength } from "./spill-record.js";

/** Where a batch lies in its segment. */
interface Entry {
  readonly offset: number;
  readonly length: number;
  readonly count: number;
}

/** One file of a spill, and beside it, in `<file>.done`, how far it has been delivered. */
export class SpillSegment {
  readonly shardId: number;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #done: FileHandle;
  readonly #entries: Entry[] = [];
  #size = 0;

  private constructor(shardId: number, path: string, file: FileHandle, done: FileHandle) {
    this.shardId = shardId;
    this.#path = path;
    this.#file = file;
    this.#done = done;
  }

  static async open(shardId: number, path: string): Promise<SpillSegment> {
    const file = await open(path, "a+", 0o600);
    const done = await open(`${path}.done`, "a+", 0o600).then(async (handle) => {
      await handle.close();
      return await open(`${path}.done`, "r+");
    });
    const segment = new SpillSegment(shardId, path, file, done);
    try {
      await segment.#recover();
      return segment;
    } catch (error) {
      await segment.close();
      throw error;
    }
  }

  /** Bytes of the file. */
  get size(): number {
    return this.#size;
  }

  /** Events not delivered. */
  get pending(): number {
    return this.#entries.reduce((sum, { count }) => sum + count, 0);
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Resolves when the batch is on the disk. */
  async append(batch: EventBatch): Promise<number> {
    const record = encodeRecord(batch);
    try {
      await this.#file.appendFile(record);
      await this.#file.datasync();
    } catch (error) {
      // Half a record must not lie in the way of the next.
      await this.#file.truncate(this.#size).catch(() => undefined);
      throw error;
    }
    this.#entries.push({ offset: this.#size, length: record.length, count: batch.count });
    this.#size += record.length;
    return record.length;
  }

  async oldest(): Promise<EventBatch | undefined> {
    const entry = this.#entries[0];
    if (entry === undefined) return undefined;
    const record = Buffer.allocUnsafe(entry.length);
    await this.#read(record, entry.offset);
    return decodeRecord(record) ?? this.#corrupt(entry.offset);
  }

  /** The oldest batch has been delivered; how many events it had. */
  async remove(): Promise<number> {
    const entry = this.#entries.shift();
    if (entry === undefined) return 0;
    const mark = Buffer.alloc(8);
    mark.writeBigUInt64LE(BigInt(entry.offset + entry.length));
    await this.#done.write(mark, 0, mark.length, 0);
    return entry.count;
  }

  async close(): Promise<void> {
    await this.#file.close();
    await this.#done.close();
  }

  async delete(): Promise<void> {
    await this.close();
    await rm(this.#path, { force: true });
    await rm(`${this.#path}.done`, { force: true });
  }

  /** Finds the batches that were not delivered; cuts off one that was not written to its end. */
  async #recover(): Promise<void> {
    const { size } = await this.#file.stat();
    const mark = Buffer.alloc(8);
    const { bytesRead } = await this.#done.read(mark, 0, mark.length, 0);
    const delivered = bytesRead === mark.length ? Number(mark.readBigUInt64LE()) : 0;
    let offset = 0;
    while (offset < size) {
      const header = Buffer.alloc(RECORD_HEADER);
      if (offset + RECORD_HEADER > size) break;
      await this.#read(header, offset);
      const length = recordLength(header);
      if (offset + length > size) break;
      const record = Buffer.allocUnsafe(length);
      await this.#read(record, offset);
      const batch = decodeRecord(record);
      if (batch === undefined || batch.shardId !== this.shardId) {
        if (offset + length === size) break;
        this.#corrupt(offset);
      } else if (offset >= delivered) {
        this.#entries.push({ offset, length, count: batch.count });
      }
      offset += length;
    }
    if (offset < size) await this.#file.truncate(offset);
    this.#size = offset;
  }

  async #read(into: Buffer, offset: number): Promise<void> {
    const { bytesRead } = await this.#file.read(into, 0, into.length, offset);
    if (bytesRead !== into.length) this.#corrupt(offset);
  }

  #corrupt(offset: number): never {
    throw new EventBusError(
      "STORAGE",
      `the spill file ${this.#path} is damaged at byte ${offset}; move it away to go on without the events behind that`,
    );
  }
}
