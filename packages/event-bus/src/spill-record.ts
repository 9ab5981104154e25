import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { chunkOf } from "./chunk.js";
import { EventBatch } from "./event-batch.js";

/** Length and checksum of the body, which follows. */
export const RECORD_HEADER = 8;
const FIXED = 34;

/**
 * One batch in a spill file, little-endian: u32 length of the body, u32 CRC-32 of the body, and the
 * body: u64 nonce, u64 sequence start, u16 shard, u64 base of the times, u32 events, u32 bytes of
 * payload, then u32 time behind the base and u32 end for each event, then the payloads.
 */
export function encodeRecord(batch: EventBatch): Buffer {
  const { chunk, from, count } = batch;
  const start = chunk.start(from);
  const length = FIXED + count * 8 + batch.size;
  const record = Buffer.allocUnsafe(RECORD_HEADER + length);
  const base = chunk.timestamp(from);
  let at = RECORD_HEADER;
  at = record.writeBigUInt64LE(BigInt(`0x${batch.nonce}`), at);
  at = record.writeBigUInt64LE(BigInt(batch.sequenceStart), at);
  at = record.writeUInt16LE(batch.shardId, at);
  at = record.writeBigUInt64LE(base, at);
  at = record.writeUInt32LE(count, at);
  at = record.writeUInt32LE(batch.size, at);
  for (let i = 0; i < count; i += 1) {
    at = record.writeUInt32LE(Number(chunk.timestamp(from + i) - base), at);
    at = record.writeUInt32LE(chunk.end(from + i) - start, at);
  }
  chunk.bytes.copy(record, at, start, chunk.size);
  record.writeUInt32LE(length, 0);
  record.writeUInt32LE(crc32(record.subarray(RECORD_HEADER)), 4);
  return record;
}

/** How long the record is that begins with `header`. */
export function recordLength(header: Buffer): number {
  return RECORD_HEADER + header.readUInt32LE(0);
}

/** The batch of a whole record; undefined when the bytes are not what was written. */
export function decodeRecord(record: Buffer): EventBatch | undefined {
  if (record.length < RECORD_HEADER + FIXED || recordLength(record) !== record.length) return;
  if (crc32(record.subarray(RECORD_HEADER)) !== record.readUInt32LE(4)) return;
  let at = RECORD_HEADER;
  const nonce = record.readBigUInt64LE(at).toString(16);
  const sequenceStart = Number(record.readBigUInt64LE(at + 8));
  if (!Number.isSafeInteger(sequenceStart)) return;
  const shardId = record.readUInt16LE(at + 16);
  const base = record.readBigUInt64LE(at + 18);
  const count = record.readUInt32LE(at + 26);
  const size = record.readUInt32LE(at + 30);
  at += FIXED;
  if (count === 0 || record.length !== at + count * 8 + size) return;
  const order = new Uint32Array(count);
  const ends = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) {
    const time = record.readUInt32LE(at);
    const end = record.readUInt32LE(at + 4);
    if (i === 0 ? time !== 0 : time < (order[i - 1] ?? 0) || end < (ends[i - 1] ?? 0)) return;
    order[i] = time;
    ends[i] = end;
    at += 8;
  }
  if (ends[count - 1] !== size) return;
  const run = { bytes: record, start: at, size, ends, endsFrom: 0, first: 0, count, order, base };
  return new EventBatch(shardId, nonce, sequenceStart, chunkOf(run), 0);
}
