/** Bytes of one index record (log format, section 2.1). */
export const RECORD_BYTES = 20;
/** The payload bytes that an inline record holds. */
export const INLINE_BYTES = 8;
/** Bit 31 of the last word: the payload is in the record. */
export const INLINE_FLAG = 0x8000_0000;
/** The bits of the last word that hold the checksum. */
export const CHECKSUM_MASK = 0x0fff_ffff;

/** One index record, decoded. The two flags that have no meaning are kept as they were read. */
export interface IndexRecord {
  readonly seq: bigint;
  /** Where the payload begins in the payload file; inline: payload bytes 0 to 3 as a number. */
  readonly offset: number;
  /** The payload's length; inline: payload bytes 4 to 7 as a number. */
  readonly length: number;
  readonly inline: boolean;
  /** All four flag bits, in place (bits 31 to 28). */
  readonly flags: number;
  readonly checksum: number;
}

/** Encodes a record into 20 bytes. */
export function encodeIndexRecord(record: Omit<IndexRecord, "inline">): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, record.seq, true);
  view.setUint32(8, record.offset, true);
  view.setUint32(12, record.length, true);
  view.setUint32(16, (record.flags | (record.checksum & CHECKSUM_MASK)) >>> 0, true);
  return bytes;
}

/** Decodes the record at `at`; any 20 bytes are a record. */
export function decodeIndexRecord(bytes: Uint8Array, at = 0): IndexRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_BYTES);
  const last = view.getUint32(16, true);
  return {
    seq: view.getBigUint64(0, true),
    offset: view.getUint32(8, true),
    length: view.getUint32(12, true),
    inline: last >= INLINE_FLAG,
    flags: (last & ~CHECKSUM_MASK) >>> 0,
    checksum: last & CHECKSUM_MASK,
  };
}

/** The eight payload bytes of an inline record, from its two words. */
export function inlinePayload(offset: number, length: number): Uint8Array {
  const payload = new Uint8Array(INLINE_BYTES);
  const view = new DataView(payload.buffer);
  view.setUint32(0, offset, true);
  view.setUint32(4, length, true);
  return payload;
}
