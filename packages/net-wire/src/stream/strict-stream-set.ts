import { decodeEventFrames } from "../event-frames.js";
import { NetWireError } from "../net-wire-error.js";
import { CONTROL_SUBPROTOCOL, parseControl } from "./control-frames.js";
import type { EventBatch } from "./event-batch.js";
import { ensureEventSizes, OpenStreams } from "./open-streams.js";
import { type ResolvedStreamOptions, resolveStreamOptions } from "./options.js";
import { NO_LABEL, Outgoing, PACKET_OVERHEAD, RELIABLE } from "./outgoing.js";
import { Opening } from "./stream-table.js";
import { ControlPacket, StrictInbound } from "./strict-inbound.js";
import { StrictOutbound } from "./strict-outbound.js";
import { StrictBatch, type StrictReceiver } from "./strict-receiver.js";
import type { StrictSender } from "./strict-sender.js";
import { StrictStream } from "./strict-stream.js";
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

/**
 * The streams of a session between two peers of our own kind: reliable streams are ordered,
 * acknowledged and sent again until they arrive, and a slow application slows its peer down.
 */
export class StrictStreamSet extends OpenStreams<StrictStream> implements StreamSet {
  readonly strict = true;
  readonly #inbound: StrictInbound;
  readonly #outbound: StrictOutbound;

  constructor(options: StreamSetOptions) {
    super(options);
    this.#inbound = new StrictInbound(this.settings, options.observer, this.counts, (receiver) =>
      this.#receiverEnded(receiver),
    );
    this.#outbound = new StrictOutbound(this.settings, this.counts, {
      settled: (sender) => this.#senderSettled(sender),
      writable: (sender) => this.observer.writable?.(sender.streamId),
      repeat: (packet) => this.#inbound.repeat(packet),
      requestPing: () => this.#inbound.requestPing(),
    });
  }

  open(id: bigint, now: number, options?: StreamOptions): StreamHandle {
    const resolved = resolveStreamOptions(options, this.settings.defaults);
    if (options !== undefined) this.#claim(this.table.get(id), resolved);
    return this.#opening(id, resolved, now);
  }

  sendTo(id: bigint, events: readonly Uint8Array[], now: number, options?: SendOptions): number {
    const present = this.table.get(id);
    const resolved = resolveStreamOptions(options?.open, this.settings.defaults);
    if (options?.open !== undefined) this.#claim(present, resolved);
    if (present?.opening !== undefined) return this.offer(present, events, now, options);
    const stream = this.#opening(id, resolved, now).stream as StrictStream;
    return this.offer(stream, events, now, options);
  }

  close(handle: StreamHandle, now: number): void {
    const stream = this.streamOf(handle);
    if (stream === undefined) return;
    this.table.touch(stream, now);
    this.#end(stream);
  }

  receive(packet: IncomingPacket, now: number): void {
    this.counts.packetsReceived += 1;
    if (packet.subprotocolId === CONTROL_SUBPROTOCOL) {
      this.#receiveControl(packet, now);
      return;
    }
    const stream = this.table.get(packet.streamId);
    // The bare end of a stream is no use of it.
    if (stream !== undefined && packet.payload.length > 0) this.table.touch(stream, now);
    if ((packet.flags & RELIABLE) !== 0) {
      this.#inbound.receiveReliable(packet, now, (receiver) => this.#register(receiver, now));
    } else if ((stream ?? this.#autoCreate(packet.streamId, false, now)) !== undefined) {
      this.#inbound.receiveUnreliable(packet, now);
    } else {
      this.counts.overrunPackets += 1;
    }
    const present = stream ?? this.table.get(packet.streamId);
    if (present !== undefined && packet.sequence > present.highestReceived) {
      present.highestReceived = packet.sequence;
    }
  }

  consume(batch: EventBatch, now: number): void {
    if (batch instanceof StrictBatch) this.#inbound.consume(batch, now);
  }

  next(now: number): OutgoingPacket | undefined {
    this.#evictIdle(now);
    const { recovery } = this.#outbound;
    recovery.tick(now);
    while (recovery.probes > 0) {
      const probe = this.#outbound.probe();
      if (probe !== undefined) return probe;
    }
    if (this.#inbound.deadline() <= now) return this.#inbound.control(now, this.maxPayload);
    return this.#outbound.next(now);
  }

  sealed(packet: OutgoingPacket, counter: bigint | number, now: number): void {
    this.counts.packetsSent += 1;
    if (packet instanceof Outgoing) {
      this.counts.eventsSent += packet.eventCount;
      this.#outbound.sealed(packet, Number(counter), packet.cost, now);
    } else if (packet instanceof ControlPacket) {
      const size = PACKET_OVERHEAD + packet.payload.length;
      this.#outbound.sealed(packet, Number(counter), size, now);
    }
  }

  /** Nothing to do: a packet that never left is found out like any other loss. */
  failed(_packet: OutgoingPacket, _now: number): void {}

  deadline(): number {
    return Math.min(this.#inbound.deadline(), this.#outbound.deadline(), this.idleDeadline());
  }

  stats(id: bigint): StreamStats | undefined {
    const stream = this.table.get(id);
    return stream?.opening === undefined ? undefined : stream.stats();
  }

  sessionStats(): StreamSetStats {
    const { recovery } = this.#outbound;
    return {
      ...this.counts,
      streams: this.table.size,
      bufferedBytes: this.#outbound.buffered,
      heldBytes: this.#inbound.held,
      lostPackets: recovery.lostPackets,
      spuriousLosses: recovery.spuriousLosses,
      smoothedRtt: recovery.roundTrip.smoothed,
      congestionWindow: recovery.congestion.window,
      bytesInFlight: recovery.congestion.inFlight,
    };
  }

  #opening(id: bigint, options: ResolvedStreamOptions, now: number): Opening<StrictStream> {
    let stream = this.table.get(id);
    if (stream?.opening !== undefined) return stream.opening;
    if (stream === undefined) {
      if (!this.#makeRoom()) {
        throw new NetWireError(
          "TOO_MANY_STREAMS",
          `the session has ${this.table.size} streams and all of them are in use; close one first`,
        );
      }
      stream = new StrictStream(id, now);
      this.table.add(stream);
    }
    const sender = this.#outbound.create(id, options, stream.closing);
    const opening = new Opening(id, this.nextEpoch(), stream);
    stream.begin(opening, sender);
    return opening;
  }

  #autoCreate(id: bigint, reliable: boolean, now: number): StrictStream | undefined {
    const present = this.table.get(id);
    if (present !== undefined) return present;
    if (!this.#makeRoom()) return undefined;
    const reliability = reliable ? "reliable" : "fire_and_forget";
    const { stream } = this.#opening(id, { ...this.settings.defaults, reliability }, now);
    if (stream !== undefined) stream.unclaimed = true;
    return stream;
  }

  /** Gives an opening that the peer's packets made the options of whoever opens it here first. */
  #claim(stream: StrictStream | undefined, options: ResolvedStreamOptions): void {
    if (stream?.opening === undefined || !stream.unclaimed) return;
    stream.unclaimed = false;
    if (stream.sender?.nextSequence !== 0) return;
    stream.begin(stream.opening, this.#outbound.create(stream.id, options, stream.closing));
  }

  #register(receiver: StrictReceiver, now: number): boolean {
    const stream = this.#autoCreate(receiver.streamId, true, now);
    stream?.receivers.add(receiver);
    return stream !== undefined;
  }

  protected override offer(
    stream: StrictStream,
    events: readonly Uint8Array[],
    now: number,
    options?: SendOptions,
  ): number {
    const sender = stream.sender as StrictSender;
    const most = sender.reliable ? this.settings.maxEventBytes : this.maxPayload - 4;
    ensureEventSizes(
      events,
      most,
      sender.reliable ? "a reliable stream" : "a fire-and-forget stream",
    );
    // Credit is for reliable streams only, so the choice of going without does not arise.
    const accepted = sender.offer(events, options?.label ?? NO_LABEL, false, this.maxPayload);
    if (accepted > 0) this.table.touch(stream, now);
    this.#outbound.offered(sender, accepted < events.length);
    return accepted;
  }

  #receiveControl(packet: IncomingPacket, now: number): void {
    const [event, another] = decodeEventFrames(packet.payload, packet.eventCount);
    const message = another === undefined && event !== undefined ? parseControl(event) : undefined;
    if (message === undefined) {
      this.counts.malformedControls += 1;
      return;
    }
    this.#inbound.noteControl(Number(packet.counter), message.eliciting, now);
    const { acknowledgement } = message;
    if (acknowledgement !== undefined && !this.#outbound.acknowledge(acknowledgement, now)) {
      this.counts.malformedControls += 1;
    }
    this.#outbound.credits(message.credits, message.session);
  }

  /** Forgets the least recently used stream that nobody needs, when there are too many. */
  #makeRoom(): boolean {
    if (this.table.size < this.settings.maxStreams) return true;
    let quiet: StrictStream | undefined;
    for (let stream = this.table.oldest; stream !== undefined; stream = stream.newer) {
      if (stream.dispensable) {
        this.counts.evictedStreams += 1;
        this.#end(stream);
        return true;
      }
      if (stream.opening !== undefined && stream.quiet) quiet ??= stream;
    }
    // There will be room when the peer has acknowledged the end of this one.
    if (quiet !== undefined) {
      this.counts.evictedStreams += 1;
      this.#end(quiet);
    }
    return false;
  }

  #evictIdle(now: number): void {
    const { idleTimeout } = this.settings;
    for (let stream = this.table.oldest; stream !== undefined; stream = this.table.oldest) {
      if (now - stream.lastActivity < idleTimeout) return;
      // What is still in use is looked at again later; the peer is told the end of the rest.
      this.table.touch(stream, now);
      if (!stream.quiet || stream.opening === undefined) continue;
      this.counts.evictedStreams += 1;
      this.#end(stream);
    }
  }

  #end(stream: StrictStream): void {
    const { sender } = stream;
    stream.end();
    if (sender !== undefined) this.#outbound.finish(sender);
    this.#forgetIfUnused(stream);
  }

  #senderSettled(sender: StrictSender): void {
    const stream = this.table.get(sender.streamId);
    if (stream === undefined) return;
    if (stream.closing === sender) stream.closing = undefined;
    this.#forgetIfUnused(stream);
  }

  #receiverEnded(receiver: StrictReceiver): void {
    const stream = this.table.get(receiver.streamId);
    if (stream === undefined) return;
    stream.receivers.delete(receiver);
    this.#forgetIfUnused(stream);
  }

  #forgetIfUnused(stream: StrictStream): void {
    if (stream.unused && this.table.get(stream.id) === stream) this.table.remove(stream);
  }
}
