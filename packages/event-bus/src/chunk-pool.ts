import { Buffer } from "node:buffer";

/** Rooms are powers of two from 8 to 128 KiB. */
const SMALLEST = 8_192;
const LARGEST = 131_072;
/** How many rooms of one size are in use or at hand, at most. */
const MOST = 8;

/**
 * Memory that chunks on their way to the adapter use over and over. Fresh memory has to be mapped
 * and cleared by the system, which costs as much as filling it.
 */
export class ChunkPool {
  /** For each size the rooms at hand. */
  readonly #free: Map<number, Buffer[]> = new Map();
  /** For each size how many rooms there are, in use or at hand. */
  readonly #count: Map<number, number> = new Map();

  /** A room for at least `bytes`; undefined when that is not worth it, or too many are in use. */
  take(bytes: number): Buffer | undefined {
    if (bytes < SMALLEST / 2 || bytes > LARGEST) return undefined;
    const size = Math.max(SMALLEST, 2 ** (32 - Math.clz32(bytes - 1)));
    const free = this.#free.get(size)?.pop();
    if (free !== undefined) return free;
    const count = this.#count.get(size) ?? 0;
    if (count === MOST) return undefined;
    this.#count.set(size, count + 1);
    return Buffer.allocUnsafeSlow(size);
  }

  give(room: Buffer): void {
    const free = this.#free.get(room.length);
    if (free === undefined) this.#free.set(room.length, [room]);
    else free.push(room);
  }

  /** A room that was taken will not come back. */
  forget(room: Buffer): void {
    this.#count.set(room.length, (this.#count.get(room.length) ?? 1) - 1);
  }
}
