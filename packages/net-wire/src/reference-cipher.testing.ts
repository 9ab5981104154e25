import { createCipheriv } from "node:crypto";

/** The 12 bytes of a nonce (Net transport format, section 6.2), written the plain way. */
export function nonceOf(prefix: number, counter: bigint): Uint8Array {
  const nonce = new Uint8Array(12);
  const view = new DataView(nonce.buffer);
  view.setUint32(0, prefix, true);
  view.setBigUint64(4, counter, true);
  return nonce;
}

/** The 52 bytes of section 6.3. */
export function associatedData(packet: Uint8Array): Uint8Array {
  const head = packet.subarray(0, 12).map((byte, at) => (at === 6 ? 0 : byte));
  return Uint8Array.from([...head, ...packet.subarray(24, 64)]);
}

/** The packet with this header and payload, sealed by OpenSSL. */
export function referenceSeal(
  key: Uint8Array,
  prefix: number,
  counter: bigint,
  header: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, nonceOf(prefix, counter), {
    authTagLength: 16,
  });
  cipher.setAAD(associatedData(header), { plaintextLength: payload.length });
  const body = Buffer.concat([cipher.update(payload), cipher.final()]);
  return Uint8Array.from([...header, ...body, ...cipher.getAuthTag()]);
}
