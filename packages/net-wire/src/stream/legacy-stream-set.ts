import { decodeStreamGrant, GRANT_STREAM } from "../stream-grant.js";
import { EventBatch, type FilterVerdict } from "./event-batch.js";
import { GRANT_SUBPROTOCOL, GrantQueue } from "./grants.js";
import { LegacyFlight } from "./legacy-flight.js";
import { costOf, LegacyStream, type SendBudget } from "./legacy-stream.js";
import { ensureEventSizes, OpenStreams } from "./open-streams.js";
import { type ResolvedStreamOptions, resolveStreamOptions } from "./options.js";
import { labelOf, NO_LABEL, Outgoing, PayloadBuffers, RELIABLE } from "./outgoing.js";
import type { PacketLabel } from "./packet-label.js";
import { RoundRobin } from "./round-robin.js";
import type {
  IncomingPacket,
  OutgoingPacket,
  SendOptions,
  StreamHandle,
  StreamOptions,
  StreamSet,
  StreamSetOptions,
  StreamSetStats,
  StreamStats,
} from "./types.js";

/** Section 9: how long grants for a closed id may still be on their way. */
const CLOSED_MEMORY = 2000;

/**
 * Subprotocols that a 0.19.0 node dispatches (section 12): they neither cost nor earn credit. Any
 * other id is event data.
 */
const DISPATCHED: ReadonlySet<number> = new Set([
  0x0500, 0x0a00, 0x0c00, 0x0d00, 0x0d01, 0x0e00, 0x0f00,
]);

/** The streams of a session with a 0.19.0 node (Net transport format, sections 8 and 9). */
export class LegacyStreamSet extends OpenStreams<LegacyStream> implements StreamSet {
  readonly strict = false;
  readonly #scheduler = new RoundRobin<LegacyStream>();
  readonly #buffers = new PayloadBuffers();
  readonly #budget: SendBudget;
  readonly #grants = new GrantQueue();
  readonly #flight = new LegacyFlight();
  readonly #parked = new Set<LegacyStream>();
  /** Closed ids, with what was open and when it ended, oldest first. */
  readonly #closed = new Map<bigint, { readonly at: number; readonly stream: LegacyStream }>();
  /** Streams that owe their application a `writable`. */
  readonly #waiting = new Set<LegacyStream>();
  #controlSequence = 0n;

  constructor(options: StreamSetOptions) {
    super(options);
    const limit = this.settings.sendBuffer;
    this.#budget = { buffered: 0, limit, perStream: Math.max(1, Math.floor(limit / 4)) };
  }

  open(id: bigint, now: number, options?: StreamOptions): StreamHandle {
    const resolved = resolveStreamOptions(options, this.settings.defaults);
    // Section 9: whoever opened a stream unlimited does not grant on it.
    return (this.table.get(id) ?? this.#create(id, resolved, resolved.window !== 0, now)).opening;
  }

  sendTo(id: bigint, events: readonly Uint8Array[], now: number, options?: SendOptions): number {
    return this.offer(this.#use(id, now, options?.open), events, now, options);
  }

  close(handle: StreamHandle, now: number): void {
    const stream = this.streamOf(handle);
    if (stream !== undefined) this.#end(stream, now);
  }

  receive(packet: IncomingPacket, now: number): void {
    this.counts.packetsReceived += 1;
    if (packet.subprotocolId === GRANT_SUBPROTOCOL) {
      this.#receiveGrants(packet, now);
      return;
    }
    let verdict: FilterVerdict = "accepted";
    if (!DISPATCHED.has(packet.subprotocolId)) {
      const stream = this.#use(packet.streamId, now);
      verdict = stream.filter?.receive(packet.sequence) ?? "accepted";
      if (verdict === "accepted") {
        if (packet.sequence > stream.highestReceived) stream.highestReceived = packet.sequence;
        if (this.settings.credit && stream.grants) {
          stream.consumed += costOf(packet.payload);
          stream.grantsSent += 1;
          this.#grants.add(stream.id, stream.consumed);
        }
      } else if (verdict === "duplicate") {
        this.counts.duplicatePackets += 1;
      } else {
        this.counts.overrunPackets += 1;
      }
      if (verdict !== "accepted" && this.settings.dropRefused) return;
    }
    const batch = new EventBatch(
      packet.streamId,
      packet.sequence,
      packet.payload,
      packet.eventCount,
      labelOf(packet),
      (packet.flags & RELIABLE) !== 0,
      verdict,
    );
    this.counts.batchesDelivered += 1;
    this.observer.deliver(batch);
  }

  /** Nothing to do: a 0.19.0 peer is granted credit when its packets arrive. */
  consume(_batch: EventBatch, _now: number): void {}

  next(now: number): OutgoingPacket | undefined {
    this.#evictIdle(now);
    if (this.#grants.length > 0) return this.#grantPacket();
    const stream = this.#scheduled(now);
    const isCredited = stream?.isCredited ?? false;
    const packet = stream?.take();
    if (stream === undefined || packet === undefined) return undefined;
    if (isCredited) this.#flight.sent(packet.cost, now);
    this.#scheduler.charge(stream, packet.cost);
    if (this.#waiting.size > 0) this.#tellWriters();
    return packet;
  }

  sealed(packet: OutgoingPacket, _counter: bigint | number, _now: number): void {
    this.counts.packetsSent += 1;
    if (packet instanceof Outgoing) {
      this.counts.eventsSent += packet.eventCount;
      this.#buffers.give(packet.buffer);
    }
  }

  failed(packet: OutgoingPacket, _now: number): void {
    if (!(packet instanceof Outgoing && packet.sender instanceof LegacyStream)) return;
    this.counts.lostPackets += 1;
    packet.sender.refund(packet);
    this.#tellWriters();
  }

  deadline(): number {
    if (this.#grants.length > 0 || !this.#scheduler.empty) return 0;
    const idleAt = this.idleDeadline();
    return this.#parked.size > 0 ? Math.min(idleAt, this.#flight.patientUntil) : idleAt;
  }

  stats(id: bigint): StreamStats | undefined {
    return this.table.get(id)?.stats();
  }

  sessionStats(): StreamSetStats {
    return { ...this.counts, streams: this.table.size, bufferedBytes: this.#budget.buffered };
  }

  #use(id: bigint, now: number, options?: StreamOptions): LegacyStream {
    const stream = this.table.get(id);
    if (stream !== undefined) {
      this.table.touch(stream, now);
      return stream;
    }
    const resolved = resolveStreamOptions(options, this.settings.defaults);
    return this.#create(id, resolved, options === undefined || resolved.window !== 0, now);
  }

  #create(id: bigint, options: ResolvedStreamOptions, grants: boolean, now: number): LegacyStream {
    while (this.table.size >= this.settings.maxStreams) {
      this.#evict(this.table.oldest as LegacyStream, now);
    }
    const stream = new LegacyStream(
      id,
      this.nextEpoch(),
      this.settings.credit ? options : { ...options, window: 0 },
      grants,
      this.#budget,
      this.#buffers,
      now,
    );
    this.table.add(stream);
    return stream;
  }

  protected override offer(
    stream: LegacyStream,
    events: readonly Uint8Array[],
    now: number,
    options?: SendOptions,
  ): number {
    ensureEventSizes(events, this.maxPayload - 4, "this peer");
    const label: PacketLabel = options?.label ?? NO_LABEL;
    const accepted = stream.offer(events, label, options?.uncredited ?? false, this.maxPayload);
    if (accepted > 0) {
      this.table.touch(stream, now);
      this.#scheduler.add(stream);
    }
    if (accepted < events.length) this.#waiting.add(stream);
    return accepted;
  }

  #receiveGrants(packet: IncomingPacket, now: number): void {
    this.#forgetClosed(now);
    const batch = new EventBatch(
      packet.streamId,
      packet.sequence,
      packet.payload,
      packet.eventCount,
      NO_LABEL,
      false,
      "accepted",
    );
    for (const event of batch.events()) {
      const grant = decodeStreamGrant(event);
      if (grant === undefined) {
        this.counts.malformedControls += 1;
        continue;
      }
      const closed = this.#closed.get(grant.streamId)?.stream;
      const stream = closed ?? this.table.get(grant.streamId);
      // Section 9: a grant for a closed id earns no credit, whatever is open under it now.
      if (stream === undefined || closed !== undefined) this.counts.ignoredGrants += 1;
      if (stream !== undefined) {
        this.#flight.granted(stream.granted(Number(grant.totalConsumed)), now);
      }
    }
    this.#tellWriters();
  }

  /** The stream whose turn it is, of those that may send now. */
  #scheduled(now: number): LegacyStream | undefined {
    if (this.#parked.size > 0 && this.#flight.admits(now)) {
      for (const stream of this.#parked) {
        stream.parked = false;
        this.#scheduler.add(stream);
      }
      this.#parked.clear();
    }
    for (let stream = this.#scheduler.peek(); stream?.isCredited; stream = this.#scheduler.peek()) {
      if (this.#flight.admits(now)) return stream;
      stream.parked = true;
      this.#parked.add(stream);
    }
    return this.#scheduler.peek();
  }

  #grantPacket(): OutgoingPacket {
    const { payload, count } = this.#grants.encode(this.maxPayload);
    return {
      flags: 0,
      fragFlags: 0,
      ...NO_LABEL,
      subprotocolId: GRANT_SUBPROTOCOL,
      streamId: GRANT_STREAM,
      sequence: this.#controlSequence++,
      fragmentId: 0,
      fragmentOffset: 0,
      eventCount: count,
      payload,
    };
  }

  #tellWriters(): void {
    for (const stream of this.#waiting) {
      if (!stream.roomAgain) continue;
      stream.waiting = false;
      this.#waiting.delete(stream);
      this.observer.writable?.(stream.id);
    }
  }

  #evictIdle(now: number): void {
    const { idleTimeout } = this.settings;
    for (let oldest = this.table.oldest; oldest !== undefined; oldest = this.table.oldest) {
      if (now - oldest.lastActivity < idleTimeout) return;
      this.#evict(oldest, now);
    }
  }

  #evict(stream: LegacyStream, now: number): void {
    this.counts.evictedStreams += 1;
    this.#end(stream, now);
  }

  /** Ends the opening; what it has accepted stays with the scheduler until it is sent. */
  #end(stream: LegacyStream, now: number): void {
    stream.opening.stream = undefined;
    this.table.remove(stream);
    const hasWaited = this.#waiting.delete(stream);
    this.#forgetClosed(now);
    this.#closed.delete(stream.id);
    this.#closed.set(stream.id, { at: now, stream });
    if (this.#closed.size > this.settings.maxStreams) {
      this.#closed.delete(this.#closed.keys().next().value as bigint);
    }
    if (hasWaited) this.observer.writable?.(stream.id);
  }

  #forgetClosed(now: number): void {
    for (const [id, { at }] of this.#closed) {
      if (now - at < CLOSED_MEMORY) return;
      this.#closed.delete(id);
    }
  }
}
