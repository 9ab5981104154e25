import { HEADER_BYTES } from "./packet-header.js";
import { PINGWAVE_BYTES } from "./pingwave.js";
import { ROUTING_HEADER_BYTES } from "./routing-header.js";
import { KEEP_ALIVE_BYTES } from "./traversal-messages.js";

/** What a datagram on a mesh socket claims to be. */
export type DatagramKind = "keep-alive" | "pingwave" | "routed" | "packet" | "unknown";

/**
 * Sorts a datagram by length and magic, in the order of the format (Net transport format, section
 * 1.1). A `pingwave` whose content is not one is to be sorted again as `routed` or `unknown`.
 */
export function datagramKind(datagram: Uint8Array): DatagramKind {
  const [first, second] = datagram;
  if (datagram.length === KEEP_ALIVE_BYTES && first === 0x50 && second === 0x48) {
    return "keep-alive";
  }
  const isPacket = first === 0x45 && second === 0x4e;
  if (datagram.length === PINGWAVE_BYTES && !isPacket) {
    return "pingwave";
  }
  if (first === 0x52 && second === 0x54 && datagram.length >= ROUTING_HEADER_BYTES + HEADER_BYTES) {
    return "routed";
  }
  return isPacket ? "packet" : "unknown";
}
