import { EventQueue } from "./event-queue.js";
import type { NatBox } from "./nat-box.js";
import { SeededRandom } from "./seeded-random.js";

/** What a link does to datagrams. Shares are 0 to 1; jitter above the spacing of datagrams reorders them. */
export interface LinkConditions {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMs: number;
  readonly jitterMs: number;
}

/** A protocol object without clock or socket, as the network drives it. Times are virtual milliseconds. */
export interface SimulatedHost {
  receive(datagram: Uint8Array, from: string, now: number): void;
  tick(now: number): void;
  /** When it next wants `tick`; infinity for never. */
  deadline(): number;
}

/** A host's place in the network. */
export interface SimulatedSocket {
  /** The address it is bound to, the inside one behind a translator. */
  readonly address: string;
  /** Sends a copy of `datagram`; never fails, as with UDP. */
  transmit(datagram: Uint8Array, to: string): void;
}

export interface NetworkCounts {
  readonly sent: number;
  readonly sentBytes: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly filtered: number;
}

export interface SimulatedNetworkOptions {
  readonly seed: number;
  readonly conditions?: Partial<LinkConditions>;
  /** Virtual Unix time at virtual time 0, in milliseconds. */
  readonly startedAt?: number;
}

interface Place {
  readonly address: string;
  readonly host: SimulatedHost;
  readonly nat: NatBox | undefined;
  wakesAt: number;
}

const PERFECT: LinkConditions = { loss: 0, duplication: 0, delayMs: 1, jitterMs: 0 };
const TIMER_RESOLUTION_MS = 1;

/**
 * A deterministic network in memory: loss, delay, reordering, duplication, partitions and address
 * translators, all decided by one seed and by virtual time. Running the same commands on the same
 * seed gives the same datagrams in the same order.
 */
export class SimulatedNetwork {
  readonly random: SeededRandom;
  readonly #queue = new EventQueue();
  readonly #places = new Map<string, Place>();
  readonly #natBoxes = new Map<string, NatBox>();
  readonly #startedAt: number;
  readonly #counts = { sent: 0, sentBytes: 0, delivered: 0, lost: 0, duplicated: 0, filtered: 0 };
  #conditions: LinkConditions;
  #link: (from: string, to: string) => Partial<LinkConditions> | undefined = () => undefined;
  #sideOf = new Map<string, number>();
  #now = 0;

  constructor(options: SimulatedNetworkOptions) {
    this.random = new SeededRandom(options.seed);
    this.#conditions = { ...PERFECT, ...options.conditions };
    this.#startedAt = options.startedAt ?? 1_700_000_000_000;
  }

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now;
  }

  /** Virtual Unix time in milliseconds. */
  get wallClock(): number {
    return this.#startedAt + Math.floor(this.#now);
  }

  get counts(): NetworkCounts {
    return { ...this.#counts };
  }

  /** Changes what every link does from now on. */
  setConditions(conditions: Partial<LinkConditions>): void {
    this.#conditions = { ...this.#conditions, ...conditions };
  }

  /** Lets single links differ: what `link` gives for a pair of public addresses overrides the general conditions. */
  setLink(link: (from: string, to: string) => Partial<LinkConditions> | undefined): void {
    this.#link = link;
  }

  /** Splits the network: datagrams pass only between hosts of one side, by bound address; those not named stand on a side of their own together. */
  partition(...sides: readonly (readonly string[])[]): void {
    this.#sideOf = new Map(
      sides.flatMap((side, index) => side.map((address) => [address, index] as const)),
    );
  }

  /** Joins all sides again. */
  heal(): void {
    this.#sideOf.clear();
  }

  /**
   * Puts a host at `address`, behind `nat` if one is given. `create` receives the socket, so that
   * the host can be built around it.
   */
  attach<T extends SimulatedHost>(
    address: string,
    create: (socket: SimulatedSocket) => T,
    nat?: NatBox,
  ): T {
    const host = create({
      address,
      transmit: (datagram, to) => {
        this.#send(place, new Uint8Array(datagram), to);
      },
    });
    const place: Place = { address, host, nat, wakesAt: Number.POSITIVE_INFINITY };
    this.#places.set(address, place);
    if (nat !== undefined) {
      this.#natBoxes.set(nat.publicIp, nat);
    }
    this.wake(address);
    return host;
  }

  /** Takes the host at `address` away, as a crash does: what is under way to it is lost. */
  detach(address: string): void {
    this.#places.delete(address);
  }

  /** Asks the host at `address` for its deadline again: after a command from outside. */
  wake(address: string): void {
    const place = this.#places.get(address);
    if (place !== undefined) {
      this.#schedule(place);
    }
  }

  /** Runs `action` at the virtual time `at`. */
  at(at: number, action: () => void): void {
    this.#queue.add(Math.max(at, this.#now), action);
  }

  /** Runs for `durationMs` of virtual time. */
  run(durationMs: number): void {
    const end = this.#now + durationMs;
    while (this.#queue.nextAt <= end) {
      this.#step();
    }
    this.#now = end;
  }

  /** Runs until `isDone` holds or `limitMs` of virtual time are over; tells whether it came to hold. */
  runUntil(isDone: () => boolean, limitMs: number): boolean {
    const end = this.#now + limitMs;
    while (!isDone()) {
      if (this.#queue.nextAt > end) {
        this.#now = end;
        return isDone();
      }
      this.#step();
    }
    return true;
  }

  #step(): void {
    this.#now = Math.max(this.#now, this.#queue.nextAt);
    this.#queue.take()?.();
  }

  /** Sees to it that `place` is served at its deadline, but not before `earliest`. */
  #schedule(place: Place, earliest: number = this.#now): void {
    const at = Math.max(place.host.deadline(), earliest);
    if (at >= place.wakesAt || at === Number.POSITIVE_INFINITY || !this.#isAttached(place)) {
      return;
    }
    place.wakesAt = at;
    this.#queue.add(at, () => {
      // An earlier deadline took its place, or the host is gone.
      if (place.wakesAt !== at || !this.#isAttached(place)) {
        return;
      }
      place.wakesAt = Number.POSITIVE_INFINITY;
      place.host.tick(this.#now);
      // What is still due right after its tick waits for the clock to move, as with a real timer.
      this.#schedule(place, this.#now + TIMER_RESOLUTION_MS);
    });
  }

  #isAttached(place: Place): boolean {
    return this.#places.get(place.address) === place;
  }

  #send(origin: Place, datagram: Uint8Array, to: string): void {
    this.#counts.sent += 1;
    this.#counts.sentBytes += datagram.length;
    const isInside = origin.nat !== undefined && this.#places.get(to)?.nat === origin.nat;
    const from =
      origin.nat === undefined || isInside
        ? origin.address
        : origin.nat.outbound(origin.address, to, this.#now);
    const conditions = { ...this.#conditions, ...this.#link(from, to) };
    const copies = this.random.chance(conditions.duplication) ? 2 : 1;
    this.#counts.duplicated += copies - 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.random.chance(conditions.loss)) {
        this.#counts.lost += 1;
        continue;
      }
      const delay = conditions.delayMs + this.random.fraction() * conditions.jitterMs;
      this.#queue.add(this.#now + delay, () => {
        this.#deliver(origin, datagram, from, to);
      });
    }
  }

  #deliver(origin: Place, datagram: Uint8Array, from: string, to: string): void {
    const place = this.#resolve(origin, from, to);
    if (
      place === undefined ||
      this.#sideOf.get(place.address) !== this.#sideOf.get(origin.address)
    ) {
      this.#counts.filtered += 1;
      return;
    }
    this.#counts.delivered += 1;
    place.host.receive(datagram, from, this.#now);
    this.#schedule(place);
  }

  #resolve(origin: Place, from: string, to: string): Place | undefined {
    const separator = to.lastIndexOf(":");
    const nat = this.#natBoxes.get(to.slice(0, separator));
    if (nat !== undefined) {
      if (nat === origin.nat && !nat.hairpin) {
        return undefined;
      }
      const inside = nat.inbound(from, Number(to.slice(separator + 1)), this.#now);
      return inside === undefined ? undefined : this.#places.get(inside);
    }
    const place = this.#places.get(to);
    // An inside address means nothing on the outside.
    return place?.nat === undefined || place.nat === origin.nat ? place : undefined;
  }
}
