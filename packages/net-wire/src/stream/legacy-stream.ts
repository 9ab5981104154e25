import type { ResolvedStreamOptions } from "./options.js";
import { type Outgoing, PACKET_OVERHEAD, type PayloadBuffers, RELIABLE } from "./outgoing.js";
import { ReceiveFilter } from "./receive-filter.js";
import { Sender } from "./sender.js";
import { Opening, type TableEntry } from "./stream-table.js";
import type { StreamStats } from "./types.js";

/** What all streams of a session may have accepted and not sent. */
export interface SendBudget {
  buffered: number;
  readonly limit: number;
  /** No stream may hold more than this share of it. */
  readonly perStream: number;
}

/** State of one opening towards a 0.19.0 peer (Net transport format, sections 8 and 9). */
export class LegacyStream extends Sender implements TableEntry {
  readonly opening: Opening<LegacyStream>;
  lastActivity: number;
  older: this | undefined = undefined;
  newer: this | undefined = undefined;

  readonly filter: ReceiveFilter | undefined;
  /** Whether arriving packets earn credit: not on a stream we opened with window 0 ourselves. */
  readonly grants: boolean;
  highestReceived = 0n;
  consumed = 0;
  grantsSent = 0;
  /** Waits, out of the scheduler, until the peer has taken more of what is under way. */
  parked = false;

  readonly #window: number;
  readonly #budget: SendBudget;
  #remaining: number;
  #sent = 0;
  #consumedSeen = 0;
  #grantsReceived = 0;
  /** Cost of what was refused last; room for less is no news. */
  #wanted = 0;

  constructor(
    id: bigint,
    epoch: number,
    options: ResolvedStreamOptions,
    grants: boolean,
    budget: SendBudget,
    buffers: PayloadBuffers,
    now: number,
  ) {
    super(id, options.reliability === "reliable", options.weight, buffers);
    this.opening = new Opening(id, epoch, this);
    this.lastActivity = now;
    this.filter = this.reliable ? new ReceiveFilter() : undefined;
    this.grants = grants;
    this.#window = options.window;
    this.#remaining = options.window === 0 ? Number.POSITIVE_INFINITY : options.window;
    this.#budget = budget;
  }

  get id(): bigint {
    return this.streamId;
  }

  pendingCost(): number {
    return this.parked ? 0 : (this.queue.first?.cost ?? 0);
  }

  /** Whether the next packet counts as under way until it is granted. */
  get isCredited(): boolean {
    return this.#window > 0 && this.queue.first?.uncredited === false;
  }

  take(): Outgoing | undefined {
    const packet = this.takeFirst();
    if (packet !== undefined) {
      this.buffered -= packet.cost;
      this.#budget.buffered -= packet.cost;
    }
    return packet;
  }

  /** Whether a stream that had to refuse may be told to go on. */
  get roomAgain(): boolean {
    return (
      this.waiting &&
      this.#remaining >= this.#wanted &&
      this.buffered * 2 <= this.#budget.perStream &&
      this.#budget.buffered * 2 <= this.#budget.limit
    );
  }

  /** A grant of the peer: everything it has consumed since the stream began. Gives how much is new. */
  granted(total: number): number {
    this.#grantsReceived += 1;
    const consumed = Math.min(total, this.#sent);
    if (consumed <= this.#consumedSeen) return 0;
    const delta = consumed - this.#consumedSeen;
    this.#consumedSeen = consumed;
    if (this.#window > 0) this.#remaining = Math.min(this.#remaining + delta, this.#window);
    return delta;
  }

  /** The packet never left: its cost is given back. */
  refund(packet: Outgoing): void {
    if (packet.uncredited) return;
    this.#sent -= packet.cost;
    if (this.#window > 0) {
      this.#remaining = Math.min(this.#remaining + packet.cost, this.#window);
    }
  }

  stats(): StreamStats {
    return {
      txSequence: BigInt(this.nextSequence),
      rxSequence: this.highestReceived,
      inboundPending: 0,
      outboundPending: this.buffered,
      lastActivity: this.lastActivity,
      active: true,
      reliability: this.reliable ? "reliable" : "fire_and_forget",
      backpressureEvents: this.backpressureEvents,
      txCreditRemaining: this.#remaining,
      txWindow: this.#window,
      creditGrantsReceived: this.#grantsReceived,
      creditGrantsSent: this.grantsSent,
    };
  }

  protected admit(cost: number, uncredited: boolean): boolean {
    const budget = this.#budget;
    const credited = !uncredited;
    this.#wanted = credited ? cost : 0;
    if (credited && this.#remaining < cost) return false;
    if (budget.buffered >= budget.limit || this.buffered >= budget.perStream) return false;
    if (credited) {
      this.#remaining -= cost;
      this.#sent += cost;
    }
    this.buffered += cost;
    budget.buffered += cost;
    return true;
  }

  protected admitLarge(): boolean {
    return false;
  }

  protected adorn(packet: Outgoing): void {
    if (this.reliable && !packet.uncredited) packet.flags |= RELIABLE;
  }
}

/** What a received packet costs and earns. */
export function costOf(payload: Uint8Array): number {
  return PACKET_OVERHEAD + payload.length;
}
