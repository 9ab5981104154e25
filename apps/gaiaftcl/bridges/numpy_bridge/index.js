import { leadingZeroNibbles } from "./lib/nibbles.js";

/**
 * How many digests begin with exactly k zero nibbles, for k from 0 to the largest k seen.
 *
 * @param {Uint8Array} digests rows of `digestBytes` bytes each, most significant byte first
 * @param {number} digestBytes bytes in a row; 32 for SHA-256
 * @returns {Uint32Array} the count at index k
 */
export function leading_zero_histogram(digests, digestBytes = 32) {
  if (!(digests instanceof Uint8Array)) {
    throw new TypeError("leading_zero_histogram: expected the digests as a Uint8Array");
  }
  if (!Number.isInteger(digestBytes) || digestBytes < 1 || digests.length % digestBytes !== 0) {
    throw new RangeError(
      `leading_zero_histogram: ${digests.length} bytes are not rows of ${digestBytes} bytes`,
    );
  }
  const counts = new Uint32Array(2 * digestBytes + 1);
  let largest = -1;
  for (let row = 0; row < digests.length; row += digestBytes) {
    const zeros = leadingZeroNibbles(digests, row, digestBytes);
    counts[zeros] += 1;
    if (zeros > largest) largest = zeros;
  }
  return counts.slice(0, largest + 1);
}
