import { bytesOf, integerOf, isLess } from "./little-endian.js";

/** L, the order of the base point (RFC 8032, section 5.1). */
const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const ORDER_BYTES = bytesOf(ORDER);

/** The integer that little-endian bytes stand for, modulo L. */
export function reducedScalar(bytes: Uint8Array): bigint {
  return integerOf(bytes) % ORDER;
}

/** Whether 32 bytes are below L, without which a signature would have a second form. */
export function isReducedScalar(bytes: Uint8Array): boolean {
  return isLess(bytes, ORDER_BYTES);
}
