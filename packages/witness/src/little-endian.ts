/** Ed25519 writes its integers with the least significant byte first (RFC 8032, section 5.1). */

/** The integer that bytes stand for. */
export function integerOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let index = bytes.length - 1; index >= 0; index -= 1) {
    value = (value << 8n) | BigInt(bytes[index] ?? 0);
  }
  return value;
}

/** The 32 bytes of an integer. */
export function bytesOf(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32);
  for (let index = 0, rest = value; index < bytes.length; index += 1, rest >>= 8n) {
    bytes[index] = Number(rest & 255n);
  }
  return bytes;
}

/** Whether one integer is less than another of as many bytes, without the cost of big integers. */
export function isLess(left: Uint8Array, right: Uint8Array): boolean {
  for (let index = left.length - 1; index >= 0; index -= 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** Whether two runs of bytes are the same. */
export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
