/** The number of zero nibbles at the start of the `length` bytes from `offset`. */
export function leadingZeroNibbles(bytes, offset, length) {
  for (let index = 0; index < length; index += 1) {
    const byte = bytes[offset + index];
    if (byte !== 0) return 2 * index + (byte < 16 ? 1 : 0);
  }
  return 2 * length;
}
