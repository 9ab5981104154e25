import { encodeKeepAlive, encodeRendezvous, type Rendezvous } from "@gaiaftcl/net-wire";
import { RENDEZVOUS_SUBPROTOCOL } from "./punch-coordinator.js";
import type { Timers } from "./timers.js";
import type { TraversalPort } from "./traversal-port.js";

/** How long a side waits for the introduction, and for the other's first keep-alive, in milliseconds. */
export const PUNCH_DEADLINE_MS = 5000;

/** When keep-alives leave after the agreed moment, in milliseconds. */
const KEEP_ALIVE_OFFSETS_MS = [0, 100, 250];

/** An introduction may not make this node wait, or send, at a moment further away than this. */
const LONGEST_LEAD_MS = 5000;

/** Introductions obeyed at one time: a coordinator cannot make this node send without bound. */
const MOST_PUNCHES = 64;

type PunchIntroduce = Extract<Rendezvous, { kind: "introduce" }>;

interface Punch {
  readonly peer: bigint;
  readonly reflex: string;
  readonly coordinator: bigint;
  readonly cancels: (() => void)[];
}

export interface PunchWaiter {
  readonly coordinator: bigint;
  introduced(reflex: string, now: number): void;
  acknowledged(): void;
}

/** The part of a node that punches when it is introduced (Net transport format, sections 13.5 and 13.6). */
export class PunchEndpoint {
  readonly #port: TraversalPort;
  readonly #timers: Timers;
  readonly #punches = new Map<string, Punch>();
  readonly #waiters = new Map<bigint, PunchWaiter>();

  constructor(port: TraversalPort, timers: Timers) {
    this.#port = port;
    this.#timers = timers;
  }

  /** Tells `waiter` of the introduction to `peer` and of its acknowledgement; false when somebody waits for that peer already. */
  await(peer: bigint, waiter: PunchWaiter): boolean {
    if (this.#waiters.has(peer)) {
      return false;
    }
    this.#waiters.set(peer, waiter);
    return true;
  }

  stopWaiting(peer: bigint): void {
    this.#waiters.delete(peer);
  }

  /** `coordinator` introduces a peer: punches at the agreed moment, whether or not this node asked. */
  introduced(coordinator: bigint, introduce: PunchIntroduce, now: number, wallClock: number): void {
    const waiter = this.#waiters.get(introduce.peer);
    if (
      (waiter !== undefined && waiter.coordinator !== coordinator) ||
      this.#punches.size >= MOST_PUNCHES
    ) {
      return;
    }
    const reflex = introduce.peerReflex;
    this.#end(reflex);
    const lead = Math.min(Math.max(Number(introduce.fireAtMs) - wallClock, 0), LONGEST_LEAD_MS);
    const datagram = encodeKeepAlive({ sender: this.#port.nodeId, punchId: 0 });
    const cancels = KEEP_ALIVE_OFFSETS_MS.map((offset) =>
      this.#timers.set(now + lead + offset, () => {
        this.#port.sendDatagram(datagram, reflex);
      }),
    );
    cancels.push(
      this.#timers.set(now + lead + PUNCH_DEADLINE_MS, () => {
        // A later introduction to the same address has a time of its own.
        if (this.#punches.get(reflex) === punch) {
          this.#end(reflex);
        }
      }),
    );
    const punch: Punch = { peer: introduce.peer, reflex, coordinator, cancels };
    this.#punches.set(reflex, punch);
    waiter?.introduced(reflex, now);
  }

  /** A keep-alive arrived: when it comes from exactly the introduced address, the way is open and the coordinator hears so. */
  keepAliveFrom(address: string): void {
    const punch = this.#punches.get(address);
    if (punch !== undefined) {
      // The remaining keep-alives still leave: the other side may not have heard one yet.
      this.#punches.delete(address);
      this.#port.sendControl(
        punch.coordinator,
        RENDEZVOUS_SUBPROTOCOL,
        encodeRendezvous({
          kind: "ack",
          fromPeer: this.#port.nodeId,
          toPeer: punch.peer,
          punchId: 0,
        }),
      );
    }
  }

  /** `sender` says that the other side heard this one; only that side itself and the coordinator can know. */
  acknowledged(peer: bigint, sender: bigint): void {
    const waiter = this.#waiters.get(peer);
    if (waiter !== undefined && (sender === waiter.coordinator || sender === peer)) {
      waiter.acknowledged();
    }
  }

  #end(reflex: string): void {
    const punch = this.#punches.get(reflex);
    if (punch !== undefined) {
      this.#punches.delete(reflex);
      for (const cancel of punch.cancels) {
        cancel();
      }
    }
  }
}
