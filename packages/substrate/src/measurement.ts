import { createHash, hash } from "node:crypto";

/** A run of nonces over one block header: the sealed parameters of one evidence row. */
export interface NonceRange {
  /** 64 hex digits. */
  readonly seedHex: string;
  readonly extranonce: number;
  readonly nonceStart: number;
  readonly nonceCount: number;
}

/** What a run of nonces gave. */
export interface Measurement {
  /** The largest number of leading zero nibbles of any shown hash. */
  readonly leadingZeroNibbleCount: number;
  /** The nonce of the numerically smallest shown hash, and that hash. */
  readonly bestNonce: number;
  readonly bestHashHex: string;
  /** `histogram[k]`: how many nonces have exactly k leading zero nibbles; no zeros at the end. */
  readonly histogram: readonly number[];
  /** The same for the first half of the nonces (the smaller one of an odd count) and the second. */
  readonly halves: readonly [readonly number[], readonly number[]];
}

const VERSION = 0x20000000;
const TIME = 1_700_000_000;
const BITS = 0x1d00ffff;
const NONCE_OFFSET = 76;

/**
 * The 80-byte block header of an extranonce, with nonce 0 (cell format, section 6, measurement
 * layout): version, previous block, merkle root, time, bits, nonce, integers little-endian.
 *
 */
export function blockHeader({ seedHex, extranonce }: NonceRange): Buffer {
  const seed = Buffer.from(seedHex, "hex");
  const extranonceBytes = Buffer.alloc(4);
  extranonceBytes.writeUInt32LE(extranonce);
  const header = Buffer.alloc(80);
  header.writeUInt32LE(VERSION, 0);
  doubleSha256("gaiaftcl-qc020-prev", seed).copy(header, 4);
  doubleSha256("gaiaftcl-qc020-coinbase", seed, extranonceBytes).copy(header, 36);
  header.writeUInt32LE(TIME, 68);
  header.writeUInt32LE(BITS, 72);
  return header;
}

function doubleSha256(...parts: readonly (string | Uint8Array)[]): Buffer {
  const once = createHash("sha256");
  for (const part of parts) once.update(part);
  return createHash("sha256").update(once.digest()).digest();
}

/**
 * Hashes a run of nonces and counts the leading zero nibbles of each hash as it is shown, which is
 * with its bytes reversed.
 *
 * @param onNonces told of the nonces done since the last call, some thousand at a time
 */
export function measure(range: NonceRange, onNonces?: (count: number) => void): Measurement {
  const { nonceStart, nonceCount } = range;
  const header = blockHeader(range);
  const once = Buffer.alloc(32);
  const halves: [number[], number[]] = [[], []];
  const secondHalf = nonceStart + Math.floor(nonceCount / 2);
  let mostZeros = 0;
  let bestNonce = nonceStart;
  let bestHash = "g"; // sorts behind every hash
  let reported = 0;
  for (let nonce = nonceStart; nonce < nonceStart + nonceCount; nonce += 1) {
    header.writeUInt32LE(nonce, NONCE_OFFSET);
    // One-shot hashing to hex text is the fastest way through node:crypto, by a factor of three.
    once.write(hash("sha256", header, "hex"), "hex");
    const digest = hash("sha256", once, "hex");
    const zeros = leadingZerosAsShown(digest);
    const half = halves[nonce < secondHalf ? 0 : 1];
    half[zeros] = (half[zeros] ?? 0) + 1;
    // A hash with fewer leading zeros cannot be smaller.
    if (zeros >= mostZeros) {
      mostZeros = zeros;
      const shown = reverseBytes(digest);
      if (shown < bestHash) {
        bestHash = shown;
        bestNonce = nonce;
      }
    }
    const done = nonce + 1 - nonceStart;
    if (onNonces !== undefined && done - reported >= PROGRESS_EVERY) {
      onNonces(done - reported);
      reported = done;
    }
  }
  onNonces?.(nonceCount - reported);
  const [first, second] = [filled(halves[0]), filled(halves[1])];
  return {
    leadingZeroNibbleCount: mostZeros,
    bestNonce,
    bestHashHex: bestHash,
    histogram: addHistograms([first, second]),
    halves: [first, second],
  };
}

const PROGRESS_EVERY = 8192;

/** Leading zero nibbles of the shown hash, counted in the digest: bytes from the last to the first, high digit before low. */
function leadingZerosAsShown(digest: string): number {
  let zeros = 0;
  for (let at = digest.length - 2; at >= 0; at -= 2) {
    if (digest[at] !== "0") return zeros;
    if (digest[at + 1] !== "0") return zeros + 1;
    zeros += 2;
  }
  return zeros;
}

function reverseBytes(hex: string): string {
  return Buffer.from(hex, "hex").reverse().toString("hex");
}

/** Sums histograms by position; zeros at the end are dropped. */
export function addHistograms(histograms: readonly (readonly number[])[]): number[] {
  const length = Math.max(0, ...histograms.map((histogram) => histogram.length));
  const sum = Array.from({ length }, (_, k) =>
    histograms.reduce((total, histogram) => total + (histogram[k] ?? 0), 0),
  );
  while (sum.at(-1) === 0) sum.pop();
  return sum;
}

/** Without holes: positions never counted are 0. */
function filled(histogram: readonly number[]): number[] {
  return Array.from(histogram, (count) => count ?? 0);
}
