import { readU32, writeU32 } from "./little-endian.js";
import { NetWireError } from "./net-wire-error.js";
import { MAX_EVENT_BYTES, MAX_EVENTS, MAX_PAYLOAD_BYTES } from "./packet-header.js";

/** The plaintext of a packet that carries `events` (Net transport format, section 3). */
export function encodeEventFrames(events: readonly Uint8Array[]): Uint8Array {
  const size = events.reduce((sum, event) => sum + 4 + event.length, 0);
  const payload = new Uint8Array(size);
  let at = 0;
  for (const event of events) {
    writeU32(payload, at, event.length);
    payload.set(event, at + 4);
    at += 4 + event.length;
  }
  return payload;
}

/**
 * The events of a plaintext, as views of it. Stops at a frame that is cut off, keeping those
 * before it, and ignores bytes after the last of the `count` declared ones.
 */
export function decodeEventFrames(payload: Uint8Array, count: number): Uint8Array[] {
  const events: Uint8Array[] = [];
  let at = 0;
  while (events.length < count && payload.length - at >= 4) {
    const length = readU32(payload, at);
    if (length > payload.length - at - 4) {
      break;
    }
    events.push(payload.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return events;
}

/**
 * Divides events over packets in order, as a sender does: a packet is full when the next event
 * would pass 8112 bytes, or at 2028 events, beyond which receivers refuse it.
 *
 * @throws NetWireError `FIELD_RANGE` for an event that fits into no packet
 */
export function packEvents(events: readonly Uint8Array[]): Uint8Array[][] {
  const packets: Uint8Array[][] = [];
  let current: Uint8Array[] = [];
  let size = 0;
  for (const [index, event] of events.entries()) {
    if (event.length > MAX_EVENT_BYTES) {
      throw new NetWireError(
        "FIELD_RANGE",
        `event ${index} has ${event.length} bytes; one packet carries at most ${MAX_EVENT_BYTES}`,
      );
    }
    if (
      current.length === MAX_EVENTS ||
      (current.length > 0 && size + 4 + event.length > MAX_PAYLOAD_BYTES)
    ) {
      packets.push(current);
      current = [];
      size = 0;
    }
    current.push(event);
    size += 4 + event.length;
  }
  if (current.length > 0) {
    packets.push(current);
  }
  return packets;
}
