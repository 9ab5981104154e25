import type { EventBatch } from "./event-batch.js";
import type { PacketLabel } from "./packet-label.js";

/**
 * What a stream promises.
 * To a 0.19.0 peer "reliable" sets the flag and runs the receive filter, no more (Net transport
 * format, section 8.3). To a peer of our own kind it means: every accepted event is delivered
 * exactly once and in order, however many packets the network loses.
 */
export type Reliability = "fire_and_forget" | "reliable";

/** Options of one opening of a stream. What is left out comes from the set's `defaults`. */
export interface StreamOptions {
  readonly reliability?: Reliability;
  /**
   * Bytes that may be on their way and not yet given back as credit; a packet costs
   * 80 + its payload. 0 = unlimited. To a strict peer the smaller of this and the peer's own
   * window counts, and only the peer's when this is left out.
   */
  readonly window?: number;
  /** Share of the session against other streams, 1..255. */
  readonly weight?: number;
}

/** One opening of a stream id; it is of no use once that id has been closed or evicted. */
export interface StreamHandle {
  readonly id: bigint;
  /** Counts the openings of all ids in this session, so that handles of two openings differ. */
  readonly epoch: number;
}

export interface SendOptions {
  readonly label?: PacketLabel;
  /** Neither asks for nor uses up credit, as subprotocol messages and plain pushes (section 9). */
  readonly uncredited?: boolean;
  /** Used when this send creates the stream. */
  readonly open?: StreamOptions;
}

/** The header fields of a packet to be sealed, and its plaintext. */
export interface OutgoingPacket {
  readonly flags: number;
  readonly fragFlags: number;
  readonly subprotocolId: number;
  readonly channelHint: number;
  readonly streamId: bigint;
  readonly sequence: bigint;
  readonly subnetId: number;
  readonly originHash: number;
  readonly fragmentId: number;
  readonly fragmentOffset: number;
  readonly eventCount: number;
  /** A view of memory that is used again: seal it before `sealed` is called, and keep no part. */
  readonly payload: Uint8Array;
}

/** A packet that passed decryption, as the session hands it on. */
export interface IncomingPacket {
  readonly flags: number;
  readonly fragFlags: number;
  readonly subprotocolId: number;
  readonly channelHint: number;
  /** The AEAD packet counter. */
  readonly counter: bigint | number;
  readonly streamId: bigint;
  readonly sequence: bigint;
  readonly subnetId: number;
  readonly originHash: number;
  readonly fragmentId: number;
  readonly fragmentOffset: number;
  readonly eventCount: number;
  /** The plaintext. Batches delivered from it are views of it; what is held back is copied. */
  readonly payload: Uint8Array;
}

/** Called from within `receive`, `next`, `consume` and `close`; may call the set again. */
export interface StreamObserver {
  /** Events of one packet. On a strict session give the batch to `consume` when they are used up. */
  deliver(batch: EventBatch): void;
  /** A stream on which a send was refused has room again, or was closed or evicted, as a send will tell. */
  writable?(streamId: bigint): void;
  /** The peer closed its direction of a reliable stream, and everything before has been delivered. */
  finished?(streamId: bigint): void;
  /** The peer broke the rules of a strict stream; what it still sends on this opening is dropped. */
  violated?(streamId: bigint, reason: StreamViolation): void;
}

export type StreamViolation =
  | "event too large"
  | "event longer than announced"
  | "event cut short"
  | "too many large events"
  | "data after the end";

export interface StreamSetOptions {
  /** Whether the peer is of our own kind and agreed to strict sessions. */
  readonly strict: boolean;
  readonly observer: StreamObserver;
  /** What a stream gets that is created by its first use. Default: fire and forget, weight 1. */
  readonly defaults?: StreamOptions;
  /**
   * Largest plaintext of a packet, 128..8112. Default 8112 towards a 0.19.0 peer, 8094 on strict
   * sessions: a relay's buffer has to take 18 bytes of routing header too, and what is sent again
   * may have to go another way than the first time. Set 8094 for a 0.19.0 peer behind a relay.
   */
  readonly maxPayload?: number;
  /** Bytes accepted and not yet sent (strict reliable: not yet acknowledged). Default 4 MiB. */
  readonly sendBuffer?: number;
  /** Streams per session, 4096. */
  readonly maxStreams?: number;
  /** Milliseconds after which an unused stream is forgotten, 300,000. */
  readonly idleTimeout?: number;

  /** Legacy: false = neither ask for credit nor grant it (two-endpoint adapter). */
  readonly credit?: boolean;
  /**
   * Legacy: drop the events of packets that the receive filter of a reliable stream refuses
   * (two-endpoint adapter) instead of delivering them with their verdict (mesh).
   */
  readonly dropRefused?: boolean;

  /**
   * Strict: bytes per stream that we take before the application consumes, as we announced it.
   * Counts in whole KiB, 16 KiB at least; all streams together may take eight times as much.
   */
  readonly receiveWindow?: number;
  /** Strict: the same as the peer announced it. Default for both 1 MiB. */
  readonly peerReceiveWindow?: number;
  /** Strict: largest event that is taken or sent, 16 MiB. */
  readonly maxEventBytes?: number;
  /** Strict: round-trip time seen during the handshake, milliseconds. */
  readonly initialRtt?: number;
  /** Strict: upper bound of the congestion window in bytes, 4 MiB. */
  readonly maxCongestionWindow?: number;
}

/** `stream_stats` of section 9, in our names. */
export interface StreamStats {
  /** The next sequence to be sent. */
  readonly txSequence: bigint;
  /** The highest sequence received, 0 when there was none. */
  readonly rxSequence: bigint;
  /** Bytes received and not yet delivered or consumed; always 0 towards a 0.19.0 peer. */
  readonly inboundPending: number;
  /** Bytes accepted by `send` that the stream still holds. */
  readonly outboundPending: number;
  /** The time (`now`) of the last send or receive. */
  readonly lastActivity: number;
  readonly active: boolean;
  readonly reliability: Reliability;
  readonly backpressureEvents: number;
  /** Infinity when the window is unlimited. */
  readonly txCreditRemaining: number;
  readonly txWindow: number;
  readonly creditGrantsReceived: number;
  readonly creditGrantsSent: number;
}

export interface StreamSetStats {
  readonly streams: number;
  readonly evictedStreams: number;
  readonly eventsSent: number;
  readonly batchesDelivered: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  /** Bytes accepted and still held for sending or for sending again. */
  readonly bufferedBytes: number;
  /** Bytes held for the receiving application: out of order, in assembly or not consumed. */
  readonly heldBytes: number;
  /** Grants for ids that are unknown or were closed less than 2 s before. */
  readonly ignoredGrants: number;
  /** Control messages that do not parse, or acknowledge what was never sent. */
  readonly malformedControls: number;
  readonly duplicatePackets: number;
  /** Packets beyond the window or beyond the number of streams. */
  readonly overrunPackets: number;
  /** Packets of finished or violated streams. */
  readonly stalePackets: number;
  readonly violations: number;
  readonly lostPackets: number;
  readonly spuriousLosses: number;
  readonly retransmittedPackets: number;
  readonly probes: number;
  readonly smoothedRtt: number;
  readonly congestionWindow: number;
  readonly bytesInFlight: number;
}

/**
 * All streams of one session, sans-I/O: packets and a time in; packets to seal, events for the
 * application and the time of the next deadline out. `now` is in milliseconds of a clock that
 * never goes back.
 *
 * The loop around it: after anything was sent, received or consumed, and when `deadline()` has
 * come, call `next(now)` until it gives nothing; seal each packet and report it with `sealed`
 * before the next call. Sends of one tick share packets when `next` is called once at its end.
 */
export interface StreamSet {
  readonly strict: boolean;
  /** May be lowered or raised between packets; events already packed keep their packets. */
  maxPayload: number;

  /**
   * Opens `id`, or returns the present opening unchanged when there is one: the first open wins.
   * (On a strict session an opening that only the peer's packets made takes these options.)
   * @throws NetWireError `OPTION`, `TOO_MANY_STREAMS` (strict)
   */
  open(id: bigint, now: number, options?: StreamOptions): StreamHandle;
  isOpen(handle: StreamHandle): boolean;

  /**
   * Accepts events in order and returns how many; fewer than offered is backpressure, and
   * `observer.writable` tells when to go on. What was accepted is copied, and is never given up
   * for want of memory.
   * @throws NetWireError `NOT_CONNECTED` for a closed, evicted or replaced opening;
   *   `EVENT_TOO_LARGE` (nothing was accepted then)
   */
  send(
    handle: StreamHandle,
    events: readonly Uint8Array[],
    now: number,
    options?: SendOptions,
  ): number;
  /** The same on whatever opening `id` has, which is made when there is none. */
  sendTo(id: bigint, events: readonly Uint8Array[], now: number, options?: SendOptions): number;

  /**
   * Ends an opening. What was accepted is still sent; on a strict reliable stream it is still
   * delivered, and the peer's observer hears `finished`. A handle that is closed already is ignored.
   */
  close(handle: StreamHandle, now: number): void;

  /** Takes every packet of the session but heartbeats and handshakes. */
  receive(packet: IncomingPacket, now: number): void;
  /** Gives back the credit of a delivered batch (strict; nothing happens on legacy sessions). */
  consume(batch: EventBatch, now: number): void;

  /** The next packet to seal, or nothing until something happens or `deadline()` comes. */
  next(now: number): OutgoingPacket | undefined;
  /** The packet that `next` returned last has been sealed under `counter`. */
  sealed(packet: OutgoingPacket, counter: bigint | number, now: number): void;
  /** The socket refused the datagram: a legacy stream gets its credit back (section 9). */
  failed(packet: OutgoingPacket, now: number): void;
  /** When `next` has to be called at the latest; Infinity when nothing is due. */
  deadline(): number;

  stats(id: bigint): StreamStats | undefined;
  sessionStats(): StreamSetStats;
}
