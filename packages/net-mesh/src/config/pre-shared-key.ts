import { NetMeshError } from "../net-mesh-error.js";

const KEY_BYTES = 32;
const HEX_DIGIT = /^[0-9a-fA-F]$/u;

/**
 * The pre-shared key of a mesh from 32 bytes or 64 hexadecimal digits.
 *
 * @throws NetMeshError `INVALID_OPTION` with the text of Net 0.19.0 (Net transport format, section 14.1)
 */
export function preSharedKey(psk: Uint8Array | string): Uint8Array {
  const bytes = typeof psk === "string" ? decodeHex(psk) : Uint8Array.from(psk);
  if (bytes.length !== KEY_BYTES) {
    throw new NetMeshError(
      "INVALID_OPTION",
      `PSK must be 32 bytes (64 hex chars), found ${bytes.length} bytes`,
    );
  }
  return bytes;
}

function decodeHex(text: string): Uint8Array {
  // The reference reads UTF-8 bytes, and counts positions in them.
  const digits = new TextEncoder().encode(text);
  if (digits.length % 2 !== 0) {
    throw new NetMeshError("INVALID_OPTION", "invalid PSK hex: Odd number of digits");
  }
  const wrong = digits.findIndex((digit) => !HEX_DIGIT.test(String.fromCharCode(digit)));
  if (wrong >= 0) {
    const character = String.fromCharCode(digits[wrong] as number);
    throw new NetMeshError(
      "INVALID_OPTION",
      `invalid PSK hex: Invalid character '${character}' at position ${wrong}`,
    );
  }
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(2 * index, 2 * index + 2), 16),
  );
}
