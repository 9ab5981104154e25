import { type Chunk, chunkOf, type Run } from "./chunk.js";
import type { ChunkPool } from "./chunk-pool.js";

/** Some consecutive events of one shard, taken out of its ring to be delivered. */
export interface Taken {
  readonly chunk: Chunk;
  /** The index of the first event that is still wanted. */
  readonly from: number;
}

/**
 * The events of one shard that were accepted and not yet handed to the adapter: a queue that takes
 * memory for what it holds, not for its capacity.
 */
export class ShardRing {
  count = 0;
  bytes = 0;
  readonly #pool: ChunkPool;
  #chunks: Chunk[] = [];
  #first = 0;
  #open = false;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  append(run: Run): void {
    this.count += run.count;
    this.bytes += run.size;
    const last = this.#open ? this.#chunks.at(-1) : undefined;
    if (last?.takes(run)) {
      last.add(run);
      return;
    }
    last?.close();
    // What waits behind something else may wait for long.
    this.#chunks.push(chunkOf(run, this.#chunks.length === 0 ? this.#pool : undefined));
    this.#open = true;
  }

  /** Takes the oldest chunk; undefined when the ring is empty. */
  take(): Taken | undefined {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return undefined;
    if (this.#chunks.length === 0) this.#open = false;
    const from = this.#first;
    this.#first = 0;
    this.count -= chunk.count - from;
    this.bytes -= chunk.size - chunk.start(from);
    return { chunk, from };
  }

  /** Forgets the `count` oldest events. */
  dropOldest(count: number): void {
    let left = count;
    while (left > 0) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return;
      const dropped = Math.min(left, chunk.count - this.#first);
      const start = chunk.start(this.#first);
      left -= dropped;
      this.count -= dropped;
      if (this.#first + dropped === chunk.count) {
        this.bytes -= chunk.size - start;
        this.#chunks.shift();
        this.#first = 0;
        if (this.#chunks.length === 0) this.#open = false;
      } else {
        this.#first += dropped;
        this.bytes -= chunk.start(this.#first) - start;
      }
    }
  }
}
