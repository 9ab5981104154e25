import { writeU32 } from "../little-endian.js";
import { MAX_EVENTS } from "../packet-header.js";
import { MORE_FRAGMENTS, Outgoing, PACKET_OVERHEAD, type PayloadBuffers } from "./outgoing.js";
import type { PacketLabel } from "./packet-label.js";
import { PacketQueue } from "./packet-queue.js";
import type { Scheduled } from "./round-robin.js";

const FRAME_PREFIX = 4;

/**
 * One direction of one opening: packs events into packets as they are offered, and queues them.
 * Events offered before the scheduler takes the last packet share it.
 */
export abstract class Sender implements Scheduled {
  readonly streamId: bigint;
  readonly reliable: boolean;
  weight: number;
  deficit = 0;
  scheduled = false;
  following: this | undefined = undefined;

  readonly queue: PacketQueue = new PacketQueue();
  nextSequence = 0;
  /** Cost of what is accepted and still held. */
  buffered = 0;
  backpressureEvents = 0;
  /** A send was refused, and `writable` is owed. */
  waiting = false;

  readonly #buffers: PayloadBuffers;

  constructor(streamId: bigint, reliable: boolean, weight: number, buffers: PayloadBuffers) {
    this.streamId = streamId;
    this.reliable = reliable;
    this.weight = weight;
    this.#buffers = buffers;
  }

  abstract pendingCost(): number;
  /** Takes `cost` more, or refuses. */
  protected abstract admit(cost: number, uncredited: boolean): boolean;
  /** Whether an event that needs several packets may start. */
  protected abstract admitLarge(): boolean;
  protected abstract adorn(packet: Outgoing): void;
  /** An event has been cut into packets, of which `first` is the first. */
  protected fragmented(_first: Outgoing, _eventBytes: number): void {}

  /**
   * Section 3: an event joins the packet unless it would pass the limit; what joins one packet is
   * admitted together or not at all. Returns how many events were accepted.
   */
  offer(
    events: readonly Uint8Array[],
    label: PacketLabel,
    uncredited: boolean,
    maxPayload: number,
  ): number {
    let accepted = 0;
    while (accepted < events.length) {
      const tail = this.#tail(label, uncredited);
      const end = fit(events, accepted, tail, maxPayload);
      if (end === accepted) {
        if (tail !== undefined) {
          tail.open = false;
          continue;
        }
        if (!this.admitLarge()) break;
        this.#fragment(events[accepted] as Uint8Array, label, maxPayload);
        accepted += 1;
        continue;
      }
      let size = 0;
      for (let index = accepted; index < end; index++) {
        size += FRAME_PREFIX + (events[index] as Uint8Array).length;
      }
      if (!this.admit(tail === undefined ? PACKET_OVERHEAD + size : size, uncredited)) break;
      const packet = tail ?? this.#begin(label, uncredited, size);
      this.#buffers.grow(packet, packet.length + size);
      for (let index = accepted; index < end; index++) {
        appendEvent(packet, events[index] as Uint8Array);
      }
      accepted = end;
    }
    if (accepted < events.length) {
      this.backpressureEvents += 1;
      this.waiting = true;
    }
    return accepted;
  }

  /** The packet that goes next; from now on nothing joins it. */
  protected takeFirst(): Outgoing | undefined {
    const packet = this.queue.shift();
    if (packet !== undefined) packet.open = false;
    return packet;
  }

  protected push(packet: Outgoing): void {
    const last = this.queue.last;
    if (last !== undefined) last.open = false;
    packet.sequenceNumber = this.nextSequence++;
    this.adorn(packet);
    this.queue.push(packet);
  }

  #tail(label: PacketLabel, uncredited: boolean): Outgoing | undefined {
    const last = this.queue.last;
    return last?.open && last.label === label && last.uncredited === uncredited ? last : undefined;
  }

  #begin(label: PacketLabel, uncredited: boolean, size: number): Outgoing {
    const packet = new Outgoing(this, label, uncredited, this.#buffers.take(size));
    this.push(packet);
    return packet;
  }

  /** One event frame, cut into full packets of consecutive sequences. */
  #fragment(event: Uint8Array, label: PacketLabel, maxPayload: number): void {
    const total = FRAME_PREFIX + event.length;
    const packets = Math.ceil(total / maxPayload);
    let first: Outgoing | undefined;
    for (let at = 0; at < total; at += maxPayload) {
      const size = Math.min(maxPayload, total - at);
      const packet = this.#begin(label, false, size);
      packet.open = false;
      if (at === 0) {
        writeU32(packet.buffer, 0, event.length);
        packet.buffer.set(event.subarray(0, size - FRAME_PREFIX), FRAME_PREFIX);
      } else {
        packet.buffer.set(event.subarray(at - FRAME_PREFIX, at - FRAME_PREFIX + size));
      }
      packet.length = size;
      if (at + size < total) packet.fragFlags |= MORE_FRAGMENTS;
      else packet.eventCount = 1;
      first ??= packet;
    }
    if (first === undefined) return;
    first.eventCost = total + packets * PACKET_OVERHEAD;
    this.fragmented(first, event.length);
  }
}

/** The index behind the last event that fits into the packet, or into a new one. */
function fit(
  events: readonly Uint8Array[],
  from: number,
  packet: Outgoing | undefined,
  maxPayload: number,
): number {
  let size = packet?.length ?? 0;
  let room = MAX_EVENTS - (packet?.eventCount ?? 0);
  let index = from;
  for (; index < events.length && room > 0; index++, room--) {
    size += FRAME_PREFIX + (events[index] as Uint8Array).length;
    if (size > maxPayload) break;
  }
  return index;
}

function appendEvent(packet: Outgoing, event: Uint8Array): void {
  const { buffer, length } = packet;
  writeU32(buffer, length, event.length);
  buffer.set(event, length + FRAME_PREFIX);
  packet.length = length + FRAME_PREFIX + event.length;
  packet.eventCount += 1;
}
