import { quote, WitnessError } from "./witness-error.js";

const STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Which of the two alphabets of RFC 4648 a text is in. */
export interface Base64Options {
  /** True for unpadded base64url; the default is padded base64. */
  readonly url?: boolean;
}

/** Padded base64 (RFC 4648, section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeWith(STANDARD, bytes);
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/** Unpadded base64url (RFC 4648, section 5). */
export function encodeBase64Url(bytes: Uint8Array): string {
  return encodeWith(URL_SAFE, bytes);
}

/**
 * Decodes the one base64 text that the bytes have: no other alphabet, no white space, padding
 * exactly where it belongs (never for base64url), and zero in the bits that the last digit leaves
 * over. A decoder that lets any of these pass gives one signature many texts.
 *
 * @throws WitnessError `BASE64`, naming the offset of the first character that is wrong.
 */
export function decodeBase64(text: string, options: Base64Options = {}): Uint8Array {
  const url = options.url === true;
  const alphabet = url ? URL_SAFE : STANDARD;
  if (typeof text !== "string") {
    throw new WitnessError("BASE64", `expected a base64 text, found ${typeof text}`);
  }
  if (!url && text.length % 4 !== 0) {
    throw refusal(text, url, `a length of ${text.length} is not a multiple of four`);
  }
  const digits = url ? text.length : text.length - paddingOf(text);
  const spare = digits % 4;
  if (spare === 1) throw refusal(text, url, `${digits} digits cannot be whole bytes`);

  const bytes = new Uint8Array(Math.floor((digits * 3) / 4));
  let bits = 0;
  let pending = 0;
  let written = 0;
  for (let offset = 0; offset < digits; offset += 1) {
    const value = digitValue(alphabet, text, offset);
    if (value < 0) throw refusal(text, url, `character ${offset} is not in the alphabet`);
    bits = ((bits << 6) | value) & 0xffff;
    pending += 6;
    if (pending >= 8) {
      pending -= 8;
      bytes[written] = (bits >> pending) & 0xff;
      written += 1;
    }
  }
  if ((bits & ((1 << pending) - 1)) !== 0) {
    throw refusal(text, url, "the bits after the last byte are not zero");
  }
  return bytes;
}

function encodeWith(alphabet: string, bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let pending = 0;
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xffff;
    pending += 8;
    while (pending >= 6) {
      pending -= 6;
      text += alphabet.charAt((bits >> pending) & 63);
    }
  }
  if (pending > 0) text += alphabet.charAt((bits << (6 - pending)) & 63);
  return text;
}

function digitValue(alphabet: string, text: string, offset: number): number {
  return alphabet.indexOf(text.charAt(offset));
}

function paddingOf(text: string): number {
  if (text.endsWith("==")) return 2;
  return text.endsWith("=") ? 1 : 0;
}

function refusal(text: string, url: boolean, reason: string): WitnessError {
  const expected = url ? "unpadded base64url" : "padded base64";
  return new WitnessError("BASE64", `expected strict ${expected}, found ${quote(text)}: ${reason}`);
}
