import type { EstablishedKeys, PacketSession } from "@gaiaftcl/net-wire";
import type { PeerOrigin } from "./peer.js";

/** What a finished handshake says about the peer to be. */
export interface Established {
  readonly nodeId: bigint;
  readonly keys: EstablishedKeys;
  readonly address: string;
  readonly relayed: boolean;
  readonly origin: PeerOrigin;
}

/** A session this node answered for, of which nothing has arrived yet. */
export interface Candidate {
  readonly established: Established;
  readonly session: PacketSession;
  readonly createdAt: number;
}

/** Long enough for the slowest confirmation, and for heartbeats at their usual pace. */
const MEMORY_MS = 20_000;
const CAPACITY = 1024;

/**
 * Strict sessions this node answered for and that wait for their first packet. Only that packet shows
 * which of several answers the initiator took, and that the first message was not a repeated one.
 */
export class Candidates {
  /** By session id, oldest first. */
  readonly #candidates = new Map<bigint, Candidate>();

  get size(): number {
    return this.#candidates.size;
  }

  add(candidate: Candidate): void {
    this.#candidates.set(candidate.session.id, candidate);
    if (this.#candidates.size > CAPACITY) {
      const [oldest] = this.#candidates.keys();
      this.#candidates.delete(oldest as bigint);
    }
  }

  get(sessionId: bigint, now: number): Candidate | undefined {
    const candidate = this.#candidates.get(sessionId);
    if (candidate !== undefined && now - candidate.createdAt > MEMORY_MS) {
      this.#candidates.delete(sessionId);
      return undefined;
    }
    return candidate;
  }

  delete(sessionId: bigint): void {
    this.#candidates.delete(sessionId);
  }

  /** Forgets all of a node: it has a session now. */
  forget(nodeId: bigint): void {
    for (const [sessionId, { established }] of this.#candidates) {
      if (established.nodeId === nodeId) {
        this.#candidates.delete(sessionId);
      }
    }
  }
}
