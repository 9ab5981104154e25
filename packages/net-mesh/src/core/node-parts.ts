import {
  ANNOUNCEMENT_SUBPROTOCOL,
  GLOBAL_SUBNET,
  type SubnetId,
  type SubnetPolicy,
} from "@gaiaftcl/net-capability";
import { MEMBERSHIP_SUBPROTOCOL } from "@gaiaftcl/net-channel";
import type { EventBatch } from "@gaiaftcl/net-wire";
import { RENDEZVOUS_SUBPROTOCOL } from "../traversal/punch-coordinator.js";
import { REFLEX_SUBPROTOCOL } from "../traversal/reflex-prober.js";
import { Traversal } from "../traversal/traversal.js";
import { Channels } from "./channels.js";
import { ControlSender } from "./control-sender.js";
import { Discovery } from "./discovery.js";
import { IDENTITY_SUBPROTOCOL, identityProof } from "./identity-proof.js";
import { Inbound } from "./inbound.js";
import { KeptConnections } from "./kept-connections.js";
import { Liveness } from "./liveness.js";
import type { DisconnectReason } from "./mesh-event.js";
import { MeshState, type MeshSurroundings } from "./mesh-state.js";
import { Outbound } from "./outbound.js";
import { PathValidation } from "./path-validation.js";
import type { Peer } from "./peer.js";
import { Sessions } from "./sessions.js";
import { traversalPort } from "./traversal-surroundings.js";

export interface MeshCoreOptions extends MeshSurroundings {
  /** The own bound address, as far as it is known. */
  readonly boundAddress: () => string;
  readonly subnet?: SubnetId;
  readonly subnetPolicy?: SubnetPolicy;
  /** An address this node is known to be reached at. */
  readonly reflexOverride?: string;
  /** Whether a node may have a session; everybody with the pre-shared key when left out. */
  readonly admits?: (nodeId: bigint) => boolean;
}

/** When the initiator shows again that it took the answer, in milliseconds. */
const CONFIRM_DELAYS = [100, 300, 700, 1500, 3000];
/** When a strict peer whose place somebody wants is asked for a sign of life, in milliseconds: one answer is enough. */
const CHALLENGE_DELAYS = [0, 100, 220];
/** Between strict peers: the sender is about to begin a new session. An id of the vendors' range. */
const MOVING_SUBPROTOCOL = 0x4747;
const MOVING_MS = 5000;
const CONTROL = new Set([
  ANNOUNCEMENT_SUBPROTOCOL,
  MEMBERSHIP_SUBPROTOCOL,
  REFLEX_SUBPROTOCOL,
  RENDEZVOUS_SUBPROTOCOL,
]);

/** The parts of a node, and what they pass to one another. */
export class NodeParts {
  readonly state: MeshState;
  readonly outbound: Outbound;
  readonly control: ControlSender;
  readonly sessions: Sessions;
  readonly inbound: Inbound;
  readonly liveness: Liveness;
  readonly discovery: Discovery;
  readonly channels: Channels;
  readonly traversal: Traversal;
  readonly paths: PathValidation;
  readonly kept: KeptConnections;
  /** Where the datagram that is being read came from. */
  #source = "";

  constructor(options: MeshCoreOptions, now: number) {
    const state = new MeshState(options, now);
    this.state = state;
    this.outbound = new Outbound(state);
    this.control = new ControlSender(state);
    this.sessions = this.#makeSessions(options);
    this.liveness = this.#makeLiveness();
    this.traversal = this.#makeTraversal(options);
    this.discovery = this.#makeDiscovery(options);
    this.channels = new Channels(state, {
      discovery: this.discovery,
      ownSubnet: options.subnet ?? GLOBAL_SUBNET,
      sendControl: this.control.send,
    });
    this.paths = new PathValidation({
      state,
      outbound: this.outbound,
      move: (peer, to) => {
        this.sessions.move(peer, to);
      },
    });
    this.kept = new KeptConnections({
      state,
      probe: (peer) => {
        this.#ping(peer);
      },
    });
    this.inbound = this.#makeInbound();
  }

  /** Does what is due and sends what is ready. */
  tick(now: number): void {
    const { state } = this;
    state.now = now;
    state.timers.tick(now);
    this.traversal.tick(now);
    this.paths.tick();
    this.liveness.tick();
    this.discovery.tick();
    this.channels.tick();
    this.kept.tick();
    this.outbound.flush();
  }

  /** When `tick` is wanted; the past while something waits to be sent. */
  deadline(): number {
    return Math.min(
      this.outbound.deadline(),
      this.state.timers.deadline(),
      this.traversal.deadline(),
      this.paths.deadline(),
      this.liveness.deadline(),
      this.discovery.deadline(),
      this.channels.deadline(),
      this.kept.deadline(),
    );
  }

  #makeSessions(options: MeshCoreOptions): Sessions {
    return new Sessions(this.state, this.outbound, {
      admits: options.admits ?? ((): boolean => true),
      challenge: (peer) => {
        this.#challenge(peer);
      },
      moving: (peer) => {
        this.control.send(peer, MOVING_SUBPROTOCOL, new Uint8Array(0));
        this.outbound.flush();
      },
      established: (peer) => {
        this.#established(peer);
      },
      deliver: (peer, batch) => {
        this.#deliver(peer, batch);
      },
    });
  }

  #makeLiveness(): Liveness {
    return new Liveness(this.state, this.outbound, {
      failed: (peer) => {
        this.channels.suspend(peer.nodeId);
        this.discovery.index.withholdPeer(peer.nodeId);
      },
      recovered: (peer) => {
        this.#restore(peer);
        // The peer may have taken this node for failed: only a heartbeat changes its mind, if it is one
        // of 0.19.0, and what is said before that counts for nothing at its next publish.
        this.liveness.beat(peer);
        this.#tellAgain(peer);
      },
      unheard: (peer) => {
        this.#tellAgain(peer);
      },
      lost: (peer, reason) => {
        this.remove(peer, reason);
      },
    });
  }

  #makeTraversal(options: MeshCoreOptions): Traversal {
    return new Traversal(
      traversalPort({
        state: this.state,
        outbound: this.outbound,
        discovery: () => this.discovery,
        boundAddress: options.boundAddress,
        sendControl: this.control.send,
        handshake: (nodeId, publicKey, path, done) => {
          this.sessions.connect({ nodeId, publicKey, path, retries: 1, done });
        },
      }),
      options.reflexOverride,
    );
  }

  #makeDiscovery(options: MeshCoreOptions): Discovery {
    return new Discovery(this.state, {
      ...(options.subnet === undefined ? {} : { subnet: options.subnet }),
      ...(options.subnetPolicy === undefined ? {} : { subnetPolicy: options.subnetPolicy }),
      view: () => this.traversal.view,
      sendControl: this.control.send,
    });
  }

  #makeInbound(): Inbound {
    return new Inbound(this.state, {
      directHandshake: (message, from) => {
        this.sessions.directHandshake(message, from);
      },
      routedHandshake: (source, message, from, relayed) => {
        this.sessions.routedHandshake(source, message, from, relayed);
      },
      pingwave: (wave, from) => {
        this.liveness.pingwave(wave, from);
      },
      keepAlive: (from) => {
        this.traversal.keepAlive(from);
      },
      candidate: (sessionId) => this.sessions.candidate(sessionId),
      confirm: (sessionId) => this.sessions.confirm(sessionId),
      strayed: (peer, from, bytes, isLatest) => {
        this.paths.heard(peer, from, bytes, isLatest);
      },
      path: (peer, payload, from) => {
        this.paths.receive(peer, payload, from);
      },
      heard: (peer, from) => {
        const isFirst = !peer.hasSpoken;
        this.#source = from;
        this.liveness.heard(peer);
        this.kept.heard(peer);
        if (isFirst) {
          this.sessions.attempts.spoken(peer.nodeId);
        }
      },
    });
  }

  #established(peer: Peer): void {
    // Shows relays between that the session is in use, a 0.19.0 peer that this one lives, and a strict
    // one that its answer was the one taken: again, until it says something.
    this.liveness.beat(peer);
    for (const delay of peer.origin.initiated && peer.session.strict ? CONFIRM_DELAYS : []) {
      this.state.timers.set(this.state.now + delay, () => {
        if (!peer.hasSpoken) {
          this.control.send(peer, REFLEX_SUBPROTOCOL, new Uint8Array(0));
        }
      });
    }
    if (peer.origin.initiated && !peer.session.strict) {
      // Its key, which 0.19.0 makes anew at each start, shows that it is the node of before: it does not
      // know that it was forgotten here.
      this.#restore(peer);
    } else {
      this.discovery.index.dropWithheld(peer.nodeId);
      this.channels.dropSuspended(peer.nodeId);
    }
    if (peer.session.strict) {
      // On the stream of membership messages: before the first of them, whatever is lost on the way.
      const proof = identityProof(this.state.around.identity, peer.session);
      this.control.send(peer, IDENTITY_SUBPROTOCOL, proof, MEMBERSHIP_SUBPROTOCOL);
    }
    this.discovery.greet(peer);
    this.channels.renew(peer.nodeId);
  }

  /** A peer that was taken for failed and is the same as before is what it was. */
  #restore(peer: Peer): void {
    this.discovery.restore(peer);
    this.channels.resume(peer.nodeId);
  }

  /** A peer may have taken this node for failed: it is told again what it then forgot. */
  #tellAgain(peer: Peer): void {
    this.discovery.tell(peer);
    this.channels.renew(peer.nodeId);
  }

  /** Ends the session with a peer; nothing of it stays. */
  remove(peer: Peer, reason: DisconnectReason): void {
    this.sessions.remove(peer, reason);
    this.paths.forget(peer);
    this.channels.abandon(peer.nodeId);
    this.#forget(peer.nodeId);
  }

  /** What follows from a peer's failure (Net transport format, section 7). */
  #forget(nodeId: bigint): void {
    this.channels.forget(nodeId);
    this.discovery.index.forgetPeer(nodeId);
  }

  #challenge(peer: Peer): void {
    for (const delay of CHALLENGE_DELAYS) {
      this.state.timers.set(this.state.now + delay, () => {
        this.#ping(peer);
      });
    }
  }

  /** Asks a peer for a sign of life. */
  #ping(peer: Peer): void {
    if (peer.session.strict && this.state.peers.get(peer.nodeId) === peer) {
      this.paths.ping(peer);
    } else {
      this.control.send(peer, REFLEX_SUBPROTOCOL, new Uint8Array(0));
    }
  }

  #deliver(peer: Peer, batch: EventBatch): void {
    const { around, now, busy } = this.state;
    const { subprotocolId } = batch.label;
    if (subprotocolId === MOVING_SUBPROTOCOL && peer.session.strict) {
      peer.movesUntil = now + MOVING_MS;
      peer.streams.consume(batch, now);
      return;
    }
    if (subprotocolId === IDENTITY_SUBPROTOCOL && peer.session.strict) {
      const [proof] = batch.events();
      if (proof !== undefined) {
        peer.proof.show(proof);
      }
      peer.streams.consume(batch, now);
      return;
    }
    if (!CONTROL.has(subprotocolId)) {
      const isHeldBack = peer.session.strict && batch.reliable;
      around.emit({ type: "events", peer: peer.nodeId, batch, isHeldBack });
      return;
    }
    for (const event of batch) {
      this.#control(peer, subprotocolId, event);
    }
    peer.streams.consume(batch, now);
    busy.add(peer);
  }

  #control(peer: Peer, subprotocolId: number, event: Uint8Array): void {
    const { now, around } = this.state;
    if (subprotocolId === ANNOUNCEMENT_SUBPROTOCOL) {
      this.discovery.receive(peer, event);
    } else if (subprotocolId === MEMBERSHIP_SUBPROTOCOL) {
      this.channels.receive(peer, event);
    } else {
      this.traversal.receive(
        peer.nodeId,
        subprotocolId,
        event,
        this.#source,
        now,
        around.wallClock(),
      );
    }
  }
}
