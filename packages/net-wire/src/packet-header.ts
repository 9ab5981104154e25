import {
  readU16,
  readU32,
  readU64,
  readU64Number,
  writeU16,
  writeU32,
  writeU64,
  writeU64Number,
} from "./little-endian.js";

/** Sizes and bounds of a packet in bytes (Net transport format, section 2). */
export const HEADER_BYTES = 64;
export const TAG_BYTES = 16;
export const MAX_PACKET_BYTES = 8192;
export const MAX_PAYLOAD_BYTES: number = MAX_PACKET_BYTES - HEADER_BYTES - TAG_BYTES;
/** The largest event that fits into one packet, behind its length field. */
export const MAX_EVENT_BYTES: number = MAX_PAYLOAD_BYTES - 4;
export const MAX_EVENTS: number = MAX_PAYLOAD_BYTES / 4;

/** Bits of the flags field (Net transport format, section 2.1). */
export const packetFlags = {
  reliable: 0x01,
  nack: 0x02,
  priority: 0x04,
  fin: 0x08,
  handshake: 0x10,
  heartbeat: 0x20,
} as const;

const VERSION = 1;

/** The header of a packet, decoded (Net transport format, section 2). */
export interface PacketHeader {
  readonly flags: number;
  readonly priority: number;
  readonly hopTtl: number;
  readonly hopCount: number;
  readonly fragFlags: number;
  readonly subprotocolId: number;
  /** Low 16 bits of the channel hash on channel publishes; never decide by it alone. */
  readonly channelHint: number;
  /** The first four bytes of the nonce, as on the wire; receivers rebuild them. */
  readonly noncePrefix: number;
  /** The AEAD packet counter: exact below 2^53, which no session passes. */
  readonly counter: number;
  readonly sessionId: bigint;
  readonly streamId: bigint;
  readonly sequence: bigint;
  readonly subnetId: number;
  readonly originHash: number;
  readonly fragmentId: number;
  readonly fragmentOffset: number;
  /** Length of the plaintext, tag excluded. */
  readonly payloadLength: number;
  readonly eventCount: number;
}

/** A header in which everything is zero, to be spread into others. */
export const emptyHeader: PacketHeader = {
  flags: 0,
  priority: 0,
  hopTtl: 0,
  hopCount: 0,
  fragFlags: 0,
  subprotocolId: 0,
  channelHint: 0,
  noncePrefix: 0,
  counter: 0,
  sessionId: 0n,
  streamId: 0n,
  sequence: 0n,
  subnetId: 0,
  originHash: 0,
  fragmentId: 0,
  fragmentOffset: 0,
  payloadLength: 0,
  eventCount: 0,
};

/** Writes the 64 bytes of `header` to the start of `target`. */
export function writeHeader(target: Uint8Array, header: PacketHeader): void {
  target[0] = 0x45;
  target[1] = 0x4e;
  target[2] = VERSION;
  target[3] = header.flags;
  target[4] = header.priority;
  target[5] = header.hopTtl;
  target[6] = header.hopCount;
  target[7] = header.fragFlags;
  writeU16(target, 8, header.subprotocolId);
  writeU16(target, 10, header.channelHint);
  writeU32(target, 12, header.noncePrefix);
  writeU64Number(target, 16, header.counter);
  writeU64(target, 24, header.sessionId);
  writeU64(target, 32, header.streamId);
  writeU64(target, 40, header.sequence);
  writeU32(target, 48, header.subnetId);
  writeU32(target, 52, header.originHash);
  writeU16(target, 56, header.fragmentId);
  writeU16(target, 58, header.fragmentOffset);
  writeU16(target, 60, header.payloadLength);
  writeU16(target, 62, header.eventCount);
}

/** The 64 bytes of a header. */
export function encodeHeader(header: PacketHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  writeHeader(bytes, header);
  return bytes;
}

/**
 * Reads the header of a direct packet, or undefined when the packet is not acceptable: too short,
 * another magic or version, or a bound passed. Handshakes and heartbeats have bodies of their own;
 * every other packet must be exactly header, payload and tag.
 */
export function decodeHeader(packet: Uint8Array): PacketHeader | undefined {
  return isPlausible(packet) ? readHeader(packet) : undefined;
}

/** The fields of a plausible packet. */
export function readHeader(packet: Uint8Array): PacketHeader {
  return {
    flags: packet[3] as number,
    priority: packet[4] as number,
    hopTtl: packet[5] as number,
    hopCount: packet[6] as number,
    fragFlags: packet[7] as number,
    subprotocolId: readU16(packet, 8),
    channelHint: readU16(packet, 10),
    noncePrefix: readU32(packet, 12),
    counter: readU64Number(packet, 16),
    sessionId: readU64(packet, 24),
    streamId: readU64(packet, 32),
    sequence: readU64(packet, 40),
    subnetId: readU32(packet, 48),
    originHash: readU32(packet, 52),
    fragmentId: readU16(packet, 56),
    fragmentOffset: readU16(packet, 58),
    payloadLength: readU16(packet, 60),
    eventCount: readU16(packet, 62),
  };
}

/** The session a plausible packet claims to belong to, without decoding the rest. */
export function sessionIdOf(packet: Uint8Array): bigint {
  return readU64(packet, 24);
}

/** Whether magic, version, bounds and length are those of a packet; looks at no more than that. */
export function isPlausible(packet: Uint8Array): boolean {
  if (
    packet.length < HEADER_BYTES ||
    packet[0] !== 0x45 ||
    packet[1] !== 0x4e ||
    packet[2] !== VERSION
  ) {
    return false;
  }
  const payloadLength = readU16(packet, 60);
  if (payloadLength > MAX_PAYLOAD_BYTES || readU16(packet, 62) > MAX_EVENTS) {
    return false;
  }
  const isSpecial = ((packet[3] as number) & (packetFlags.handshake | packetFlags.heartbeat)) !== 0;
  return isSpecial || packet.length === HEADER_BYTES + payloadLength + TAG_BYTES;
}
