import { readU32 } from "../little-endian.js";
import { EventBatch } from "./event-batch.js";
import { FIN, labelOf, MORE_FRAGMENTS, PACKET_OVERHEAD } from "./outgoing.js";
import type { IncomingPacket, StreamViolation } from "./types.js";

const FRAME_PREFIX = 4;
const FIRST_ASSEMBLY = 256 * 1024;

/**
 * Events above this share of the window do not wait in it: the credit of all but their last packet
 * comes back as it arrives, and only `LARGE_EVENTS` of them may be unconsumed in one session. Both
 * sides reckon with the window that the receiver announced.
 */
const LARGE_SHARE = 4;
export const LARGE_EVENTS = 4;

export function isLarge(eventBytes: number, window: number): boolean {
  return eventBytes + FRAME_PREFIX > window / LARGE_SHARE;
}

/** A batch that owes credit. */
export class StrictBatch extends EventBatch {
  /** Undefined for events of fire-and-forget streams. */
  receiver: StrictReceiver | undefined;
  /** What consuming it gives back. */
  cost = 0;
  large = false;
}

/** What a receiver shares with the others of its session. */
export interface ReceiverContext {
  readonly window: number;
  readonly maxEventBytes: number;
  largeEvents: number;
  deliver(batch: StrictBatch): void;
  /** Bytes that the peer may send again. */
  release(receiver: StrictReceiver, cost: number): void;
  /** A large event is consumed or given up. */
  largeConsumed(): void;
  finished(receiver: StrictReceiver): void;
  violated(receiver: StrictReceiver, reason: StreamViolation): void;
}

interface Assembly {
  readonly length: number;
  readonly large: boolean;
  buffer: Uint8Array;
  filled: number;
  /** Not yet given back. */
  cost: number;
}

/** The packets of one opening of a reliable stream: puts them in order, and events together. */
export class StrictReceiver {
  readonly streamId: bigint;
  readonly opening: number;
  /** Cost of everything received, and of what has been given back. */
  received = 0;
  consumed = 0;
  /** Cost of what was received and neither delivered nor given back. */
  undelivered = 0;
  /** The value of `consumed` that the peer was told last. */
  reported = 0;
  creditsSent = 0;
  /** Finished or violated: nothing more is taken. */
  over = false;

  readonly #context: ReceiverContext;
  readonly #held = new Map<number, IncomingPacket>();
  #next = 0;
  #end = Number.POSITIVE_INFINITY;
  #assembly: Assembly | undefined;

  constructor(streamId: bigint, opening: number, context: ReceiverContext) {
    this.streamId = streamId;
    this.opening = opening;
    this.#context = context;
  }

  has(sequence: number): boolean {
    return sequence < this.#next || this.#held.has(sequence);
  }

  /** Takes a packet that is new and within the window. */
  take(packet: IncomingPacket, sequence: number): void {
    const cost = PACKET_OVERHEAD + packet.payload.length;
    this.received += cost;
    this.undelivered += cost;
    if (sequence > this.#end) {
      this.#violate("data after the end");
    } else if (sequence !== this.#next) {
      this.#held.set(sequence, { ...header(packet), payload: packet.payload.slice() });
    } else {
      this.#accept(packet, sequence);
      while (!this.over) {
        const held = this.#held.get(this.#next);
        if (held === undefined) break;
        this.#held.delete(this.#next);
        this.#accept(held, this.#next);
      }
    }
  }

  #accept(packet: IncomingPacket, sequence: number): void {
    this.#next = sequence + 1;
    const cost = PACKET_OVERHEAD + packet.payload.length;
    const ends = (packet.flags & FIN) !== 0;
    if (this.#assembly !== undefined || (packet.fragFlags & MORE_FRAGMENTS) !== 0) {
      const problem = this.#assemble(packet, cost, ends);
      if (problem !== undefined) {
        this.#violate(problem);
        return;
      }
    } else if (packet.eventCount > 0) {
      this.#deliver(packet, packet.payload, packet.eventCount, cost, false);
    } else {
      this.#release(cost);
    }
    if (!ends || this.over) return;
    this.#end = sequence;
    if (this.#held.size > 0) {
      this.#violate("data after the end");
      return;
    }
    this.over = true;
    this.#context.finished(this);
  }

  /** Adds one fragment; the first begins with the length of the event. */
  #assemble(packet: IncomingPacket, cost: number, ends: boolean): StreamViolation | undefined {
    const context = this.#context;
    const { payload } = packet;
    const more = (packet.fragFlags & MORE_FRAGMENTS) !== 0;
    let assembly = this.#assembly;
    if (assembly === undefined) {
      if (payload.length < FRAME_PREFIX) return "event cut short";
      const length = readU32(payload, 0);
      if (length > context.maxEventBytes) return "event too large";
      const large = isLarge(length, context.window);
      if (large) {
        if (context.largeEvents >= LARGE_EVENTS) return "too many large events";
        context.largeEvents += 1;
      }
      const size = Math.min(length + FRAME_PREFIX, FIRST_ASSEMBLY);
      assembly = { length, large, buffer: new Uint8Array(size), filled: 0, cost: 0 };
      this.#assembly = assembly;
    }
    const total = assembly.length + FRAME_PREFIX;
    const filled = assembly.filled + payload.length;
    if (filled > total) return "event longer than announced";
    // An empty fragment would carry an event on for ever.
    if (payload.length === 0 || (more ? ends || filled === total : filled < total)) {
      return "event cut short";
    }
    if (filled > assembly.buffer.length) {
      // Memory follows what arrived, not what was announced.
      const larger = new Uint8Array(Math.min(total, Math.max(filled, assembly.filled * 2)));
      larger.set(assembly.buffer.subarray(0, assembly.filled));
      assembly.buffer = larger;
    }
    assembly.buffer.set(payload, assembly.filled);
    assembly.filled = filled;
    assembly.cost += cost;
    if (more) {
      if (assembly.large) {
        this.#release(assembly.cost);
        assembly.cost = 0;
      }
      return undefined;
    }
    this.#assembly = undefined;
    this.#deliver(packet, assembly.buffer, 1, assembly.cost, assembly.large);
    return undefined;
  }

  #deliver(
    packet: IncomingPacket,
    payload: Uint8Array,
    count: number,
    cost: number,
    large: boolean,
  ): void {
    const batch = new StrictBatch(
      this.streamId,
      BigInt(this.#next - 1),
      payload,
      count,
      labelOf(packet),
      true,
      "accepted",
    );
    batch.receiver = this;
    batch.cost = cost;
    batch.large = large;
    this.undelivered -= cost;
    this.#context.deliver(batch);
  }

  #release(cost: number): void {
    this.undelivered -= cost;
    this.#context.release(this, cost);
  }

  #violate(reason: StreamViolation): void {
    this.over = true;
    this.#held.clear();
    if (this.#assembly?.large) this.#context.largeConsumed();
    this.#assembly = undefined;
    this.#context.violated(this, reason);
  }
}

function header(packet: IncomingPacket): Omit<IncomingPacket, "payload"> {
  const { flags, fragFlags, subprotocolId, channelHint, subnetId, originHash } = packet;
  const { counter, streamId, sequence, fragmentId, fragmentOffset, eventCount } = packet;
  return {
    flags,
    fragFlags,
    subprotocolId,
    channelHint,
    subnetId,
    originHash,
    counter,
    streamId,
    sequence,
    fragmentId,
    fragmentOffset,
    eventCount,
  };
}
