import { encodePingwave, type Pingwave } from "@gaiaftcl/net-wire";
import { SourceRateLimit } from "../limits/source-rate-limit.js";
import type { HealthChange } from "../liveness/failure-detector.js";
import { PINGWAVE_RADIUS, PingwaveRules } from "../routing/pingwave-rules.js";
import type { DisconnectReason } from "./mesh-event.js";
import type { MeshState } from "./mesh-state.js";
import type { Outbound } from "./outbound.js";
import type { Peer } from "./peer.js";

export interface LivenessHandlers {
  /** A peer was silent for too long; its session is kept in case it comes back. */
  failed(peer: Peer): void;
  /** A failed peer spoke again. */
  recovered(peer: Peer): void;
  /** A peer may have heard nothing of this node for so long that it took it for failed. */
  unheard(peer: Peer): void;
  /** A peer is to be removed. */
  lost(peer: Peer, reason: DisconnectReason): void;
}

/** Whoever stood still for so many session timeouts, peers may have taken for failed. */
const SLEPT_TIMEOUTS = 2;
/** A failed peer silent for so many session timeouts is removed. */
const REMOVED_AFTER = 30;
/** Each takes a signature's time; many peers may have come at once. */
const PROOFS_PER_BEAT = 64;
/** So long a strict peer may speak without having proved who it is. */
const UNPROVEN_MS = 30_000;
const WAVE_TIMEOUTS = 3;
const ALL = "all";
/** What a node with nothing to say of its load announces. */
const IDLE = {
  capabilityHash: 0n,
  capabilityVersion: 0,
  load: 0,
  health: "healthy",
  gpu: false,
  modelSlots: 0,
  memoryTier: 0,
  tools: 0,
  flags: 0,
} as const;

/** How many session timeouts long a peer that moved is looked for where it was. */
const FORMER_TIMEOUTS = 3;

/** Heartbeats, waves, and what follows from silence (Net transport format, sections 7 and 11). */
export class Liveness {
  readonly #state: MeshState;
  readonly #outbound: Outbound;
  readonly #handlers: LivenessHandlers;
  readonly #waves: PingwaveRules;
  readonly #onward: SourceRateLimit;
  #turn = 0;
  #beatAt: number;
  /** Unix milliseconds of the last beat: a suspended machine stops the other clock. */
  #beatenAt: number;

  constructor(state: MeshState, outbound: Outbound, handlers: LivenessHandlers) {
    const { heartbeatIntervalMs, sessionTimeoutMs, pingwavesPassedOn } = state.around.tuning;
    this.#state = state;
    this.#outbound = outbound;
    this.#handlers = handlers;
    this.#waves = new PingwaveRules({
      nodeId: state.nodeId,
      memoryMs: WAVE_TIMEOUTS * sessionTimeoutMs,
    });
    this.#onward = new SourceRateLimit({
      perSecond: pingwavesPassedOn,
      burst: pingwavesPassedOn,
      capacity: 1,
    });
    this.#beatAt = state.now + heartbeatIntervalMs;
    this.#beatenAt = state.around.wallClock();
  }

  deadline(): number {
    return this.#beatAt;
  }

  tick(): void {
    const { now, around } = this.#state;
    if (now < this.#beatAt) {
      return;
    }
    const { heartbeatIntervalMs, sessionTimeoutMs } = around.tuning;
    const wallClock = around.wallClock();
    const slept = Math.max(now - this.#beatAt, wallClock - this.#beatenAt - heartbeatIntervalMs);
    this.#beatAt = now + heartbeatIntervalMs;
    this.#beatenAt = wallClock;
    if (slept < SLEPT_TIMEOUTS * sessionTimeoutMs) {
      this.#judge();
      this.#beat();
    } else {
      // What peers said meanwhile waits to be read: it is too early to judge them.
      this.#beat();
      for (const peer of [...this.#state.peers.values()]) {
        this.#handlers.unheard(peer);
      }
    }
    this.#state.routes.sweep(now);
    this.#state.graph.sweep(now);
  }

  /** Sends one heartbeat outside the rhythm: it shows relays and the other end that a new session is in use. */
  beat(peer: Peer): void {
    this.#outbound.transmit(peer, peer.session.heartbeat(this.#state.now));
    this.#state.counters.heartbeatsSent += 1;
  }

  /** Something of `peer` was decrypted. */
  heard(peer: Peer): void {
    const { now, detector } = this.#state;
    peer.heardAt = now;
    peer.hasSpoken = true;
    const change = detector.heard(peer.nodeId, now);
    if (change !== undefined) {
      this.#report(change);
    }
  }

  /** Takes a wave and sends it on. */
  pingwave(wave: Pingwave, from: string): void {
    const { peers, routes, graph, counters, now } = this.#state;
    const neighbour = peers.at(from);
    counters.pingwavesReceived += 1;
    if (neighbour === undefined) {
      this.#state.drop();
      return;
    }
    const verdict = this.#waves.judge(wave, true, now);
    if (verdict.kind === "drop") {
      return;
    }
    routes.learn(wave.origin, from, verdict.metric, now);
    if (!verdict.isNew) {
      return;
    }
    graph.record(
      wave.origin,
      neighbour.nodeId,
      wave.hopCount + 1,
      { health: wave.health, load: wave.load },
      now,
    );
    if (verdict.onward !== undefined) {
      this.#passOn(
        encodePingwave({ ...wave, ...verdict.onward }),
        new Set([from, routes.nextHop(wave.origin, now) ?? from]),
      );
    }
  }

  #judge(): void {
    const { now, detector, peers, around } = this.#state;
    for (const change of detector.evaluate(now)) {
      this.#report(change);
    }
    let left = PROOFS_PER_BEAT;
    for (const peer of [...peers.values()]) {
      const silence = now - peer.heardAt;
      left -= peer.proof.isUnread ? 1 : 0;
      if (
        detector.health(peer.nodeId) === "failed" &&
        silence > REMOVED_AFTER * around.tuning.sessionTimeoutMs
      ) {
        this.#state.counters.peersEvicted += 1;
        this.#handlers.lost(peer, "silent");
      } else if (left >= 0 && this.#isImpostor(peer)) {
        this.#state.counters.peersEvicted += 1;
        this.#handlers.lost(peer, "unproven");
      }
    }
  }

  /** Whether a strict peer goes on speaking, and does not say who it is. */
  #isImpostor(peer: Peer): boolean {
    const { heartbeatIntervalMs } = this.#state.around.tuning;
    const isSpeaking = this.#state.now - peer.heardAt <= heartbeatIntervalMs;
    if (peer.session.strict && peer.proof.entityId === undefined && isSpeaking) {
      peer.unprovenMs += heartbeatIntervalMs;
    }
    return peer.unprovenMs > UNPROVEN_MS && peer.proof.entityId === undefined;
  }

  #report(change: HealthChange): void {
    const { peers, routes, around } = this.#state;
    const peer = peers.get(change.nodeId);
    if (peer === undefined) {
      return;
    }
    if (change.to === "failed") {
      if (!peer.isRelayed) {
        routes.hopDown(peer.address);
      }
      this.#handlers.failed(peer);
    } else if (change.from === "failed") {
      if (!peer.isRelayed) {
        routes.hopUp(peer.address);
      }
      this.#handlers.recovered(peer);
    } else if (change.to === "healthy" && !peer.session.strict) {
      // Its session timeout may be shorter, and what was lost both ways may have failed this node there.
      this.#handlers.unheard(peer);
    }
    around.emit({ type: "health", peer: change.nodeId, from: change.from, to: change.to });
  }

  #beat(): void {
    const { peers, routes, around, now } = this.#state;
    const wave = encodePingwave({
      ...IDLE,
      origin: this.#state.nodeId,
      sequence: this.#waves.nextSequence(around.wallClock()),
      ttl: PINGWAVE_RADIUS,
      hopCount: 0,
      sentAtUs: BigInt(Math.floor(around.wallClock())) * 1000n,
    });
    for (const peer of peers.values()) {
      this.beat(peer);
      this.#beatFormer(peer);
      if (now - peer.heardAt <= around.tuning.sessionTimeoutMs) {
        routes.refresh(peer.nodeId, peer.address, now);
      }
    }
    for (const peer of peers.values()) {
      if (!peer.isRelayed) {
        this.#sendWave(wave, peer);
      }
    }
  }

  /**
   * Beats where a peer was before it moved, too: if it did not, and a stranger's copy of a lost packet
   * only looked so at both ends, this is how they find each other again.
   */
  #beatFormer(peer: Peer): void {
    const { now, around, counters } = this.#state;
    if (now - peer.movedAt > FORMER_TIMEOUTS * around.tuning.sessionTimeoutMs) {
      return;
    }
    for (const address of peer.formerAddresses) {
      this.#state.transmit(peer.session.heartbeat(now), address);
      counters.heartbeatsSent += 1;
    }
  }

  /** Passes a wave on as far as the rate allows, and begins with another peer each time. */
  #passOn(wave: Uint8Array, except: ReadonlySet<string>): void {
    const { peers, now } = this.#state;
    const others = [...peers.values()].filter(
      (peer) => !(peer.isRelayed || except.has(peer.address)),
    );
    for (let count = 0; count < others.length && this.#onward.admit(ALL, now); count += 1) {
      this.#turn = (this.#turn + 1) % others.length;
      this.#sendWave(wave, others[this.#turn] as Peer);
    }
  }

  #sendWave(wave: Uint8Array, peer: Peer): void {
    this.#state.counters.pingwavesSent += 1;
    this.#state.transmit(wave, peer.address);
  }
}
