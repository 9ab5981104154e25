import type { StreamSetStats } from "@gaiaftcl/net-wire";
import type { PeerHealth } from "../liveness/failure-detector.js";
import type { TraversalStats } from "../traversal/direct-connector.js";
import type { MeshCounters } from "./counters.js";
import type { MeshState } from "./mesh-state.js";
import type { NodeParts } from "./node-parts.js";
import type { Peer } from "./peer.js";

/** A peer as others see it. */
export interface PeerView {
  readonly nodeId: bigint;
  readonly sessionId: bigint;
  /** Its own address, or that of the relay before it. */
  readonly address: string;
  readonly relayed: boolean;
  readonly strict: boolean;
  /** The entity it proved to be, 32 bytes; a 0.19.0 peer proves nothing. */
  readonly entityId: Uint8Array | undefined;
  readonly initiated: boolean;
  readonly health: PeerHealth;
  /** Milliseconds since something of it was decrypted. */
  readonly silentMs: number;
  readonly streams: StreamSetStats;
}

/** What a node did so far and holds now. */
export interface MeshStats {
  readonly counters: Readonly<MeshCounters>;
  readonly peers: number;
  readonly routes: number;
  readonly knownNodes: number;
  readonly announcedNodes: number;
  readonly pendingHandshakes: number;
  readonly relayedSessions: number;
  /** Subscribers on channels of this node. */
  readonly memberships: number;
  readonly traversal: TraversalStats;
}

export function meshStats(parts: NodeParts): MeshStats {
  const { state } = parts;
  return {
    counters: { ...state.counters },
    peers: state.peers.size,
    routes: state.routes.size,
    knownNodes: state.graph.size,
    announcedNodes: parts.discovery.index.size,
    pendingHandshakes: parts.sessions.attempts.size,
    relayedSessions: parts.inbound.relayedSessions,
    memberships: parts.channels.memberships,
    traversal: parts.traversal.stats,
  };
}

export function peerView(state: MeshState, peer: Peer): PeerView {
  return {
    nodeId: peer.nodeId,
    sessionId: peer.sessionId,
    address: peer.address,
    relayed: peer.isRelayed,
    strict: peer.session.strict,
    // Found out when it is read.
    get entityId() {
      return peer.proof.entityId;
    },
    initiated: peer.origin.initiated,
    health: state.detector.health(peer.nodeId) ?? "healthy",
    silentMs: state.now - peer.heardAt,
    streams: peer.streams.sessionStats(),
  };
}
