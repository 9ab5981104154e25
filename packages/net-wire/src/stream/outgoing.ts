import { HEADER_BYTES, MAX_PAYLOAD_BYTES, packetFlags, TAG_BYTES } from "../packet-header.js";
import type { PacketLabel } from "./packet-label.js";
import type { OutgoingPacket } from "./types.js";

/** Header flags (Net transport format, section 2.1). */
export const RELIABLE: number = packetFlags.reliable;
export const FIN: number = packetFlags.fin;

/** On strict sessions: the event goes on in the packet with the next sequence. */
export const MORE_FRAGMENTS = 0x01;
/** On strict sessions: the sender cannot go on without an acknowledgement. */
export const ACKNOWLEDGE_NOW = 0x02;

/** Header and tag: what a packet costs beyond its payload (section 9). */
export const PACKET_OVERHEAD: number = HEADER_BYTES + TAG_BYTES;

export const NO_LABEL: Required<PacketLabel> = Object.freeze({
  subprotocolId: 0,
  channelHint: 0,
  originHash: 0,
  subnetId: 0,
});

/** The label of a received packet, without the rest of it. */
export function labelOf(packet: Required<PacketLabel>): Required<PacketLabel> {
  const { subprotocolId, channelHint, originHash, subnetId } = packet;
  return (subprotocolId | channelHint | originHash | subnetId) === 0
    ? NO_LABEL
    : { subprotocolId, channelHint, originHash, subnetId };
}

/** The stream a packet is of. */
interface PacketSource {
  readonly streamId: bigint;
  readonly reliable: boolean;
}

/** A packet from the first event put into it until nobody needs it any more. */
export class Outgoing implements OutgoingPacket {
  flags = 0;
  fragFlags = 0;
  readonly label: PacketLabel;
  readonly sender: PacketSource;
  sequenceNumber = 0;
  /** Strict: the number of the opening, in both fragment fields. */
  opening = 0;
  eventCount = 0;
  /** Payload bytes written so far. */
  length = 0;
  buffer: Uint8Array;
  readonly uncredited: boolean;
  /** Events may still be added. */
  open = true;
  /** Strict: the peer has it. */
  acknowledged = false;
  /** Strict: waits to be sent again. */
  lost = false;
  /** Strict: on the first fragment of an event, what all of its packets cost. */
  eventCost = 0;
  /** Strict: on the first fragment, whether the event takes one of the places of large events. */
  large = false;

  constructor(sender: PacketSource, label: PacketLabel, uncredited: boolean, buffer: Uint8Array) {
    this.sender = sender;
    this.label = label;
    this.uncredited = uncredited;
    this.buffer = buffer;
  }

  get streamId(): bigint {
    return this.sender.streamId;
  }
  get subprotocolId(): number {
    return this.label.subprotocolId ?? 0;
  }
  get channelHint(): number {
    return this.label.channelHint ?? 0;
  }
  get originHash(): number {
    return this.label.originHash ?? 0;
  }
  get subnetId(): number {
    return this.label.subnetId ?? 0;
  }
  get sequence(): bigint {
    return BigInt(this.sequenceNumber);
  }
  get fragmentId(): number {
    return this.opening & 0xffff;
  }
  get fragmentOffset(): number {
    return this.opening >>> 16;
  }
  get payload(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
  /** What it takes from the window. */
  get cost(): number {
    return PACKET_OVERHEAD + this.length;
  }
}

/** Buffers of full packets, used again; only those of one size are kept. */
export class PayloadBuffers {
  static readonly #kept = 128;
  readonly #free: Uint8Array[] = [];

  take(atLeast: number): Uint8Array {
    if (atLeast <= MAX_PAYLOAD_BYTES / 2) {
      let size = 256;
      while (size < atLeast) size *= 2;
      return new Uint8Array(size);
    }
    return this.#free.pop() ?? new Uint8Array(MAX_PAYLOAD_BYTES);
  }

  give(buffer: Uint8Array): void {
    if (buffer.length === MAX_PAYLOAD_BYTES && this.#free.length < PayloadBuffers.#kept) {
      this.#free.push(buffer);
    }
  }

  /** Makes room for `size` bytes in all. */
  grow(packet: Outgoing, size: number): void {
    if (packet.buffer.length >= size) return;
    const larger = this.take(size);
    larger.set(packet.payload);
    packet.buffer = larger;
  }
}
