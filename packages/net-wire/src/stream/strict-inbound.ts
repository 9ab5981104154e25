import { ACK_DELAY, Acknowledger } from "./acknowledger.js";
import { CONTROL_SUBPROTOCOL, ControlWriter, type StreamCredit } from "./control-frames.js";
import type { Settings } from "./options.js";
import { ACKNOWLEDGE_NOW, labelOf, NO_LABEL, PACKET_OVERHEAD } from "./outgoing.js";
import { RangeSet } from "./range-set.js";
import type { MutableStats } from "./session-stats.js";
import { type ReceiverContext, StrictBatch, StrictReceiver } from "./strict-receiver.js";
import type { IncomingPacket, OutgoingPacket, StreamObserver, StreamViolation } from "./types.js";

/** The session takes this many stream windows at once, whatever the number of streams. */
export const SESSION_WINDOWS = 8;
const URGENT_CREDIT = 32 * 1024;
/** What a control packet is written in before it is copied: for all sessions, since an idle one needs none. */
const scratch = new Uint8Array(2048);
const CONTROL_STREAM = BigInt(CONTROL_SUBPROTOCOL);

/** A control packet on its way out, and what to say again should it be lost. */
export class ControlPacket implements OutgoingPacket {
  readonly flags = 0;
  readonly fragFlags = 0;
  readonly subprotocolId: number = CONTROL_SUBPROTOCOL;
  readonly channelHint: number = NO_LABEL.channelHint;
  readonly originHash: number = NO_LABEL.originHash;
  readonly subnetId: number = NO_LABEL.subnetId;
  readonly streamId: bigint = CONTROL_STREAM;
  readonly sequence: bigint;
  readonly fragmentId = 0;
  readonly fragmentOffset = 0;
  readonly eventCount = 1;
  readonly payload: Uint8Array;
  readonly credits: readonly StrictReceiver[];
  readonly session: boolean;
  readonly eliciting: boolean;

  constructor(
    sequence: bigint,
    payload: Uint8Array,
    credits: readonly StrictReceiver[],
    session: boolean,
    eliciting: boolean,
  ) {
    this.sequence = sequence;
    this.payload = payload;
    this.credits = credits;
    this.session = session;
    this.eliciting = eliciting;
  }
}

/** The receiving half of a strict session: openings, their credit, and acknowledgements. */
export class StrictInbound implements ReceiverContext {
  readonly window: number;
  readonly maxEventBytes: number;
  largeEvents = 0;
  /** Delivered and not consumed on fire-and-forget streams. */
  #heldUnreliable = 0;

  readonly #sessionWindow: number;
  readonly #maxStreams: number;
  readonly #observer: StreamObserver;
  readonly #stats: MutableStats;
  readonly #ended: (receiver: StrictReceiver) => void;
  readonly #acknowledger = new Acknowledger();
  readonly #receivers = new Map<number, StrictReceiver>();
  /** Openings that have ended; what still comes for them is late. */
  readonly #over: RangeSet;
  readonly #credits = new Set<StrictReceiver>();
  #received = 0;
  #consumed = 0;
  #reported = 0;
  #largeConsumed = 0;
  #sessionDue = false;
  #creditDue = Number.POSITIVE_INFINITY;
  #ping = false;
  #sequence = 0n;

  /** `ended` hears of every opening that finished or broke the rules. */
  constructor(
    settings: Settings,
    observer: StreamObserver,
    stats: MutableStats,
    ended: (receiver: StrictReceiver) => void,
  ) {
    this.window = settings.receiveWindow;
    this.maxEventBytes = settings.maxEventBytes;
    this.#sessionWindow = SESSION_WINDOWS * settings.receiveWindow;
    this.#maxStreams = settings.maxStreams;
    this.#observer = observer;
    this.#stats = stats;
    this.#ended = ended;
    this.#over = new RangeSet(2 * settings.maxStreams, "join");
  }

  /** Bytes held in order, out of order, in assembly or by the application. */
  get held(): number {
    return this.#received - this.#consumed + this.#heldUnreliable;
  }

  noteControl(counter: number, eliciting: boolean, now: number): void {
    this.#acknowledger.note(counter, eliciting, false, now);
  }

  /** `register` makes room for the first packet of a new opening, or refuses it. */
  receiveReliable(
    packet: IncomingPacket,
    now: number,
    register: (receiver: StrictReceiver) => boolean,
  ): void {
    const counter = Number(packet.counter);
    const opening = packet.fragmentId + packet.fragmentOffset * 65_536;
    const sequence = Number(packet.sequence);
    if (opening === 0 || !Number.isSafeInteger(sequence)) {
      this.#stats.malformedControls += 1;
      return;
    }
    const atOnce = (packet.fragFlags & ACKNOWLEDGE_NOW) !== 0;
    let receiver = this.#receivers.get(opening);
    if (receiver === undefined && this.#over.has(opening)) {
      this.#stats.stalePackets += 1;
      this.#acknowledger.note(counter, true, atOnce, now);
      return;
    }
    // What is neither acknowledged nor taken comes again; an honest peer is here too early at most.
    if (receiver !== undefined && receiver.streamId !== packet.streamId) {
      this.#stats.malformedControls += 1;
      return;
    }
    if (receiver?.has(sequence)) {
      this.#stats.duplicatePackets += 1;
      this.#acknowledger.note(counter, true, atOnce, now);
      return;
    }
    const cost = PACKET_OVERHEAD + packet.payload.length;
    const unconsumed = receiver === undefined ? 0 : receiver.received - receiver.consumed;
    const sessionHeld = this.#received - this.#consumed;
    if (
      unconsumed + cost > this.window ||
      (sessionHeld > 0 && sessionHeld + cost > this.#sessionWindow)
    ) {
      this.#stats.overrunPackets += 1;
      return;
    }
    if (receiver === undefined) {
      receiver = new StrictReceiver(packet.streamId, opening, this);
      if (this.#receivers.size >= this.#maxStreams || !register(receiver)) {
        this.#stats.overrunPackets += 1;
        return;
      }
      this.#receivers.set(opening, receiver);
    }
    this.#acknowledger.note(counter, true, atOnce, now);
    this.#received += cost;
    receiver.take(packet, sequence);
  }

  receiveUnreliable(packet: IncomingPacket, now: number): void {
    const atOnce = (packet.fragFlags & ACKNOWLEDGE_NOW) !== 0;
    this.#acknowledger.note(Number(packet.counter), true, atOnce, now);
    const cost = PACKET_OVERHEAD + packet.payload.length;
    if (this.#heldUnreliable + cost > this.#sessionWindow) {
      this.#stats.overrunPackets += 1;
      return;
    }
    this.#heldUnreliable += cost;
    const batch = new StrictBatch(
      packet.streamId,
      packet.sequence,
      packet.payload,
      packet.eventCount,
      labelOf(packet),
      false,
      "accepted",
    );
    batch.cost = cost;
    this.deliver(batch);
  }

  consume(batch: StrictBatch, now: number): void {
    const { cost, receiver } = batch;
    batch.cost = 0;
    if (cost === 0) return;
    if (receiver === undefined) {
      this.#heldUnreliable -= cost;
      return;
    }
    if (batch.large) this.largeConsumed();
    this.release(receiver, cost);
    this.#creditDue = Math.min(this.#creditDue, now + ACK_DELAY);
  }

  deliver(batch: StrictBatch): void {
    this.#stats.batchesDelivered += 1;
    this.#observer.deliver(batch);
  }

  release(receiver: StrictReceiver, cost: number): void {
    receiver.consumed += cost;
    this.#consumed += cost;
    const urgent = Math.min(this.window / 4, URGENT_CREDIT);
    if (!receiver.over) {
      this.#credits.add(receiver);
      if (receiver.consumed - receiver.reported >= urgent) this.#creditDue = 0;
    }
    if (this.#consumed - this.#reported >= urgent) this.#creditDue = 0;
    if (this.#creditDue > 0 && this.#acknowledger.pending) {
      // The acknowledgement that is due within ACK_DELAY takes the credit along.
      this.#creditDue = Math.min(this.#creditDue, this.#acknowledger.deadline());
    }
  }

  largeConsumed(): void {
    this.largeEvents -= 1;
    this.#largeConsumed += 1;
    // Other streams may wait for the place.
    this.#sessionDue = true;
    this.#creditDue = 0;
  }

  finished(receiver: StrictReceiver): void {
    this.#end(receiver);
    this.#observer.finished?.(receiver.streamId);
  }

  violated(receiver: StrictReceiver, reason: StreamViolation): void {
    this.#stats.violations += 1;
    this.#end(receiver);
    // What was not delivered will never be consumed, and other streams need the room.
    this.#consumed += receiver.undelivered;
    this.#sessionDue = true;
    this.#creditDue = 0;
    this.#observer.violated?.(receiver.streamId, reason);
  }

  /** An eliciting packet, so that the peer shows whether it is there. */
  requestPing(): void {
    this.#ping = true;
  }

  deadline(): number {
    if (this.#ping) return 0;
    return Math.min(this.#acknowledger.deadline(), this.#creditDue);
  }

  control(now: number, maxPayload: number): ControlPacket {
    const writer = new ControlWriter(scratch.subarray(0, maxPayload));
    if (this.#acknowledger.pending) this.#acknowledger.write(writer, now);
    const session = this.#consumed > this.#reported || this.#sessionDue;
    if (session) {
      writer.sessionCredit({ consumed: this.#consumed, largeEvents: this.#largeConsumed });
      this.#reported = this.#consumed;
      this.#sessionDue = false;
    }
    const credits: StrictReceiver[] = [];
    const room = writer.creditRoom;
    for (const receiver of this.#credits) {
      if (credits.length >= room) break;
      this.#credits.delete(receiver);
      receiver.reported = receiver.consumed;
      receiver.creditsSent += 1;
      credits.push(receiver);
    }
    if (credits.length > 0) writer.streamCredits(credits satisfies readonly StreamCredit[]);
    if (this.#ping) writer.ping();
    const eliciting = session || credits.length > 0 || this.#ping;
    this.#ping = false;
    this.#creditDue = this.#credits.size > 0 ? 0 : Number.POSITIVE_INFINITY;
    const payload = writer.finish().slice();
    return new ControlPacket(this.#sequence++, payload, credits, session, eliciting);
  }

  /** Says again what a lost control packet said. */
  repeat(packet: ControlPacket): void {
    for (const receiver of packet.credits) this.#credits.add(receiver);
    if (packet.session) this.#sessionDue = true;
    if (packet.session || packet.credits.length > 0) this.#creditDue = 0;
  }

  #end(receiver: StrictReceiver): void {
    this.#receivers.delete(receiver.opening);
    this.#over.add(receiver.opening);
    this.#ended(receiver);
  }
}
