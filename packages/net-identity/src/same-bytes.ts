/** Whether two byte strings are equal. They are public, so the time it takes gives nothing away. */
export function isSameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
