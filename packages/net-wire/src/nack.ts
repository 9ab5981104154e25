import { readU64, writeU64 } from "./little-endian.js";

const NACK_BYTES = 16;

/** What a receiver misses (Net transport format, section 8.5). Never sent to a 0.19.0 peer, which would deliver it as an event. */
export interface Nack {
  /** The first sequence not received; it is always missing. */
  readonly nextExpected: bigint;
  /** Bit i set: `nextExpected + 1 + i` is missing as well. */
  readonly missingBitmap: bigint;
}

export function encodeNack(nack: Nack): Uint8Array {
  const bytes = new Uint8Array(NACK_BYTES);
  writeU64(bytes, 0, nack.nextExpected);
  writeU64(bytes, 8, nack.missingBitmap);
  return bytes;
}

/** Reads a NACK; undefined for another length. */
export function decodeNack(bytes: Uint8Array): Nack | undefined {
  if (bytes.length !== NACK_BYTES) {
    return undefined;
  }
  return { nextExpected: readU64(bytes, 0), missingBitmap: readU64(bytes, 8) };
}

/** Every sequence a NACK names, ascending. */
export function missingSequences(nack: Nack): bigint[] {
  const missing = [nack.nextExpected];
  for (let bit = 0n; bit < 64n; bit += 1n) {
    if (((nack.missingBitmap >> bit) & 1n) === 1n) {
      missing.push(nack.nextExpected + 1n + bit);
    }
  }
  return missing;
}
