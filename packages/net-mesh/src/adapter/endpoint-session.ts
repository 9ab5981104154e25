import {
  createStreamSet,
  type EstablishedKeys,
  type EventBatch,
  packetFlags,
  Session,
  type StreamSet,
} from "@gaiaftcl/net-wire";
import type { EndpointSettings } from "./endpoint-options.js";

export interface EndpointSessionEvents {
  /** Events of one packet on the stream of one shard; they are taken when this returns. */
  readonly deliver: (batch: EventBatch) => void;
  /** A stream that refused events takes some again. */
  readonly writable: (streamId: bigint) => void;
  readonly transmit: (datagram: Uint8Array, to: string) => void;
}

/** An established session of a two-endpoint adapter and its streams: packets and times in, packets and events out. */
export class EndpointSession {
  readonly streams: StreamSet;
  readonly #session: Session;
  readonly #settings: EndpointSettings;
  readonly #events: EndpointSessionEvents;
  #peer: string;
  #heartbeatAt: number;
  #heardAt: number;

  constructor(
    keys: EstablishedKeys,
    peer: string,
    settings: EndpointSettings,
    events: EndpointSessionEvents,
    now: number,
  ) {
    this.#session = new Session(keys, now);
    this.#settings = settings;
    this.#events = events;
    this.#peer = peer;
    // The first heartbeat leaves at once: it shows the other side that the keys agree.
    this.#heartbeatAt = now;
    this.#heardAt = now;
    const reliability = settings.isReliable ? "reliable" : "fire_and_forget";
    this.streams = createStreamSet({
      strict: keys.strict,
      credit: false,
      dropRefused: true,
      defaults: { reliability },
      peerReceiveWindow: keys.peerReceiveWindow,
      observer: {
        deliver: (batch) => {
          events.deliver(batch);
          this.streams.consume(batch, this.#session.lastActivity);
        },
        writable: events.writable,
      },
    });
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
    return this.#heardAt;
  }

  /** Takes a packet; false when it is not one of this session. */
  receive(packet: Uint8Array, from: string, now: number): boolean {
    const opened = this.#session.open(packet, now);
    if (opened === undefined) {
      return false;
    }
    this.#heardAt = now;
    // A strict session cannot be spoken for by others, so that its peer may move.
    if (this.#session.strict) {
      this.#peer = from;
    }
    if ((opened.flags & packetFlags.heartbeat) === 0) {
      this.streams.receive(opened, now);
    }
    return true;
  }

  /** Sends what is due. */
  flush(now: number): void {
    if (now >= this.#heartbeatAt) {
      this.#heartbeatAt = now + this.#settings.heartbeatIntervalMs;
      this.#events.transmit(this.#session.heartbeat(now), this.#peer);
    }
    for (
      let packet = this.streams.next(now);
      packet !== undefined;
      packet = this.streams.next(now)
    ) {
      const datagram = this.#session.seal(packet, packet.payload, now);
      this.streams.sealed(packet, this.#session.lastCounter, now);
      this.#events.transmit(datagram, this.#peer);
    }
  }

  deadline(): number {
    return Math.min(this.#heartbeatAt, this.streams.deadline());
  }
}
