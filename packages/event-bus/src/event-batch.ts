import type { Buffer } from "node:buffer";
import type { Chunk } from "./chunk.js";

/**
 * Consecutive events of one shard on their way to an adapter. The same batch, with the same ids, is
 * given again when an attempt failed.
 */
export class EventBatch {
  readonly shardId: number;
  /** The number of the first event within its shard and producer; the others follow on. */
  readonly sequenceStart: number;
  /** The producer, in lower-case hexadecimal without padding. */
  readonly nonce: string;
  readonly count: number;
  readonly chunk: Chunk;
  /** The index in `chunk` of the first event. */
  readonly from: number;

  constructor(shardId: number, nonce: string, sequenceStart: number, chunk: Chunk, from: number) {
    this.shardId = shardId;
    this.nonce = nonce;
    this.sequenceStart = sequenceStart;
    this.chunk = chunk;
    this.from = from;
    this.count = chunk.count - from;
  }

  /** The bytes of all payloads together. */
  get size(): number {
    return this.chunk.size - this.chunk.start(this.from);
  }

  text(index: number): string {
    return this.chunk.text(this.from + index);
  }

  payload(index: number): Buffer {
    return this.chunk.payload(this.from + index);
  }

  timestamp(index: number): bigint {
    return this.chunk.timestamp(this.from + index);
  }

  /** `<nonce>:<shard>:<sequence start>:<index>` (event bus format, section 9.1). */
  dedupId(index: number): string {
    return `${this.nonce}:${this.shardId}:${this.sequenceStart}:${index}`;
  }

  /** The stored form of one event: `{"r":…,"t":…,"s":…}` (event bus format, section 9.1). */
  envelope(index: number): string {
    return `{"r":${this.text(index)},"t":${this.timestamp(index)},"s":${this.shardId}}`;
  }
}
