import {
  type EstablishedKeys,
  encodeRouted,
  handshakePacket,
  meshPrologue,
  type Offer,
  ROUTED_HANDSHAKE_TTL,
  respond,
} from "@gaiaftcl/net-wire";
import { RecentSet } from "../limits/recent-set.js";
import { SourceRateLimit } from "../limits/source-rate-limit.js";
import { low32 } from "../peers/node-id.js";
import { type Displacement, judgeDisplacement } from "./displacement.js";
import type { MeshState } from "./mesh-state.js";
import type { Peer } from "./peer.js";

/** A session the other side began. */
export interface Accepted {
  readonly nodeId: bigint;
  readonly keys: EstablishedKeys;
  readonly initiatorEphemeral: Uint8Array;
  readonly address: string;
  readonly relayed: boolean;
  /** Whether it counts only with its first packet, as a strict one does: another lives until then. */
  readonly provisional: boolean;
}

export interface ResponderOptions {
  readonly offer: () => Offer;
  /** Whether a node may have a session at all. */
  readonly admits: (nodeId: bigint) => boolean;
  /** Asks a strict peer for a sign of life. */
  readonly challenge: (peer: Peer) => void;
  readonly accepted: (accepted: Accepted) => void;
}

/** How long a strict peer has to show that it is alive before a newcomer takes its place. */
const LEAST_CHALLENGE_MS = 400;
const CHALLENGE_ROUND_TRIPS = 4;
const ALL_SOURCES = "all";
/** Direct first messages do not name their sender; so many expected ones are tried. */
const MAX_CANDIDATES = 16;
/** First messages that led to a session are known again; only holders of the pre-shared key make new ones. */
const KNOWN_FIRST_MESSAGES = 32_768;
const EPHEMERAL_BYTES = 32;
/** A peer that missed so many heartbeats is silent. */
const SILENT_BEATS = 2;

/** Answers handshakes that others begin, direct and routed (Net transport format, sections 5.5 and 5.6). */
export class HandshakeResponder {
  readonly #state: MeshState;
  readonly #options: ResponderOptions;
  readonly #perSource: SourceRateLimit;
  readonly #overall: SourceRateLimit;
  /** Node ids that `accept` waits for, with how many wait. */
  readonly #expected = new Map<bigint, number>();
  /** The ephemeral keys of answered first messages: none is answered twice, however long ago it was. */
  readonly #answered = new RecentSet<string>({
    memoryMs: Number.POSITIVE_INFINITY,
    capacity: KNOWN_FIRST_MESSAGES,
  });

  constructor(state: MeshState, options: ResponderOptions) {
    const { handshakesPerSource, handshakesPerSecond } = state.around.tuning;
    this.#state = state;
    this.#options = options;
    this.#perSource = new SourceRateLimit({
      perSecond: handshakesPerSource,
      burst: 2 * handshakesPerSource,
    });
    this.#overall = new SourceRateLimit({
      perSecond: handshakesPerSecond,
      burst: handshakesPerSecond,
      capacity: 1,
    });
  }

  /** Lets `nodeId` begin a direct handshake until the returned function is called. */
  expect(nodeId: bigint): () => void {
    this.#expected.set(nodeId, (this.#expected.get(nodeId) ?? 0) + 1);
    let isExpecting = true;
    return () => {
      const waiting = this.#expected.get(nodeId) ?? 0;
      if (isExpecting && waiting <= 1) {
        this.#expected.delete(nodeId);
      } else if (isExpecting) {
        this.#expected.set(nodeId, waiting - 1);
      }
      isExpecting = false;
    };
  }

  /**
   * A first message in the direct form: tried for every node that is waited for, that was at this
   * address, or that fell silent, since it may have started again elsewhere.
   */
  direct(message: Uint8Array, from: string): void {
    const { peers } = this.#state;
    const candidates = new Set<bigint>([...this.#expected.keys()].slice(0, MAX_CANDIDATES));
    const present = peers.at(from);
    if (present !== undefined) {
      candidates.add(present.nodeId);
    }
    if ((candidates.size === 0 && peers.size === 0) || !this.#admits(from)) {
      this.#state.drop();
      return;
    }
    this.#addSilent(candidates);
    let tries = 0;
    for (const nodeId of candidates) {
      // Each try costs a key agreement, so that each counts.
      if (tries > 0 && !this.#overall.admit(ALL_SOURCES, this.#state.now)) {
        this.#state.counters.rateLimited += 1;
        break;
      }
      tries += 1;
      if (this.#answer(nodeId, message, from, { form: "direct", relayed: false })) {
        return;
      }
    }
    this.#state.drop();
  }

  /**
   * A first message in the routed form.
   *
   * @param relayed whether another node passed it on
   */
  routed(source: number, message: Uint8Array, from: string, relayed: boolean): void {
    if (!(this.#admits(from) && this.#answer(source, message, from, { form: "routed", relayed }))) {
      this.#state.drop();
    }
  }

  /** Peers of 0.19.0 only: others begin by the routed form, which names its sender. */
  #addSilent(candidates: Set<bigint>): void {
    const { peers, now, around } = this.#state;
    const silent = now - SILENT_BEATS * around.tuning.heartbeatIntervalMs;
    for (const { nodeId, session, heardAt } of peers.values()) {
      if (candidates.size >= MAX_CANDIDATES) {
        return;
      }
      if (!session.strict && heardAt < silent) {
        candidates.add(nodeId);
      }
    }
  }

  #admits(from: string): boolean {
    const { now, counters } = this.#state;
    if (this.#perSource.admit(from, now) && this.#overall.admit(ALL_SOURCES, now)) {
      return true;
    }
    counters.rateLimited += 1;
    return false;
  }

  /** @param who the node id, or its low 32 bits when the message itself says the rest */
  #answer(
    who: bigint | number,
    message: Uint8Array,
    from: string,
    how: { readonly form: "direct" | "routed"; readonly relayed: boolean },
  ): boolean {
    const { around, nodeId: own } = this.#state;
    const firstMessage = Buffer.from(message.subarray(0, EPHEMERAL_BYTES)).toString("latin1");
    if (this.#answered.has(firstMessage)) {
      return false;
    }
    const answer = respond({
      prologue: meshPrologue(BigInt(who), own),
      keyPair: around.keyPair,
      psk: around.psk,
      message1: message,
      offer: this.#options.offer(),
      requireStrict: around.tuning.requireStrict,
      routed: how.form === "routed",
      randomBytes: around.randomBytes,
      ephemeralKey: around.ephemeralKey,
    });
    if (answer === undefined) {
      return false;
    }
    const nodeId = typeof who === "bigint" ? who : answer.initiatorNodeId;
    if (nodeId === undefined || low32(nodeId) !== low32(BigInt(who)) || nodeId === own) {
      return false;
    }
    const { initiatorEphemeral } = answer.keys;
    const judged = this.#judge(nodeId, initiatorEphemeral, how.relayed ? undefined : from);
    if (judged !== "accept" && judged !== "provisional") {
      this.#state.counters.handshakesRefused += 1;
      return true;
    }
    this.#answered.add(firstMessage, this.#state.now);
    const packet = handshakePacket(answer.message2);
    this.#state.transmit(
      how.form === "direct"
        ? packet
        : encodeRouted(
            {
              ttl: ROUTED_HANDSHAKE_TTL,
              hopCount: 0,
              flags: 0,
              source: low32(own),
              destination: nodeId,
            },
            packet,
          ),
      from,
    );
    this.#options.accepted({
      nodeId,
      keys: answer.keys,
      initiatorEphemeral,
      address: from,
      relayed: how.relayed,
      provisional: judged === "provisional",
    });
    return true;
  }

  /** @param from where it came from, if no relay was between */
  #judge(nodeId: bigint, ephemeral: Uint8Array, from: string | undefined): Displacement {
    const { peers, now, around } = this.#state;
    const present = peers.get(nodeId);
    if (!this.#options.admits(nodeId)) {
      return "refuse";
    }
    if (present === undefined) {
      return peers.size < around.tuning.maxPeers ? "accept" : "refuse";
    }
    const judged = judgeDisplacement(
      present,
      ephemeral,
      now,
      around.tuning.sessionTimeoutMs,
      challengeMs(present),
      !present.isRelayed && present.address === from,
    );
    if (judged === "challenge") {
      present.challengedAt = now;
      this.#options.challenge(present);
    }
    return judged;
  }
}

/** Time enough for the slower half of answers over this session. */
function challengeMs(peer: Peer): number {
  return Math.max(
    LEAST_CHALLENGE_MS,
    CHALLENGE_ROUND_TRIPS * peer.streams.sessionStats().smoothedRtt,
  );
}
