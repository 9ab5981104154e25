import { readU32, readU64, writeU32, writeU64 } from "./little-endian.js";

/** Size of the routing header in bytes (Net transport format, section 10). */
export const ROUTING_HEADER_BYTES = 18;

/** Hops a routed handshake, and routed data, may take. */
export const ROUTED_HANDSHAKE_TTL = 16;
export const ROUTED_DATA_TTL = 8;

export const routingFlags = {
  control: 0x1,
  requiresAck: 0x2,
  priority: 0x4,
  endOfStream: 0x8,
} as const;

/** What stands before a packet that a relay forwards. Neither encrypted nor authenticated. */
export interface RoutingHeader {
  readonly ttl: number;
  readonly hopCount: number;
  /** Low nibble only; the rest is dropped on reading. */
  readonly flags: number;
  /** A byte without a meaning, 0 when left out. A relay passes it on as it came. */
  readonly reserved?: number;
  /** Low 32 bits of the sender's node id. */
  readonly source: number;
  /** Full node id of the receiver. */
  readonly destination: bigint;
}

/** Puts a routing header before `packet`. */
export function encodeRouted(header: RoutingHeader, packet: Uint8Array): Uint8Array {
  const routed = new Uint8Array(ROUTING_HEADER_BYTES + packet.length);
  routed[0] = 0x52;
  routed[1] = 0x54;
  routed[2] = header.ttl;
  routed[3] = header.hopCount;
  routed[4] = header.flags;
  routed[5] = header.reserved ?? 0;
  writeU32(routed, 6, header.source);
  writeU64(routed, 10, header.destination);
  routed.set(packet, ROUTING_HEADER_BYTES);
  return routed;
}

/** Reads the routing header at the start of a datagram; undefined when there is none. */
export function decodeRoutingHeader(datagram: Uint8Array): RoutingHeader | undefined {
  if (datagram.length < ROUTING_HEADER_BYTES || datagram[0] !== 0x52 || datagram[1] !== 0x54) {
    return undefined;
  }
  return {
    ttl: datagram[2] as number,
    hopCount: datagram[3] as number,
    flags: (datagram[4] as number) & 0x0f,
    ...(datagram[5] === 0 ? {} : { reserved: datagram[5] as number }),
    source: readU32(datagram, 6),
    destination: readU64(datagram, 10),
  };
}

/**
 * The datagram a relay sends on: one hop less to go, one more behind it, inner bytes untouched.
 * Undefined when it may go no further, or is no routed packet.
 */
export function forwardRouted(datagram: Uint8Array): Uint8Array | undefined {
  const header = decodeRoutingHeader(datagram);
  if (header === undefined || header.ttl === 0) {
    return undefined;
  }
  // A copy: `slice` of a Buffer would be a view of the original.
  const forwarded = new Uint8Array(datagram);
  forwarded[2] = header.ttl - 1;
  forwarded[3] = Math.min(header.hopCount + 1, 255);
  forwarded[4] = header.flags;
  return forwarded;
}
