import type { Opening, TableEntry } from "./stream-table.js";
import type { StrictReceiver } from "./strict-receiver.js";
import type { StrictSender } from "./strict-sender.js";
import type { StreamStats } from "./types.js";

/** A stream id on a strict session: our present opening, and the openings of the peer. */
export class StrictStream implements TableEntry {
  readonly id: bigint;
  lastActivity: number;
  older: this | undefined = undefined;
  newer: this | undefined = undefined;

  opening: Opening<StrictStream> | undefined;
  /** The peer's packets made this opening; whoever opens it here still has the choice. */
  unclaimed = false;
  sender: StrictSender | undefined;
  /** The sender of the opening before, while the peer does not have everything. */
  closing: StrictSender | undefined;
  readonly receivers: Set<StrictReceiver> = new Set();
  highestReceived = 0n;

  constructor(id: bigint, now: number) {
    this.id = id;
    this.lastActivity = now;
  }

  begin(opening: Opening<StrictStream>, sender: StrictSender): void {
    this.opening = opening;
    this.sender = sender;
  }

  /** Ends our opening; on a reliable stream its sender goes on until everything has arrived. */
  end(): void {
    if (this.opening !== undefined) this.opening.stream = undefined;
    this.opening = undefined;
    if (this.sender?.reliable && this.sender.opening !== 0) this.closing = this.sender;
    this.sender = undefined;
  }

  /** Nothing is on its way in either direction, and the application has consumed everything. */
  get quiet(): boolean {
    if (this.closing !== undefined || (this.sender?.buffered ?? 0) > 0) return false;
    for (const { received, consumed } of this.receivers) if (received > consumed) return false;
    return true;
  }

  /** Forgetting it now concerns nobody: the peer has never heard of it, or needs no end. */
  get dispensable(): boolean {
    const unknown = this.sender === undefined || this.sender.opening === 0;
    return unknown && this.receivers.size === 0 && this.quiet;
  }

  get unused(): boolean {
    return this.opening === undefined && this.closing === undefined && this.receivers.size === 0;
  }

  stats(): StreamStats {
    const { sender } = this;
    let inboundPending = 0;
    let grantsSent = 0;
    for (const receiver of this.receivers) {
      inboundPending += receiver.received - receiver.consumed;
      grantsSent += receiver.creditsSent;
    }
    const window = sender?.reliable ? sender.window : 0;
    const remaining = sender === undefined ? 0 : Math.max(0, window - sender.outstanding);
    return {
      txSequence: BigInt(sender?.nextSequence ?? 0),
      rxSequence: this.highestReceived,
      inboundPending,
      outboundPending: sender?.buffered ?? 0,
      lastActivity: this.lastActivity,
      active: true,
      reliability: sender?.reliable ? "reliable" : "fire_and_forget",
      backpressureEvents: sender?.backpressureEvents ?? 0,
      txCreditRemaining: sender?.reliable ? remaining : Number.POSITIVE_INFINITY,
      txWindow: window,
      creditGrantsReceived: sender?.creditsReceived ?? 0,
      creditGrantsSent: grantsSent,
    };
  }
}
