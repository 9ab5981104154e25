import type { EventBatch } from "@gaiaftcl/net-wire";
import type { FeedItem } from "./feed.js";

/** One event from a peer. */
export interface ReceivedEvent {
  readonly peer: bigint;
  readonly streamId: bigint;
  /** `<sequence of its packet>:<index in the packet>`, unique within one stream of one peer. */
  readonly id: string;
  /** Keep a copy to keep it beyond the next event. */
  readonly payload: Uint8Array;
}

/** The events of one packet: cheaper to walk than one by one. */
export interface ReceivedBatch extends FeedItem, Iterable<Uint8Array> {
  readonly peer: bigint;
  readonly streamId: bigint;
  /** Of the packet, in its stream. */
  readonly sequence: bigint;
  /** The header's subprotocol: 0, or one this node does not know. */
  readonly subprotocolId: number;
  readonly channelHint: number;
  readonly originHash: number;
  /** The events, as views of the packet. */
  events(): Uint8Array[];
}

const KEEPING_BYTES = 512;

/** @param isReliable whether what is not taken is held back at the sender */
export class PeerBatch implements ReceivedBatch {
  readonly peer: bigint;
  readonly batch: EventBatch;
  readonly isDroppable: boolean;
  /** How many feeds have it and are not done with it. */
  holders = 1;

  constructor(peer: bigint, batch: EventBatch, isReliable: boolean) {
    this.peer = peer;
    this.batch = batch;
    this.isDroppable = !isReliable;
  }

  /** With what it costs to keep it, so that a flood of empty events is bounded too. */
  get bytes(): number {
    return this.batch.payload.length + KEEPING_BYTES;
  }

  get streamId(): bigint {
    return this.batch.streamId;
  }

  get sequence(): bigint {
    return this.batch.sequence;
  }

  get subprotocolId(): number {
    return this.batch.label.subprotocolId;
  }

  get channelHint(): number {
    return this.batch.label.channelHint;
  }

  get originHash(): number {
    return this.batch.label.originHash;
  }

  events(): Uint8Array[] {
    return this.batch.events();
  }

  [Symbol.iterator](): Iterator<Uint8Array> {
    return this.events()[Symbol.iterator]();
  }
}
