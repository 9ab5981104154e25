import { randomBytes } from "node:crypto";
import {
  type EstablishedKeys,
  type EventBatch,
  handshakePacket,
  type InitiatorHandshake,
  packetFlags,
} from "@gaiaftcl/net-wire";
import { UdpSocket } from "../node/udp-socket.js";
import {
  answeredKeys,
  CallDesk,
  callPacket,
  callPeer,
  HANDSHAKE_ATTEMPTS,
  HANDSHAKE_PAUSE_MS,
  HANDSHAKE_TIMEOUT_MS,
} from "./endpoint-handshake.js";
import type { EndpointSettings } from "./endpoint-options.js";
import { EndpointSession } from "./endpoint-session.js";

export interface EndpointLinkEvents {
  readonly deliver: (batch: EventBatch) => void;
  /** Something changed for whoever waits to send: room, a session, or the loss of one. */
  readonly changed: () => void;
}

/** The timer is looked at at least this often. */
const LONGEST_SLEEP_MS = 1_000;

/**
 * The socket and timer around the session of a two-endpoint adapter. The initiator calls again
 * when the peer has been silent for the session timeout; the responder answers a new call at any
 * time, and changes over once the caller has shown that it holds the new keys.
 */
export class EndpointLink {
  readonly #settings: EndpointSettings;
  readonly #events: EndpointLinkEvents;
  readonly #desk: CallDesk;
  #socket: UdpSocket | undefined;
  #session: EndpointSession | undefined;
  /** Answered, not yet confirmed by a packet of the caller. */
  #pending: EndpointSession | undefined;
  #call: InitiatorHandshake | undefined;
  #attempt = 0;
  #callAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #isFlushing = false;
  #isClosed = false;

  constructor(settings: EndpointSettings, events: EndpointLinkEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#desk = new CallDesk(settings, randomBytes);
  }

  /** The session, while there is one and its peer is heard. */
  get session(): EndpointSession | undefined {
    return this.#session;
  }

  get address(): string | undefined {
    return this.#socket?.address;
  }

  /** Binds the socket; an initiator begins to call. @throws NetMeshError `SOCKET` */
  async open(): Promise<void> {
    this.#socket = await UdpSocket.bind({
      bind: this.#settings.bind,
      received: (datagram, from) => {
        this.#received(datagram, from, performance.now());
      },
    });
    if (this.#isClosed) {
      await this.#socket.close();
      return;
    }
    this.callNow();
  }

  /** Lets an initiator without a session begin a new round of calls. */
  callNow(): void {
    if (
      this.#settings.role === "initiator" &&
      this.#session === undefined &&
      this.#callAt === Number.POSITIVE_INFINITY
    ) {
      this.#attempt = 0;
      this.#callAt = performance.now();
      this.#tick(this.#callAt);
    }
  }

  /** Whether a round of calls ended without an answer. */
  get isGivenUp(): boolean {
    return (
      this.#settings.role === "initiator" &&
      this.#session === undefined &&
      this.#callAt === Number.POSITIVE_INFINITY
    );
  }

  /** Sends what has been put into the streams at the end of this turn. */
  flushSoon(): void {
    if (!this.#isFlushing) {
      this.#isFlushing = true;
      setImmediate(() => {
        this.#isFlushing = false;
        this.#tick(performance.now());
      });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#session = undefined;
    this.#pending = undefined;
    await this.#socket?.close();
    this.#events.changed();
  }

  #received(datagram: Uint8Array, from: string, now: number): void {
    if (((datagram[3] ?? 0) & packetFlags.handshake) !== 0) {
      this.#handshake(datagram, from, now);
    } else if (
      this.#session?.receive(datagram, from, now) !== true &&
      this.#pending?.receive(datagram, from, now) === true
    ) {
      this.#adopt(this.#pending);
      this.#pending = undefined;
    }
    this.flushSoon();
  }

  #handshake(datagram: Uint8Array, from: string, now: number): void {
    if (this.#settings.role === "responder") {
      const response = this.#desk.answer(datagram, from, now);
      if (response !== undefined) {
        this.#pending = this.#begin(response.keys, from, now);
        this.#transmit(handshakePacket(response.message2), from);
      }
      return;
    }
    const call = from === this.#settings.peer ? this.#call : undefined;
    const keys = call === undefined ? undefined : answeredKeys(call, datagram);
    if (keys !== undefined) {
      this.#call = undefined;
      this.#callAt = Number.POSITIVE_INFINITY;
      this.#adopt(this.#begin(keys, from, now));
    }
  }

  #begin(keys: EstablishedKeys, from: string, now: number): EndpointSession {
    const events = {
      deliver: this.#events.deliver,
      writable: () => {
        this.#events.changed();
      },
      transmit: (datagram: Uint8Array, to: string) => {
        this.#transmit(datagram, to);
      },
    };
    return new EndpointSession(keys, from, this.#settings, events, now);
  }

  #adopt(session: EndpointSession): void {
    this.#session = session;
    this.#events.changed();
  }

  #transmit(datagram: Uint8Array, to: string): void {
    this.#socket?.send(datagram, to);
  }

  #tick(now: number): void {
    if (this.#isClosed || this.#socket === undefined) return;
    if (
      this.#session !== undefined &&
      now - this.#session.heardAt > this.#settings.sessionTimeoutMs
    ) {
      this.#session = undefined;
      this.#callAt = now;
      this.#attempt = 0;
      this.#events.changed();
    }
    if (now >= this.#callAt && this.#settings.role === "initiator") this.#callAgain(now);
    this.#session?.flush(now);
    this.#schedule(now);
  }

  #callAgain(now: number): void {
    this.#call = undefined;
    if (this.#attempt >= HANDSHAKE_ATTEMPTS) {
      // The round is over; whoever wants to send learns so and begins the next.
      this.#callAt = Number.POSITIVE_INFINITY;
      this.#attempt += 1;
      this.#events.changed();
      return;
    }
    this.#attempt += 1;
    this.#call = callPeer(this.#settings, randomBytes);
    this.#transmit(callPacket(this.#call), this.#settings.peer);
    this.#callAt = now + HANDSHAKE_TIMEOUT_MS + HANDSHAKE_PAUSE_MS * this.#attempt;
  }

  #schedule(now: number): void {
    const session = this.#session;
    const silentAt =
      session === undefined
        ? Number.POSITIVE_INFINITY
        : session.heardAt + this.#settings.sessionTimeoutMs + 1;
    const at = Math.min(
      session?.deadline() ?? Number.POSITIVE_INFINITY,
      silentAt,
      this.#callAt,
      now + LONGEST_SLEEP_MS,
    );
    if (at >= this.#timerAt && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#tick(performance.now());
      },
      Math.max(0, Math.ceil(at - now)),
    );
  }
}
