import type { Identity } from "@gaiaftcl/net-identity";
import type { AgreementKey } from "@gaiaftcl/net-wire";
import type { MeshTuning } from "../config/mesh-config.js";
import { FailureDetector } from "../liveness/failure-detector.js";
import { PeerTable } from "../peers/peer-table.js";
import { ProximityGraph } from "../routing/proximity-graph.js";
import { RoutingTable } from "../routing/routing-table.js";
import { Timers } from "../traversal/timers.js";
import { type MeshCounters, newCounters } from "./counters.js";
import type { MeshEvent } from "./mesh-event.js";
import type { Peer } from "./peer.js";

/** An X25519 pair, 32 bytes each. */
export interface NoiseKeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** What every part of a node needs. */
export interface MeshSurroundings {
  readonly identity: Identity;
  readonly keyPair: NoiseKeyPair;
  readonly psk: Uint8Array;
  readonly tuning: MeshTuning;
  readonly randomBytes: (length: number) => Uint8Array;
  /** A key for one handshake, given to nothing else; made of random bytes when left out. */
  readonly ephemeralKey?: () => AgreementKey;
  /** Unix time in milliseconds. */
  readonly wallClock: () => number;
  /** Hands a datagram to the network. It may be kept: nothing writes to it again. */
  readonly transmit: (datagram: Uint8Array, to: string) => void;
  /** Whether all of them have left, so that they may be written to after all; never if left out. */
  readonly hasSentAll?: () => boolean;
  readonly emit: (event: MeshEvent) => void;
  /** Whether datagrams that are received may be written to, which saves a copy of each. */
  readonly ownsDatagrams?: boolean;
}

const ROUTE_TIMEOUTS = 3;

/** The tables of one node and the time of the call that is being served. */
export class MeshState {
  readonly around: MeshSurroundings;
  readonly nodeId: bigint;
  readonly peers: PeerTable<Peer> = new PeerTable<Peer>();
  readonly routes: RoutingTable;
  readonly graph: ProximityGraph;
  readonly detector: FailureDetector;
  readonly timers: Timers = new Timers();
  readonly counters: MeshCounters = newCounters();
  /** Peers whose streams may have something to send. */
  readonly busy: Set<Peer> = new Set<Peer>();
  /** Monotonic milliseconds. */
  now: number;

  constructor(around: MeshSurroundings, now: number) {
    const maxAgeMs = ROUTE_TIMEOUTS * around.tuning.sessionTimeoutMs;
    this.around = around;
    this.now = now;
    this.nodeId = around.identity.nodeId;
    this.routes = new RoutingTable({ maxAgeMs });
    this.graph = new ProximityGraph({ maxAgeMs });
    this.detector = new FailureDetector(around.tuning.sessionTimeoutMs);
  }

  transmit(datagram: Uint8Array, to: string): void {
    this.counters.datagramsSent += 1;
    this.counters.bytesSent += datagram.length;
    this.around.transmit(datagram, to);
  }

  drop(): void {
    this.counters.datagramsDropped += 1;
  }
}
