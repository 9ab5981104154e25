/** Whether two byte strings are equal. They are public keys, so time gives nothing away. */
export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
