import type { Acknowledgement, SessionCredit, StreamCredit } from "./control-frames.js";
import { LossRecovery, type RecoveryListener } from "./loss-recovery.js";
import type { ResolvedStreamOptions, Settings } from "./options.js";
import { ACKNOWLEDGE_NOW, Outgoing, PayloadBuffers } from "./outgoing.js";
import { PacketQueue } from "./packet-queue.js";
import { RoundRobin } from "./round-robin.js";
import type { MutableStats } from "./session-stats.js";
import { ControlPacket, SESSION_WINDOWS } from "./strict-inbound.js";
import { type SenderContext, StrictSender } from "./strict-sender.js";

/** What a sent packet means to us when it arrives or does not. */
type Content = Outgoing | ControlPacket;

export interface OutboundListener {
  /** A closing sender has delivered everything. */
  settled(sender: StrictSender): void;
  writable(sender: StrictSender): void;
  /** A control packet is lost. */
  repeat(packet: ControlPacket): void;
  requestPing(): void;
}

/** The sending half of a strict session: scheduling, loss recovery and the peer's credit. */
export class StrictOutbound implements RecoveryListener<Content> {
  readonly recovery: LossRecovery<Content>;
  readonly #listener: OutboundListener;
  readonly #stats: MutableStats;
  readonly #context: SenderContext;
  readonly #scheduler = new RoundRobin<StrictSender>();
  readonly #senders = new Map<number, StrictSender>();
  readonly #waiting = new Set<StrictSender>();
  readonly #lost = new PacketQueue();
  #sessionConsumed = 0;
  #sessionSent = 0;
  #largeConsumed = 0;
  #sinceRequest = 0;
  /** When sending may go on, if what stands in its way is not taken away before. */
  #resumes = 0;

  constructor(settings: Settings, stats: MutableStats, listener: OutboundListener) {
    this.#listener = listener;
    this.#stats = stats;
    this.recovery = new LossRecovery(this, settings.initialRtt, settings.maxCongestionWindow);
    const limit = settings.sendBuffer;
    this.#context = {
      budget: { buffered: 0, limit, perStream: Math.max(1, Math.floor(limit / 4)) },
      buffers: new PayloadBuffers(),
      streamWindow: settings.peerReceiveWindow,
      sessionWindow: SESSION_WINDOWS * settings.peerReceiveWindow,
      outstanding: 0,
      unreliable: 0,
      reserved: 0,
      largeEvents: 0,
      placeless: new Set(),
      nextOpening: 1,
    };
  }

  get buffered(): number {
    return this.#context.budget.buffered;
  }

  create(
    id: bigint,
    options: ResolvedStreamOptions,
    predecessor: StrictSender | undefined,
  ): StrictSender {
    const sender = new StrictSender(id, options, predecessor, this.#context);
    if (predecessor !== undefined) predecessor.successor = sender;
    return sender;
  }

  /** Something was offered to `sender`. */
  offered(sender: StrictSender, refused: boolean): void {
    if (sender.opening !== 0) this.#senders.set(sender.opening, sender);
    this.#schedule(sender);
    if (refused) this.#waiting.add(sender);
  }

  /** Ends `sender`; it stays until everything has arrived. */
  finish(sender: StrictSender): void {
    sender.finish();
    const hasWaited = this.#waiting.delete(sender);
    this.#schedule(sender);
    this.#settle(sender);
    if (hasWaited) this.#listener.writable(sender);
  }

  acknowledge(ack: Acknowledgement, now: number): boolean {
    const valid = this.recovery.acknowledge(ack, now);
    this.#resumes = 0;
    this.#tellWriters();
    return valid;
  }

  credits(credits: readonly StreamCredit[], session: SessionCredit | undefined): void {
    if (session !== undefined) this.#sessionCredit(session);
    for (const { opening, consumed } of credits) {
      const sender = this.#senders.get(opening);
      if (sender === undefined) {
        this.#stats.ignoredGrants += 1;
        continue;
      }
      sender.credit(consumed);
      this.#schedule(sender);
    }
  }

  /** What to send at a probe timeout; a ping is asked for when there is nothing to repeat. */
  probe(): Outgoing | undefined {
    this.recovery.probes -= 1;
    this.#stats.probes += 1;
    for (const content of this.recovery.unacknowledged()) {
      if (content instanceof ControlPacket) {
        this.#listener.repeat(content);
        break;
      }
      if (!content.sender.reliable || content.acknowledged) continue;
      content.fragFlags |= ACKNOWLEDGE_NOW;
      this.#stats.retransmittedPackets += 1;
      return content;
    }
    this.#listener.requestPing();
    return undefined;
  }

  /** The next data packet that windows and pacer let go. */
  next(now: number): Outgoing | undefined {
    const { congestion, roundTrip } = this.recovery;
    this.#resumes = 0;
    for (let packet = this.#lost.first; packet !== undefined; packet = this.#lost.first) {
      if (!packet.acknowledged) {
        if (!congestion.admits(packet.cost, now, roundTrip.smoothed)) {
          return this.#wait(congestion.pacedUntil);
        }
        packet.fragFlags |= ACKNOWLEDGE_NOW;
        this.#stats.retransmittedPackets += 1;
      }
      this.#lost.shift();
      packet.lost = false;
      if (!packet.acknowledged) return packet;
    }
    const sender = this.#scheduler.peek();
    const first = sender?.queue.first;
    if (sender === undefined || first === undefined) {
      congestion.limited = false;
      return undefined;
    }
    // The session's window stops everybody: skipping would starve events that need more of it.
    if (!sender.sessionAdmits) {
      congestion.limited = false;
      return this.#wait(Number.POSITIVE_INFINITY);
    }
    if (!congestion.admits(first.cost, now, roundTrip.smoothed)) {
      return this.#wait(congestion.pacedUntil);
    }
    sender.take();
    this.#scheduler.charge(sender, first.cost);
    if (sender.reliable) this.#sessionSent += first.cost;
    this.#requestAcknowledgement(first, sender);
    if (!sender.reliable) this.#tellWriters();
    return first;
  }

  sealed(packet: Content, counter: number, size: number, now: number): void {
    const eliciting = packet instanceof Outgoing || packet.eliciting;
    this.recovery.sent(counter, size, eliciting ? packet : undefined, now);
    if (packet instanceof Outgoing && !packet.sender.reliable) {
      this.#context.buffers.give(packet.buffer);
    }
  }

  /** 0 when `next` may have something. */
  deadline(): number {
    if (this.recovery.probes > 0) return 0;
    const idle = this.#scheduler.empty && this.#lost.length === 0;
    return Math.min(idle ? Number.POSITIVE_INFINITY : this.#resumes, this.recovery.deadline());
  }

  acknowledged(content: Content): void {
    if (content instanceof ControlPacket || content.acknowledged) return;
    const { sender } = content;
    if (!(sender instanceof StrictSender)) return;
    if (!sender.reliable) {
      sender.passed(content);
      return;
    }
    sender.acknowledge(content);
    this.#context.buffers.give(content.buffer);
    if (sender.closing) this.#settle(sender);
  }

  lost(content: Content): void {
    if (content instanceof ControlPacket) {
      this.#listener.repeat(content);
    } else if (!content.acknowledged && content.sender instanceof StrictSender) {
      if (!content.sender.reliable) {
        content.sender.passed(content);
      } else if (!content.lost) {
        content.lost = true;
        this.#lost.push(content);
      }
    }
  }

  #sessionCredit(session: SessionCredit): void {
    const context = this.#context;
    this.#resumes = 0;
    const consumed = Math.min(session.consumed, this.#sessionSent);
    if (consumed > this.#sessionConsumed) {
      context.outstanding -= consumed - this.#sessionConsumed;
      this.#sessionConsumed = consumed;
    }
    const large = session.largeEvents - this.#largeConsumed;
    if (large <= 0 || large > context.largeEvents) return;
    this.#largeConsumed = session.largeEvents;
    context.largeEvents -= large;
    const waiting = [...context.placeless];
    context.placeless.clear();
    for (const sender of waiting) this.#schedule(sender);
  }

  #wait(until: number): undefined {
    this.#resumes = until;
    return undefined;
  }

  #schedule(sender: StrictSender): void {
    if (sender.queue.length === 0) return;
    this.#resumes = 0;
    this.#scheduler.add(sender);
  }

  /** Acknowledgements arrive several times per window, so that it keeps moving. */
  #requestAcknowledgement(packet: Outgoing, sender: StrictSender): void {
    this.#sinceRequest += packet.cost;
    const window = sender.reliable ? sender.window : Number.POSITIVE_INFINITY;
    if (this.#sinceRequest * 4 < Math.min(this.recovery.congestion.window, window)) return;
    this.#sinceRequest = 0;
    packet.fragFlags |= ACKNOWLEDGE_NOW;
  }

  #settle(sender: StrictSender): void {
    if (!sender.done) return;
    this.#senders.delete(sender.opening);
    if (sender.successor !== undefined) this.#schedule(sender.successor);
    this.#listener.settled(sender);
  }

  #tellWriters(): void {
    for (const sender of this.#waiting) {
      if (!sender.roomAgain) continue;
      sender.waiting = false;
      this.#waiting.delete(sender);
      this.#listener.writable(sender);
    }
  }
}
