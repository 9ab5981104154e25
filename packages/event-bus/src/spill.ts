import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Spill } from "./delivery.js";
import type { EventBatch } from "./event-batch.js";
import { EventBusError } from "./event-bus-error.js";
import { within } from "./event-bus-options.js";
import { SpillSegment } from "./spill-segment.js";

export interface FileSpillOptions {
  /** A directory of this bus alone; created when it is missing. */
  readonly directory: string;
  /** Bytes of all files together; beyond it events wait in memory again. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Bytes after which a file is followed by another; default 16 MiB. */
  readonly segmentBytes?: number;
}

const NAME = /^shard-(0|[1-9][0-9]*)-(0|[1-9][0-9]*)\.spill$/;
const LOCK = "lock";
/** This process, told from an earlier one with the same id by when it started. */
const OWNER: string = `${process.pid} ${performance.timeOrigin}`;

/**
 * Keeps what a backend does not take in files, one sequence of them for each shard. A batch is on
 * the disk before it counts as spilled, and comes back after a crash of the process.
 */
export class FileSpill implements Spill {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  /** For each shard its files, oldest first. */
  readonly #segments: Map<number, SpillSegment[]> = new Map();
  #nextNumber = 0;
  #bytes = 0;
  #pending = 0;
  #isLocked = false;

  constructor(options: FileSpillOptions) {
    this.#directory = options.directory;
    this.#maxBytes = within("maxBytes", options.maxBytes ?? 2 ** 30, 1, Number.MAX_SAFE_INTEGER);
    this.#segmentBytes = within("segmentBytes", options.segmentBytes ?? 2 ** 24, 1, 2 ** 31);
  }

  get pending(): number {
    return this.#pending;
  }

  has(shardId: number): boolean {
    return this.#segments.has(shardId);
  }

  async open(shards: number): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.#lock();
    const found = (await readdir(this.#directory))
      .map((name) => NAME.exec(name))
      .filter((match) => match !== null)
      .map(([name, shard, number]) => ({ name, shardId: Number(shard), number: Number(number) }))
      .toSorted((a, b) => a.number - b.number);
    try {
      for (const { name, shardId, number } of found) {
        this.#nextNumber = Math.max(this.#nextNumber, number + 1);
        const segment = await SpillSegment.open(shardId, join(this.#directory, name));
        if (segment.isEmpty) {
          await segment.delete();
          continue;
        }
        if (shardId >= shards) {
          await segment.close();
          throw new EventBusError(
            "STORAGE",
            `${join(this.#directory, name)} holds events of shard ${shardId}, but the bus has ${shards} shards; open it with the number it was written with`,
          );
        }
        this.#segments.set(shardId, [...(this.#segments.get(shardId) ?? []), segment]);
        this.#bytes += segment.size;
        this.#pending += segment.pending;
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async append(batch: EventBatch, settled: () => void): Promise<void> {
    const { shardId, count } = batch;
    if (this.#bytes + batch.size > this.#maxBytes) {
      throw new EventBusError(
        "STORAGE",
        `the spill in ${this.#directory} is full: ${this.#bytes} of ${this.#maxBytes} bytes`,
        { shardId },
      );
    }
    const last = this.#segments.get(shardId)?.at(-1);
    const isNew = last === undefined || last.size >= this.#segmentBytes;
    const segment = isNew ? await this.#newSegment(shardId) : last;
    let size: number;
    try {
      size = await segment.append(batch);
    } catch (error) {
      if (isNew) await segment.delete().catch(() => undefined);
      throw error;
    }
    if (isNew) this.#segments.set(shardId, [...(this.#segments.get(shardId) ?? []), segment]);
    this.#bytes += size;
    this.#pending += count;
    settled();
  }

  async oldest(shardId: number): Promise<EventBatch | undefined> {
    return await this.#segments.get(shardId)?.[0]?.oldest();
  }

  async remove(shardId: number, settled: () => void): Promise<void> {
    const segments = this.#segments.get(shardId);
    const segment = segments?.[0];
    if (segments === undefined || segment === undefined) return;
    const count = await segment.remove();
    this.#pending -= count;
    settled();
    if (!segment.isEmpty) return;
    this.#bytes -= segment.size;
    if (segments.length === 1) this.#segments.delete(shardId);
    else segments.shift();
    await segment.delete();
  }

  async close(): Promise<void> {
    for (const segments of this.#segments.values()) {
      for (const segment of segments) await segment.close();
    }
    this.#segments.clear();
    if (this.#isLocked) await rm(join(this.#directory, LOCK), { force: true });
    this.#isLocked = false;
  }

  #newSegment(shardId: number): Promise<SpillSegment> {
    const name = `shard-${shardId}-${this.#nextNumber++}.spill`;
    return SpillSegment.open(shardId, join(this.#directory, name));
  }

  /** Two buses must not write the same files. A lock whose process is gone does not count. */
  async #lock(): Promise<void> {
    const path = join(this.#directory, LOCK);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        await writeFile(path, OWNER, { flag: "wx", mode: 0o600 });
        this.#isLocked = true;
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      if (isHeld(await readFile(path, "utf8").catch(() => ""))) break;
      await rm(path, { force: true });
    }
    throw new EventBusError(
      "STORAGE",
      `${this.#directory} is in use by another bus; give each bus a spill directory of its own (its lock file is ${path})`,
    );
  }
}

/** A spill in files of a directory. */
export function fileSpill(options: FileSpillOptions): FileSpill {
  return new FileSpill(options);
}

/** Whether a lock's owner lives. A restarted container may have the same process id again. */
function isHeld(owner: string): boolean {
  const pid = Number(owner.split(" ")[0]);
  if (!(pid > 0)) return false;
  if (pid === process.pid) return owner === OWNER;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
