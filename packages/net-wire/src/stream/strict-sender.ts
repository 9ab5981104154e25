import type { SendBudget } from "./legacy-stream.js";
import type { ResolvedStreamOptions } from "./options.js";
import {
  FIN,
  MORE_FRAGMENTS,
  NO_LABEL,
  Outgoing,
  type PayloadBuffers,
  RELIABLE,
} from "./outgoing.js";
import { Sender } from "./sender.js";
import { isLarge, LARGE_EVENTS } from "./strict-receiver.js";

/** What the senders of a session share. */
export interface SenderContext {
  readonly budget: SendBudget;
  readonly buffers: PayloadBuffers;
  /** The peer's window for one stream, and for all of them. */
  readonly streamWindow: number;
  readonly sessionWindow: number;
  /** Cost sent on reliable streams and not yet consumed. */
  outstanding: number;
  /** Cost sent on fire-and-forget streams and neither acknowledged nor lost. */
  unreliable: number;
  /** Set aside for the rest of events that have begun, so that each can be finished. */
  reserved: number;
  /** Large events sent and not yet consumed. */
  largeEvents: number;
  /** Senders that found the places of large events taken. */
  readonly placeless: Set<StrictSender>;
  /** Gives the numbers of openings, in the order in which they first send. */
  nextOpening: number;
}

/** The sending half of one opening on a strict session. */
export class StrictSender extends Sender {
  /** 0 until something is accepted. */
  opening = 0;
  unacknowledged = 0;
  closing = false;
  creditsReceived = 0;
  /** The sender of an earlier opening of the id; it is finished first. */
  predecessor: StrictSender | undefined;
  successor: StrictSender | undefined;

  readonly #context: SenderContext;
  readonly #window: number;
  #sent = 0;
  #consumed = 0;
  /** Within an event of several packets, and whether it is a large one. */
  #within: "no" | "small" | "large" = "no";

  constructor(
    streamId: bigint,
    options: ResolvedStreamOptions,
    predecessor: StrictSender | undefined,
    context: SenderContext,
  ) {
    super(streamId, options.reliability === "reliable", options.weight, context.buffers);
    this.predecessor = predecessor;
    this.#context = context;
    this.#window = options.window === 0 ? Number.POSITIVE_INFINITY : options.window;
  }

  /** The smaller of our window and the peer's. */
  get window(): number {
    return Math.min(this.#window, this.#context.streamWindow);
  }

  get outstanding(): number {
    return this.#sent - this.#consumed;
  }

  /** Whether everything has arrived, the end included. */
  get done(): boolean {
    return this.closing && this.queue.length === 0 && this.unacknowledged === 0;
  }

  pendingCost(): number {
    const packet = this.queue.first;
    if (packet === undefined) return 0;
    if (!this.reliable) return packet.cost;
    if (this.predecessor !== undefined) {
      if (!this.predecessor.done) return 0;
      this.predecessor = undefined;
    }
    if (packet.large && this.#context.largeEvents >= LARGE_EVENTS) {
      this.#context.placeless.add(this);
      return 0;
    }
    // Our own window does not interrupt an event: the receiver returns credit for whole ones.
    const window = this.#within === "no" ? this.window : this.#context.streamWindow;
    if (this.outstanding > 0 && this.outstanding + packet.cost > window) return 0;
    return packet.cost;
  }

  /**
   * Whether the session's window has room for the first packet, and for all of its event. What
   * goes on fire-and-forget streams stays within one stream's window until it is acknowledged, so
   * that it does not overrun the peer's socket.
   */
  get sessionAdmits(): boolean {
    const packet = this.queue.first;
    const context = this.#context;
    if (packet === undefined || this.#within === "small") return true;
    if (!this.reliable) {
      const { unreliable, streamWindow } = context;
      return unreliable === 0 || unreliable + packet.cost <= streamWindow;
    }
    const needed = packet.eventCost > 0 && !packet.large ? packet.eventCost : packet.cost;
    const taken = context.outstanding + context.reserved;
    return taken === 0 || taken + needed <= context.sessionWindow;
  }

  take(): Outgoing | undefined {
    const packet = this.takeFirst();
    if (packet === undefined) return undefined;
    const context = this.#context;
    const { cost } = packet;
    if (!this.reliable) {
      context.unreliable += cost;
      this.#forget(cost);
      return packet;
    }
    this.#sent += cost;
    this.unacknowledged += 1;
    context.outstanding += cost;
    if (packet.eventCost > 0) {
      this.#within = packet.large ? "large" : "small";
      if (packet.large) {
        context.largeEvents += 1;
      } else {
        context.reserved += packet.eventCost - cost;
      }
    } else if (this.#within === "small") {
      context.reserved -= cost;
    }
    if ((packet.fragFlags & MORE_FRAGMENTS) === 0) this.#within = "no";
    return packet;
  }

  /** The peer has a fire-and-forget packet, or never will. */
  passed(packet: Outgoing): void {
    packet.acknowledged = true;
    this.#context.unreliable -= packet.cost;
  }

  /** The peer has `packet`. */
  acknowledge(packet: Outgoing): void {
    packet.acknowledged = true;
    this.unacknowledged -= 1;
    this.#forget(packet.cost);
  }

  /** The peer's application has consumed `total` since the opening. */
  credit(total: number): void {
    this.creditsReceived += 1;
    const consumed = Math.min(total, this.#sent);
    if (consumed > this.#consumed) this.#consumed = consumed;
  }

  /** Nothing more will be offered; the last packet says so. */
  finish(): void {
    this.closing = true;
    if (!this.reliable || this.nextSequence === 0) return;
    const last = this.queue.last;
    if (last !== undefined) {
      last.flags |= FIN;
      last.open = false;
      return;
    }
    const end = new Outgoing(this, NO_LABEL, false, new Uint8Array(0));
    end.open = false;
    this.push(end);
    end.flags |= FIN;
    this.buffered += end.cost;
    this.#context.budget.buffered += end.cost;
  }

  /** Whether a stream that had to refuse may be told to go on. */
  get roomAgain(): boolean {
    const { budget } = this.#context;
    return (
      this.waiting &&
      (this.buffered === 0 ||
        (this.buffered * 2 <= budget.perStream && budget.buffered * 2 <= budget.limit))
    );
  }

  protected admit(cost: number): boolean {
    const { budget } = this.#context;
    // A stream that holds nothing may always go on, however much the others hold.
    if (
      this.buffered > 0 &&
      (this.buffered >= budget.perStream || budget.buffered >= budget.limit)
    ) {
      return false;
    }
    this.buffered += cost;
    budget.buffered += cost;
    return true;
  }

  protected admitLarge(): boolean {
    const { budget } = this.#context;
    return this.buffered < budget.perStream && budget.buffered < budget.limit;
  }

  protected override fragmented(first: Outgoing, eventBytes: number): void {
    first.large = isLarge(eventBytes, this.#context.streamWindow);
    this.#context.budget.buffered += first.eventCost;
    this.buffered += first.eventCost;
  }

  protected adorn(packet: Outgoing): void {
    if (!this.reliable) return;
    if (this.opening === 0) this.opening = this.#context.nextOpening++;
    packet.opening = this.opening;
    packet.flags |= RELIABLE;
  }

  #forget(cost: number): void {
    this.buffered -= cost;
    this.#context.budget.buffered -= cost;
  }
}
