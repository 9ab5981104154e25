import { Buffer } from "node:buffer";
import type { ChunkPool } from "./chunk-pool.js";

/** A chunk is closed when it holds this many bytes or events. */
const CHUNK_BYTES = 65_536;
const CHUNK_EVENTS = 8_192;
const LARGEST_STAMP = 0xffff_ffffn;

/** Events that lie one behind the other in a buffer, all of one shard, in order. */
export interface Run {
  readonly bytes: Buffer;
  /** Where the first payload starts in `bytes`. */
  readonly start: number;
  readonly size: number;
  /** Where each payload ends, counted from `endsFrom` bytes before `start`. */
  readonly ends: Uint32Array;
  readonly endsFrom: number;
  /** The index in `ends` (and `order`) of the first event. */
  readonly first: number;
  readonly count: number;
  /** insertion_ts of an event is `base` plus its entry here; without it, plus its position. */
  readonly order?: Uint32Array;
  readonly base: bigint;
}

function lastStamp({ order, first, count }: Run): number {
  return order === undefined ? count - 1 : word(order, first + count - 1);
}

/** A chunk that holds `run` and has no room for more until it grows. */
export function chunkOf(run: Run, pool?: ChunkPool): Chunk {
  const chunk = new Chunk(run.base, run.size, run.count, pool);
  chunk.add(run);
  return chunk;
}

/**
 * A stretch of one shard's events in memory of its own: the payloads end to end, and eight bytes
 * for each event. Grows while it is open; closed, it never changes and may be shared.
 */
export class Chunk {
  readonly base: bigint;
  count = 0;
  size = 0;
  #bytes: Buffer;
  #ends: Uint32Array;
  #stamps: Uint32Array;
  #pool: ChunkPool | undefined;
  /** One allocation: room for the times, for the ends, then for the payloads. */
  #room: Buffer;

  /** @param pool where the memory comes from, if it has some */
  constructor(base: bigint, bytes: number, events: number, pool?: ChunkPool) {
    this.base = base;
    const room = pool?.take(bytes + events * 8);
    this.#pool = room && pool;
    this.#room = room ?? Buffer.allocUnsafeSlow(bytes + events * 8);
    this.#stamps = new Uint32Array(this.#room.buffer, 0, events);
    this.#ends = new Uint32Array(this.#room.buffer, events * 4, events);
    this.#bytes = this.#room.subarray(events * 8);
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Whether `run` can be added without making the chunk too large, or its times too far apart. */
  takes(run: Run): boolean {
    return (
      this.size + run.size <= CHUNK_BYTES &&
      this.count + run.count <= CHUNK_EVENTS &&
      run.base - this.base + BigInt(lastStamp(run)) <= LARGEST_STAMP
    );
  }

  add(run: Run): void {
    this.#grow(this.size + run.size, this.count + run.count);
    run.bytes.copy(this.#bytes, this.size, run.start, run.start + run.size);
    const offset = Number(run.base - this.base);
    const { ends, first, order, count } = run;
    const from = this.count;
    const shift = this.size - run.endsFrom;
    if (shift === 0) this.#ends.set(ends.subarray(first, first + count), from);
    else for (let i = 0; i < count; i += 1) this.#ends[from + i] = shift + word(ends, first + i);
    const stamps = this.#stamps;
    if (order === undefined) for (let i = 0; i < count; i += 1) stamps[from + i] = offset + i;
    else for (let i = 0; i < count; i += 1) stamps[from + i] = offset + word(order, first + i);
    this.size += run.size;
    this.count += run.count;
  }

  /**
   * Makes the chunk one that can be kept: in memory of its own, without what growing left over when
   * that is more than an eighth.
   */
  close(): void {
    const used = this.size + this.count * 8;
    const slack = this.#bytes.length + this.#ends.length * 8 - used;
    if (this.#pool !== undefined || slack > (used + slack) >>> 3) this.#move(this.size, this.count);
  }

  /** Gives pooled memory back. The chunk, and every view on it, is of no use afterwards. */
  recycle(): void {
    this.#pool?.give(this.#room);
    this.#pool = undefined;
  }

  /** Leaves pooled memory to the garbage collector: somebody may still be reading it. */
  abandon(): void {
    this.#pool?.forget(this.#room);
    this.#pool = undefined;
  }

  start(index: number): number {
    return index === 0 ? 0 : (this.#ends[index - 1] as number);
  }

  end(index: number): number {
    return this.#ends[index] as number;
  }

  /** insertion_ts of the event at `index`, in nanoseconds since the bus was created. */
  timestamp(index: number): bigint {
    return this.base + BigInt(this.#stamps[index] as number);
  }

  text(index: number): string {
    return this.#bytes.toString("utf8", this.start(index), this.end(index));
  }

  /** The payload's bytes; a view, not a copy. */
  payload(index: number): Buffer {
    return this.#bytes.subarray(this.start(index), this.end(index));
  }

  /** The index of the event that holds byte `offset` of the payloads. */
  indexAt(offset: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first index from `from` on whose insertion_ts is at least `limit`. */
  indexOfTime(limit: bigint, from: number): number {
    let low = from;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timestamp(middle) < limit) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The events from `from` on (at least one), to be added to another chunk. */
  runFrom(from: number): Run {
    const start = this.start(from);
    return {
      bytes: this.#bytes,
      start,
      size: this.size - start,
      ends: this.#ends,
      endsFrom: start,
      first: from,
      count: this.count - from,
      order: this.#stamps,
      base: this.base,
    };
  }

  #grow(bytes: number, events: number): void {
    if (bytes <= this.#bytes.length && events <= this.#ends.length) return;
    this.#move(
      Math.max(bytes, Math.min(CHUNK_BYTES, bytes * 2)),
      Math.max(events, Math.min(CHUNK_EVENTS, events * 2)),
    );
  }

  #move(bytes: number, events: number): void {
    const larger = new Chunk(this.base, bytes, events);
    larger.#stamps.set(this.#stamps.subarray(0, this.count));
    larger.#ends.set(this.#ends.subarray(0, this.count));
    this.#bytes.copy(larger.#bytes, 0, 0, this.size);
    this.abandon();
    this.#room = larger.#room;
    this.#stamps = larger.#stamps;
    this.#ends = larger.#ends;
    this.#bytes = larger.#bytes;
  }
}

function word(words: Uint32Array, index: number): number {
  return words[index] as number;
}
