/** Ids without anything that would need a closer look; others go through `verifyRow`. */
const PLAIN_ID = /^[A-Za-z0-9_.:/@+ -]{1,255}$/;

export function isPlainId(id: string): boolean {
  return PLAIN_ID.test(id);
}

const PLAIN_BYTES: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  isPlainId(String.fromCharCode(code)) ? 1 : 0,
);

/** The same for the bytes of an id. */
export function isPlainIdAt(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    if (PLAIN_BYTES[bytes[at] as number] !== 1) return false;
  }
  return end > start && end - start <= 255;
}
