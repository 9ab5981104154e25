import type { EstablishedKeys } from "./established-keys.js";
import { packetFlags } from "./packet-header.js";
import { PacketSession } from "./packet-session.js";
import type { EventBatch } from "./stream/event-batch.js";
import { createStreamSet } from "./stream/stream-set.js";
import type {
  OutgoingPacket,
  SendOptions,
  StreamSet,
  StreamSetOptions,
  StreamViolation,
} from "./stream/types.js";

const HEARTBEAT_INTERVAL_MS = 5000;
const MAX_UNTAKEN_BYTES = 64 * 1024 * 1024;
/** What keeping a batch costs beyond its payload, so that a flood of empty ones is bounded too. */
const BATCH_BYTES = 512;

/** What a session has to tell. */
export type SessionEvent =
  /** Events of one packet, or one event that came in several. */
  | { readonly type: "events"; readonly batch: EventBatch }
  /** A stream on which `send` took less than was offered has room again. */
  | { readonly type: "writable"; readonly streamId: bigint }
  /** The peer closed its direction of a reliable stream of a strict session. */
  | { readonly type: "finished"; readonly streamId: bigint }
  /** The peer broke the rules of such a stream. */
  | { readonly type: "violated"; readonly streamId: bigint; readonly reason: StreamViolation };

export interface SessionOptions {
  /** Milliseconds between two heartbeats, 5000; 0 sends none. */
  readonly heartbeatIntervalMs?: number;
  /** Milliseconds until the first one; the interval when left out. */
  readonly firstHeartbeatMs?: number;
  /**
   * Bytes of events that wait to be taken, 64 MiB. Beyond them the newest packets are dropped and
   * counted, but for reliable streams of a strict session: their sender waits until they are taken.
   */
  readonly maxUntakenBytes?: number;
  /** The streams' options. In a strict session `receiveWindow` is the one that was offered. */
  readonly streams?: Omit<StreamSetOptions, "strict" | "observer" | "peerReceiveWindow">;
}

/**
 * A session with everything that belongs to it: datagrams and times go in, datagrams, events and the
 * next deadline come out.
 *
 * After anything was received or sent, and when `deadline()` has come, take datagrams from
 * `nextDatagram` and events from `nextEvent` until they give none. Taking an event gives back its
 * credit, so that the peer sends no faster than events are taken. Times are milliseconds of any clock
 * that does not go back.
 */
export class Session extends PacketSession {
  readonly streams: StreamSet;
  readonly #heartbeatIntervalMs: number;
  readonly #maxUntakenBytes: number;
  #events: SessionEvent[] = [];
  #taken = 0;
  #untakenBytes = 0;
  #dropped = 0;
  #heartbeatAt: number;
  #heardAt: number;
  /** The time of the call that is being served. */
  #now: number;

  /** @throws NetWireError `OPTION` */
  constructor(keys: EstablishedKeys, now: number, options: SessionOptions = {}) {
    super(keys, now);
    const interval = options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS;
    this.#heartbeatIntervalMs = interval > 0 ? interval : Number.POSITIVE_INFINITY;
    this.#heartbeatAt = now + (options.firstHeartbeatMs ?? this.#heartbeatIntervalMs);
    this.#maxUntakenBytes = options.maxUntakenBytes ?? MAX_UNTAKEN_BYTES;
    this.#heardAt = now;
    this.#now = now;
    this.streams = createStreamSet({
      ...options.streams,
      strict: keys.strict,
      ...(keys.strict ? { peerReceiveWindow: keys.peerReceiveWindow } : {}),
      observer: {
        deliver: (batch) => {
          this.#deliver(batch);
        },
        writable: (streamId) => this.#events.push({ type: "writable", streamId }),
        finished: (streamId) => this.#events.push({ type: "finished", streamId }),
        violated: (streamId, reason) => this.#events.push({ type: "violated", streamId, reason }),
      },
    });
  }

  /** When something of the peer was last decrypted; at first, when the session began. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Packets whose events were dropped because too many waited to be taken. */
  get droppedBatches(): number {
    return this.#dropped;
  }

  /** Takes a datagram; false when it is to be dropped, and `lastRejection` says why. */
  receive(datagram: Uint8Array, now: number): boolean {
    this.#now = now;
    const packet = this.open(datagram, now);
    if (packet === undefined) {
      return false;
    }
    this.#heardAt = now;
    if ((packet.flags & packetFlags.heartbeat) === 0) {
      this.streams.receive(packet, now);
    }
    return true;
  }

  /**
   * Hands events to a stream, which is made when there is none, and gives how many it took: fewer than
   * were offered is backpressure, and a `writable` event tells when to go on.
   *
   * @throws NetWireError `EVENT_TOO_LARGE`; nothing was taken then
   */
  send(
    streamId: bigint,
    events: readonly Uint8Array[],
    now: number,
    options?: SendOptions,
  ): number {
    return this.streams.sendTo(streamId, events, now, options);
  }

  /** The next datagram for the peer, or undefined until something happens or `deadline()` comes. */
  nextDatagram(now: number): Uint8Array | undefined {
    this.#now = now;
    if (now >= this.#heartbeatAt) {
      this.#heartbeatAt = now + this.#heartbeatIntervalMs;
      return this.heartbeat(now);
    }
    const packet: OutgoingPacket | undefined = this.streams.next(now);
    if (packet === undefined) {
      return undefined;
    }
    const datagram = this.seal(packet, packet.payload, now);
    this.streams.sealed(packet, this.lastCounter, now);
    return datagram;
  }

  /** The next thing that happened, in order; undefined when everything was taken. */
  nextEvent(now: number): SessionEvent | undefined {
    this.#now = now;
    const event = this.#events[this.#taken];
    if (event === undefined) {
      return undefined;
    }
    this.#taken += 1;
    if (this.#taken === this.#events.length) {
      this.#events = [];
      this.#taken = 0;
    } else if (this.#taken > 1024 && this.#taken * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#taken);
      this.#taken = 0;
    }
    if (event.type === "events") {
      this.#untakenBytes -= this.#isHeldBack(event.batch) ? 0 : sizeOf(event.batch);
      this.streams.consume(event.batch, now);
    }
    return event;
  }

  /** When `nextDatagram` has something at the latest; infinity when nothing is due. */
  deadline(): number {
    return Math.min(this.#heartbeatAt, this.streams.deadline());
  }

  #deliver(batch: EventBatch): void {
    if (!this.#isHeldBack(batch)) {
      if (this.#untakenBytes + sizeOf(batch) > this.#maxUntakenBytes) {
        this.#dropped += 1;
        this.streams.consume(batch, this.#now);
        return;
      }
      this.#untakenBytes += sizeOf(batch);
    }
    this.#events.push({ type: "events", batch });
  }

  /** Whether the peer sends no more than a window of it before it is taken. */
  #isHeldBack(batch: EventBatch): boolean {
    return this.strict && batch.reliable;
  }
}

function sizeOf(batch: EventBatch): number {
  return batch.payload.length + BATCH_BYTES;
}
