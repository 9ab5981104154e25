import type { PingwaveHealth } from "@gaiaftcl/net-wire";

/** What an origin tells of itself in its waves. */
export interface NodeCondition {
  readonly health: PingwaveHealth;
  readonly load: number;
}

/** A node some wave came from. */
export interface KnownNode extends NodeCondition {
  readonly nodeId: bigint;
  /** Hops from here over the shortest way heard of. */
  readonly hops: number;
  /** In milliseconds. */
  readonly seenAt: number;
}

interface Edge {
  hops: number;
  seenAt: number;
}

interface Node {
  condition: NodeCondition;
  seenAt: number;
  /** By the neighbour that brought the wave. */
  readonly edges: Map<bigint, Edge>;
}

export interface ProximityGraphOptions {
  readonly maxAgeMs: number;
  readonly capacity?: number;
}

const DEFAULT_CAPACITY = 65_536;
const EDGES_PER_NODE = 16;

/** Which nodes exist, and through which neighbours their waves arrived (Net transport format, section 11). */
export class ProximityGraph {
  readonly #maxAgeMs: number;
  readonly #capacity: number;
  readonly #nodes = new Map<bigint, Node>();

  constructor(options: ProximityGraphOptions) {
    this.#maxAgeMs = options.maxAgeMs;
    this.#capacity = options.capacity ?? DEFAULT_CAPACITY;
  }

  /** Nodes known. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Notes that a wave of `origin` came by `neighbour`, over `hops` hops from here; 1 is the neighbour itself. */
  record(
    origin: bigint,
    neighbour: bigint,
    hops: number,
    condition: NodeCondition,
    now: number,
  ): void {
    let node = this.#nodes.get(origin);
    if (node === undefined) {
      if (this.#nodes.size >= this.#capacity) {
        return;
      }
      node = { condition, seenAt: now, edges: new Map() };
      this.#nodes.set(origin, node);
    }
    node.condition = condition;
    node.seenAt = now;
    const edge = node.edges.get(neighbour);
    if (edge !== undefined) {
      edge.hops = hops;
      edge.seenAt = now;
    } else if (node.edges.size < EDGES_PER_NODE) {
      node.edges.set(neighbour, { hops, seenAt: now });
    }
  }

  /** Forgets a neighbour that left, and what only it told of stays without a way. */
  removeNeighbour(neighbour: bigint): void {
    for (const node of this.#nodes.values()) {
      node.edges.delete(neighbour);
    }
  }

  /** Neighbours by which `destination` was heard of lately, nearest first. */
  neighboursTowards(destination: bigint, now: number): bigint[] {
    const node = this.#nodes.get(destination);
    return [...(node?.edges ?? [])]
      .filter(([, edge]) => now - edge.seenAt <= this.#maxAgeMs)
      .sort(([, left], [, right]) => left.hops - right.hops)
      .map(([neighbour]) => neighbour);
  }

  /** Drops edges not confirmed in time, and nodes that none leads to. */
  sweep(now: number): void {
    for (const [nodeId, node] of this.#nodes) {
      for (const [neighbour, edge] of node.edges) {
        if (now - edge.seenAt > this.#maxAgeMs) {
          node.edges.delete(neighbour);
        }
      }
      if (node.edges.size === 0) {
        this.#nodes.delete(nodeId);
      }
    }
  }

  nodes(): KnownNode[] {
    return [...this.#nodes].map(([nodeId, node]) => ({
      nodeId,
      ...node.condition,
      hops: Math.min(...[...node.edges.values()].map((edge) => edge.hops)),
      seenAt: node.seenAt,
    }));
  }
}
