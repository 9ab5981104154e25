import { takeSnapshot } from "./snapshot.js";
import { writeText } from "./text.js";

/** RFC 8785 text of a value (cell format, section 1). */
export function encode(value: unknown): string {
  return writeText(takeSnapshot(value, false));
}

/** The text of a value that every canonical encoder writes alike (cell format, section 1). */
export function encodePortable(value: unknown): string {
  return writeText(takeSnapshot(value, true));
}

/** {@link encode} as UTF-8 bytes. */
export function encodeBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(encode(value));
}

/** {@link encodePortable} as UTF-8 bytes: what is hashed or signed. */
export function encodePortableBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(encodePortable(value));
}
