import { createCipheriv, createDecipheriv } from "node:crypto";
import { writeU32, writeU64Number } from "./little-endian.js";
import { HEADER_BYTES, TAG_BYTES } from "./packet-header.js";

const ALGORITHM = "chacha20-poly1305";
const OPTIONS = { authTagLength: TAG_BYTES };
const AAD_BYTES = 52;

/** The first four bytes of every nonce of a session (Net transport format, section 6.2). */
export function noncePrefixOf(sessionId: bigint): number {
  return Number((sessionId ^ (sessionId >> 32n)) & 0xffff_ffffn);
}

/** The 12 bytes of a nonce: prefix and packet counter. */
export function nonceOf(prefix: number, counter: number): Uint8Array {
  const nonce = new Uint8Array(12);
  writeU32(nonce, 0, prefix);
  writeU64Number(nonce, 4, counter);
  return nonce;
}

/** What a packet's tag covers beside the payload (section 6.3): the header without nonce, hop count zero. */
export function associatedData(packet: Uint8Array): Uint8Array {
  const aad = new Uint8Array(AAD_BYTES);
  aad.set(packet.subarray(0, 12));
  aad[6] = 0;
  aad.set(packet.subarray(24, HEADER_BYTES), 12);
  return aad;
}

/** Encrypts `payload` behind the header that already stands in `packet`, which has room for payload and tag. */
export function sealPacket(
  key: Uint8Array,
  nonce: Uint8Array,
  packet: Uint8Array,
  payload: Uint8Array,
): void {
  const cipher = createCipheriv(ALGORITHM, key, nonce, OPTIONS);
  cipher.setAAD(associatedData(packet), { plaintextLength: payload.length });
  packet.set(cipher.update(payload), HEADER_BYTES);
  cipher.final();
  packet.set(cipher.getAuthTag(), HEADER_BYTES + payload.length);
}

/** Decrypts what follows the header of `packet`; undefined when the tag does not verify. */
export function openPacket(
  key: Uint8Array,
  nonce: Uint8Array,
  packet: Uint8Array,
): Uint8Array | undefined {
  const end = packet.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, nonce, OPTIONS);
  decipher.setAAD(associatedData(packet), { plaintextLength: end - HEADER_BYTES });
  decipher.setAuthTag(packet.subarray(end));
  const payload = decipher.update(packet.subarray(HEADER_BYTES, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return payload;
}
