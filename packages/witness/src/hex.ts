import { quote, WitnessError } from "./witness-error.js";

const HEX_DIGITS = "0123456789abcdef";

/** Lower-case hex of bytes. */
export function encodeHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_DIGITS.charAt(byte >> 4) + HEX_DIGITS.charAt(byte & 15);
  return text;
}

/**
 * Bytes of lower-case hex. Upper case is refused, so that one value has one text.
 *
 * @throws WitnessError `HEX`
 */
export function decodeHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new WitnessError(
      "HEX",
      `expected an even number of lower-case hex digits, found ${quote(text)}`,
    );
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(text.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}
