import { type EstablishedKeys, type EventBatch, Session, type StreamSet } from "@gaiaftcl/net-wire";
import type { EndpointSettings } from "./endpoint-options.js";

export interface EndpointSessionEvents {
  /** Events of one packet on the stream of one shard; they are taken when this returns. */
  readonly deliver: (batch: EventBatch) => void;
  /** A stream that refused events takes some again. */
  readonly writable: (streamId: bigint) => void;
  readonly transmit: (datagram: Uint8Array, to: string) => void;
}

/** An established session of a two-endpoint adapter and where its peer is. */
export class EndpointSession {
  readonly #session: Session;
  readonly #events: EndpointSessionEvents;
  #peer: string;

  constructor(
    keys: EstablishedKeys,
    peer: string,
    settings: EndpointSettings,
    events: EndpointSessionEvents,
    now: number,
  ) {
    this.#events = events;
    this.#peer = peer;
    this.#session = new Session(keys, now, {
      heartbeatIntervalMs: settings.heartbeatIntervalMs,
      // It leaves at once: it shows the other side that the keys agree.
      firstHeartbeatMs: 0,
      streams: {
        credit: false,
        dropRefused: true,
        defaults: { reliability: settings.isReliable ? "reliable" : "fire_and_forget" },
      },
    });
  }

  get streams(): StreamSet {
    return this.#session.streams;
  }

  get isStrict(): boolean {
    return this.#session.strict;
  }

  /** Where the peer is. */
  get peer(): string {
    return this.#peer;
  }

  /** Since when nothing was heard. */
  get heardAt(): number {
    return this.#session.heardAt;
  }

  /** Takes a packet; false when it is not one of this session. */
  receive(packet: Uint8Array, from: string, now: number): boolean {
    if (!this.#session.receive(packet, now)) {
      return false;
    }
    // A strict session cannot be spoken for by others, so that its peer may move.
    if (this.#session.strict) {
      this.#peer = from;
    }
    this.#tell(now);
    return true;
  }

  /** Sends what is due. */
  flush(now: number): void {
    for (
      let datagram = this.#session.nextDatagram(now);
      datagram !== undefined;
      datagram = this.#session.nextDatagram(now)
    ) {
      this.#events.transmit(datagram, this.#peer);
    }
    this.#tell(now);
  }

  deadline(): number {
    return this.#session.deadline();
  }

  #tell(now: number): void {
    for (
      let event = this.#session.nextEvent(now);
      event !== undefined;
      event = this.#session.nextEvent(now)
    ) {
      if (event.type === "events") {
        this.#events.deliver(event.batch);
      } else if (event.type === "writable") {
        this.#events.writable(event.streamId);
      }
    }
  }
}
