/** What `EventVerifier.readInto` writes for an event, in words of 32 bits. */
export const EVENT_RECORD_WORDS = 16;

/**
 * The words of a record that tell its row from any other row that is ok: 128 bits of the witness hash
 * as two's complement numbers, the most significant ones first; 64 bits of each of the two facets that
 * do not follow from the witness, those of the path and of the block; then `seq` and the milliseconds
 * from sealing to broadcast, infinite where the row does not say, as 64-bit floating-point numbers.
 */
export const EVENT_MARK_START = 4;
export const EVENT_MARK_WORDS = 12;

const ID_START = 0;
const ID_END = 1;
const HASH_START = 2;
const NUMBERS_START = EVENT_MARK_START + 8;

/** The event of a row that verified: what it holds, and at which of its bytes. */
export interface VerifiedEvent {
  /** Below 2^53. */
  readonly seq: number;
  /** When it was broadcast, in milliseconds after it was sealed; null where it does not say. */
  readonly broadcastAfterMs: number | null;
  /** The first byte of the id, which is ASCII, and the one after the last. */
  readonly idStart: number;
  readonly idEnd: number;
  /** The first of the 64 digits of the witness hash. */
  readonly witnessHashStart: number;
}

const words: Int32Array = new Int32Array(4);
const numbers: Float64Array = new Float64Array(words.buffer);

/** What a record says that begins at a word of `records`. */
export function verifiedEvent(records: Int32Array, at: number): VerifiedEvent {
  for (let word = 0; word < words.length; word += 1) {
    words[word] = records[at + NUMBERS_START + word] as number;
  }
  const [seq, delay] = numbers as unknown as readonly [number, number];
  return {
    seq,
    broadcastAfterMs: delay === Number.POSITIVE_INFINITY ? null : delay,
    idStart: records[at + ID_START] as number,
    idEnd: records[at + ID_END] as number,
    witnessHashStart: records[at + HASH_START] as number,
  };
}
