import { checksum } from "./checksum.js";
import { RECORD_BYTES } from "./index-record.js";

/** A batch as the bytes that each file gets. */
export interface EncodedBatch {
  readonly payloads: Uint8Array;
  readonly records: Uint8Array;
  readonly times: Uint8Array;
  readonly checksums: readonly number[];
}

/** Encodes events numbered from `seq` on; all have one time (log format, section 4). */
export function encodeBatch(
  seq: bigint,
  payloads: readonly Uint8Array[],
  offset: number,
  bytes: number,
  now: bigint,
): EncodedBatch {
  const data = new Uint8Array(bytes);
  const records = new DataView(new ArrayBuffer(payloads.length * RECORD_BYTES));
  const checksums = payloads.map(checksum);
  let at = 0;
  for (const [n, payload] of payloads.entries()) {
    const record = n * RECORD_BYTES;
    data.set(payload, at);
    records.setBigUint64(record, seq + BigInt(n), true);
    records.setUint32(record + 8, offset + at, true);
    records.setUint32(record + 12, payload.length, true);
    records.setUint32(record + 16, checksums[n] as number, true);
    at += payload.length;
  }
  const times = new BigUint64Array(payloads.length);
  const view = new DataView(times.buffer);
  for (let n = 0; n < payloads.length; n += 1) view.setBigUint64(n * 8, now, true);
  return {
    payloads: data,
    records: new Uint8Array(records.buffer),
    times: new Uint8Array(times.buffer),
    checksums,
  };
}
