import {
  ALL_FEATURES,
  createStreamSet,
  type EventBatch,
  MAX_PAYLOAD_BYTES,
  type Offer,
  PacketSession,
  ROUTING_HEADER_BYTES,
  type StreamObserver,
} from "@gaiaftcl/net-wire";
import { Candidates, type Established } from "./candidates.js";
import { type Answer, type AttemptOptions, HandshakeAttempts } from "./handshake-attempts.js";
import { HandshakeResponder } from "./handshake-responder.js";
import { ShownProof } from "./identity-proof.js";
import type { DisconnectReason } from "./mesh-event.js";
import type { MeshState } from "./mesh-state.js";
import type { Outbound } from "./outbound.js";
import type { Peer } from "./peer.js";

/** Addresses remembered of a peer that moves. */
const KEPT_ADDRESSES = 4;

export interface SessionHandlers {
  /** Whether a node may have a session at all. */
  admits(nodeId: bigint): boolean;
  challenge(peer: Peer): void;
  /** This node is about to begin a new session with a strict peer it has one with. */
  moving(peer: Peer): void;
  established(peer: Peer): void;
  deliver(peer: Peer, batch: EventBatch): void;
}

/** Makes peers out of handshakes, in both roles, and takes them down. */
export class Sessions {
  readonly attempts: HandshakeAttempts;
  readonly responder: HandshakeResponder;
  readonly #state: MeshState;
  readonly #outbound: Outbound;
  readonly #handlers: SessionHandlers;
  readonly #candidates = new Candidates();
  readonly #waiting = new Map<bigint, Set<() => void>>();

  constructor(state: MeshState, outbound: Outbound, handlers: SessionHandlers) {
    this.#state = state;
    this.#outbound = outbound;
    this.#handlers = handlers;
    const offer = (): Offer => ({
      features: ALL_FEATURES,
      receiveWindow: state.around.tuning.receiveWindow,
    });
    this.attempts = new HandshakeAttempts(state, offer, (nodeId) => {
      const peer = state.peers.get(nodeId);
      if (peer?.session.strict === true) {
        handlers.moving(peer);
      }
    });
    this.responder = new HandshakeResponder(state, {
      offer,
      admits: (nodeId) => handlers.admits(nodeId),
      challenge: (peer) => {
        handlers.challenge(peer);
      },
      accepted: ({ initiatorEphemeral, provisional, ...accepted }) => {
        const origin = { initiated: false, initiatorEphemeral };
        this.#answeredFor({ ...accepted, origin }, provisional);
      },
    });
  }

  connect(options: AttemptOptions): () => void {
    return this.attempts.start(options);
  }

  /** Calls `done` when a session with `nodeId` exists; the returned function stops waiting. */
  accept(nodeId: bigint, done: () => void): () => void {
    if (this.#state.peers.get(nodeId) !== undefined) {
      done();
      return () => undefined;
    }
    const unexpect = this.responder.expect(nodeId);
    const waiting = this.#waiting.get(nodeId) ?? new Set();
    this.#waiting.set(nodeId, waiting);
    const stop = (): void => {
      unexpect();
      waiting.delete(arrived);
      if (waiting.size === 0) {
        this.#waiting.delete(nodeId);
      }
    };
    const arrived = (): void => {
      stop();
      done();
    };
    waiting.add(arrived);
    return stop;
  }

  directHandshake(message: Uint8Array, from: string): void {
    const answer = this.attempts.directAnswer(from, message);
    if (answer === undefined) {
      this.responder.direct(message, from);
    } else {
      this.#answered(answer, from, false);
    }
  }

  routedHandshake(source: number, message: Uint8Array, from: string, relayed: boolean): void {
    const answer = this.attempts.routedAnswer(source, message, from);
    if (answer !== undefined) {
      const { kind, address } = answer.path;
      // A 0.19.0 node that has another way here answers by that one, whichever the question took.
      const isStraight = kind === "address" && !(relayed && from === address);
      this.#answered(answer, isStraight && relayed ? address : from, !isStraight);
    } else if (this.attempts.yieldsTo(source)) {
      this.responder.routed(source, message, from, relayed);
    }
  }

  /** The session that waits for its first packet under this id. */
  candidate(sessionId: bigint): PacketSession | undefined {
    return this.#candidates.get(sessionId, this.#state.now)?.session;
  }

  /**
   * A packet of a candidate was decrypted: it is the peer's session from now on. When both sides
   * began at once and this one's attempt was answered too, the session that the node with the lower
   * id began stays, at both ends.
   */
  confirm(sessionId: bigint): Peer | undefined {
    const { now, peers, nodeId: own } = this.#state;
    const candidate = this.#candidates.get(sessionId, now);
    if (candidate === undefined) {
      return undefined;
    }
    const { established, session, createdAt } = candidate;
    const present = peers.get(established.nodeId);
    const isGlare =
      present?.session.strict === true &&
      present.origin.initiated &&
      present.establishedAt >= createdAt;
    if (isGlare && own < established.nodeId) {
      this.#candidates.delete(sessionId);
      return undefined;
    }
    this.#candidates.forget(established.nodeId);
    return this.#establish(established, session);
  }

  /** A peer without a relay is reached at another address now. */
  move(peer: Peer, to: string): void {
    const { peers, routes, now } = this.#state;
    const former = peer.formerAddresses.filter((address) => address !== to);
    peer.formerAddresses = [...former, peer.address].slice(-KEPT_ADDRESSES);
    peer.movedAt = now;
    routes.removeHop(peer.address);
    peers.move(peer, () => {
      peer.address = to;
    });
    routes.setDirect(peer.nodeId, to, now);
  }

  /** Ends the session with a peer. Nothing is sent: there is no message for it. */
  remove(peer: Peer, reason: DisconnectReason): void {
    const { peers, routes, graph, detector, around } = this.#state;
    if (peers.get(peer.nodeId) !== peer) {
      return;
    }
    peers.remove(peer.nodeId);
    detector.forget(peer.nodeId);
    this.#outbound.forget(peer);
    if (!peer.isRelayed) {
      routes.removeHop(peer.address);
      graph.removeNeighbour(peer.nodeId);
    }
    around.emit({ type: "disconnected", peer: peer.nodeId, reason });
  }

  #answered(answer: Answer, from: string, relayed: boolean): void {
    const established = {
      nodeId: answer.nodeId,
      keys: answer.keys,
      // A relay's answer may come another way; the path that was asked for is the one to keep.
      address: relayed ? answer.path.address : from,
      relayed,
      origin: { initiated: true, initiatorEphemeral: answer.keys.initiatorEphemeral },
    };
    this.#establish(established, new PacketSession(answer.keys, this.#state.now));
  }

  /** The initiator has its answer, or will: a 0.19.0 node confirms nothing, others do. */
  #answeredFor(established: Established, provisional: boolean): void {
    const { now } = this.#state;
    const session = new PacketSession(established.keys, now);
    if (session.strict || provisional) {
      this.#candidates.add({ established, session, createdAt: now });
    } else {
      this.#establish(established, session);
    }
  }

  #establish(established: Established, session: PacketSession): Peer {
    const { nodeId, keys, address, relayed, origin } = established;
    const { now, peers, routes, detector, around, counters, busy } = this.#state;
    const former = peers.get(nodeId);
    if (former !== undefined) {
      this.#outbound.forget(former);
    }
    const peer: Peer = {
      nodeId,
      sessionId: keys.sessionId,
      address,
      isRelayed: relayed,
      origin,
      session,
      streams: createStreamSet({
        strict: keys.strict,
        observer: this.#observer(() => peer),
        // A strict session always leaves room for a routing header: its path may change.
        ...(keys.strict
          ? { peerReceiveWindow: keys.peerReceiveWindow }
          : { maxPayload: relayed ? MAX_PAYLOAD_BYTES - ROUTING_HEADER_BYTES : MAX_PAYLOAD_BYTES }),
        sendBuffer: around.tuning.sendBuffer,
        receiveWindow: around.tuning.receiveWindow,
      }),
      establishedAt: now,
      proof: new ShownProof(nodeId, session),
      unprovenMs: 0,
      hasSpoken: false,
      heardAt: now,
      challengedAt: undefined,
      movesUntil: 0,
      highestCounter: -1,
      formerAddresses: [],
      candidates: [],
      staysUntil: 0,
      movedAt: 0,
    };
    peers.add(peer);
    routes.setDirect(nodeId, address, now);
    if (!relayed) {
      routes.hopUp(address);
    }
    detector.watch(nodeId, now);
    counters.handshakesCompleted += 1;
    busy.add(peer);
    this.#handlers.established(peer);
    around.emit({
      type: "connected",
      peer: nodeId,
      strict: keys.strict,
      address,
      relayed,
      initiated: origin.initiated,
      replaced: former !== undefined,
    });
    this.attempts.settled(nodeId);
    for (const arrived of [...(this.#waiting.get(nodeId) ?? [])]) {
      arrived();
    }
    return peer;
  }

  #observer(peer: () => Peer): StreamObserver {
    const { around } = this.#state;
    return {
      deliver: (batch) => {
        this.#handlers.deliver(peer(), batch);
      },
      writable: (streamId) => {
        around.emit({ type: "writable", peer: peer().nodeId, streamId });
      },
      finished: (streamId) => {
        around.emit({ type: "finished", peer: peer().nodeId, streamId });
      },
    };
  }
}
