import { low32 } from "../peers/node-id.js";

/** One way to a destination. */
export interface Route {
  readonly nextHop: string;
  readonly metric: number;
  /** When it was last heard of, in milliseconds. */
  readonly updatedAt: number;
}

export interface RoutingTableOptions {
  /** Routes not refreshed for this long are not used (Net transport format, section 10: three session timeouts). */
  readonly maxAgeMs: number;
  /** Destinations remembered; further ones that only pingwaves speak of are not taken in. */
  readonly capacity?: number;
}

interface Candidate {
  nextHop: string;
  metric: number;
  updatedAt: number;
  /** When a wave last confirmed `metric`; a longer way by the same hop counts only once that is old. */
  measuredAt: number;
}

/** The metric of a peer itself and of a route set by hand. */
const DIRECT_METRIC = 1;
const ALTERNATES = 4;
const DEFAULT_CAPACITY = 65_536;

/**
 * Next hops by destination (Net transport format, section 10). Beyond the best way it keeps a few
 * alternates, so that the failure of a hop moves its destinations at once and its recovery moves
 * them back.
 */
export class RoutingTable {
  readonly #maxAgeMs: number;
  readonly #capacity: number;
  /** By destination, best first. */
  readonly #routes = new Map<bigint, Candidate[]>();
  readonly #fullIds = new Map<number, bigint>();
  readonly #down = new Set<string>();

  constructor(options: RoutingTableOptions) {
    this.#maxAgeMs = options.maxAgeMs;
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
  }

  /** Destinations known, fresh or not. */
  get size(): number {
    return this.#routes.size;
  }

  /** A peer reached by handshake, or a route set by hand: replaces every way of the same metric. */
  setDirect(destination: bigint, nextHop: string, now: number): void {
    const others = (this.#routes.get(destination) ?? []).filter(
      (route) => route.metric > DIRECT_METRIC && route.nextHop !== nextHop,
    );
    const direct = { nextHop, metric: DIRECT_METRIC, updatedAt: now, measuredAt: now };
    this.#put(destination, [direct, ...others]);
  }

  /** A way another node told of. Gives false when the table is full. */
  learn(destination: bigint, nextHop: string, metric: number, now: number): boolean {
    const routes = this.#routes.get(destination);
    if (routes === undefined) {
      if (this.#routes.size >= this.#capacity) {
        return false;
      }
      this.#put(destination, [{ nextHop, metric, updatedAt: now, measuredAt: now }]);
      return true;
    }
    const known = routes.find((route) => route.nextHop === nextHop);
    if (known === undefined) {
      this.#put(destination, [...routes, { nextHop, metric, updatedAt: now, measuredAt: now }]);
      return true;
    }
    known.updatedAt = now;
    const isOld = now - known.measuredAt > this.#maxAgeMs / 3;
    if (metric <= known.metric || (known.metric > DIRECT_METRIC && isOld)) {
      known.metric = metric;
      known.measuredAt = now;
      routes.sort(byMetric);
    }
    return true;
  }

  /** Keeps the ways that go straight to `nextHop` fresh, as traffic from a peer does. */
  refresh(destination: bigint, nextHop: string, now: number): void {
    const known = this.#routes.get(destination)?.find((route) => route.nextHop === nextHop);
    if (known !== undefined) {
      known.updatedAt = now;
    }
  }

  /** The best way now, or undefined. Ways through a hop that is down are passed over. */
  route(destination: bigint, now: number): Route | undefined {
    return this.#routes
      .get(destination)
      ?.find((route) => now - route.updatedAt <= this.#maxAgeMs && !this.#down.has(route.nextHop));
  }

  nextHop(destination: bigint, now: number): string | undefined {
    return this.route(destination, now)?.nextHop;
  }

  /** The destination whose low 32 bits these are; the latest that came in, should two share them. */
  fullId(low: number): bigint | undefined {
    return this.#fullIds.get(low);
  }

  /** Stops using a next hop until `hopUp`. */
  hopDown(nextHop: string): void {
    this.#down.add(nextHop);
  }

  /** Uses a next hop again: what it carried before returns to it. */
  hopUp(nextHop: string): void {
    this.#down.delete(nextHop);
  }

  /** Forgets a next hop, as when its peer is removed. */
  removeHop(nextHop: string): void {
    this.#down.delete(nextHop);
    this.#keep((route) => route.nextHop !== nextHop);
  }

  /** Forgets ways not refreshed in time. */
  sweep(now: number): void {
    this.#keep((route) => now - route.updatedAt <= this.#maxAgeMs);
  }

  #put(destination: bigint, routes: Candidate[]): void {
    routes.sort(byMetric);
    this.#routes.set(destination, routes.slice(0, ALTERNATES));
    this.#fullIds.set(low32(destination), destination);
  }

  #keep(wanted: (route: Candidate) => boolean): void {
    for (const [destination, routes] of this.#routes) {
      const kept = routes.filter(wanted);
      if (kept.length > 0) {
        this.#routes.set(destination, kept);
        continue;
      }
      this.#routes.delete(destination);
      if (this.#fullIds.get(low32(destination)) === destination) {
        this.#fullIds.delete(low32(destination));
      }
    }
  }
}

function byMetric(left: Candidate, right: Candidate): number {
  return left.metric - right.metric;
}
