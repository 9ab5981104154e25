import { readU64, writeU64 } from "./little-endian.js";

/** The stream that carries grants (Net transport format, section 9). */
export const GRANT_STREAM: bigint = 2n ** 64n - 1n;

const GRANT_BYTES = 16;

/** How much of a stream the receiver has taken since its state was created, in charged bytes. */
export interface StreamGrant {
  readonly streamId: bigint;
  readonly totalConsumed: bigint;
}

/** The event of a grant. */
export function encodeStreamGrant(grant: StreamGrant): Uint8Array {
  const event = new Uint8Array(GRANT_BYTES);
  writeU64(event, 0, grant.streamId);
  writeU64(event, 8, grant.totalConsumed);
  return event;
}

/** Reads a grant; undefined for another length. */
export function decodeStreamGrant(event: Uint8Array): StreamGrant | undefined {
  if (event.length !== GRANT_BYTES) {
    return undefined;
  }
  return { streamId: readU64(event, 0), totalConsumed: readU64(event, 8) };
}
