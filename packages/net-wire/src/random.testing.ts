import { randomBytes as systemRandomBytes } from "node:crypto";

/** Random bytes for tests, as plain bytes. */
export function randomBytes(length: number): Uint8Array {
  return new Uint8Array(systemRandomBytes(length));
}
