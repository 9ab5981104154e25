import {
  type EstablishedKeys,
  encodeRouted,
  handshakePacket,
  InitiatorHandshake,
  meshPrologue,
  NetWireError,
  type Offer,
  ROUTED_HANDSHAKE_TTL,
} from "@gaiaftcl/net-wire";
import { SourceRateLimit } from "../limits/source-rate-limit.js";
import { low32 } from "../peers/node-id.js";
import type { MeshState } from "./mesh-state.js";

/** Where first messages go. */
export type AttemptPath =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "relay"; readonly address: string };

export type HandshakeOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string };

export interface AttemptOptions {
  readonly nodeId: bigint;
  readonly publicKey: Uint8Array;
  readonly path: AttemptPath;
  readonly retries: number;
  /**
   * Whether a session there is shall go on if the other node has it too. Without this, the node means
   * to begin a new one, and says so in the old one.
   */
  readonly sparing?: boolean;
  readonly done: (outcome: HandshakeOutcome) => void;
}

interface Sent {
  readonly form: "direct" | "routed";
  readonly handshake: InitiatorHandshake;
}

interface Attempt extends AttemptOptions {
  tries: number;
  /** Of this try, latest last; each began with a key of its own. */
  sent: Sent[];
  /** Index of the one whose answer made the present session. */
  used: number;
  cancels: (() => void)[];
}

/** An answer that verified. */
export interface Answer {
  readonly nodeId: bigint;
  readonly path: AttemptPath;
  readonly keys: EstablishedKeys;
}

/**
 * When first messages of one try leave, in milliseconds. A started 0.19.0 node answers the routed
 * form only, and one that waits in `accept` the direct form only; each ignores the other.
 */
const ROUTED_AT = [0, 500, 1500, 3000];
const DIRECT_AT = [150, 1000, 2500];
const BACK_OFF_MS = 100;
/** Where answers come from that come from no address that was asked. */
const ELSEWHERE = "elsewhere";
const UNSPOKEN_MS = 3000;

/** The handshakes this node began (Net transport format, sections 5.5 and 5.6), sent again until answered. */
export class HandshakeAttempts {
  readonly #state: MeshState;
  readonly #offer: () => Offer;
  readonly #sending: (nodeId: bigint) => void;
  readonly #attempts = new Map<bigint, Attempt>();
  /**
   * Attempts that led to a session with a 0.19.0 node, for a while: that node takes the latest first
   * message that reaches it, and if a later one was under way, its answer is the one that counts.
   */
  readonly #late = new Set<Attempt>();
  /** Answers that are looked into. */
  readonly #answers: SourceRateLimit;
  /** Reports of success that wait for the first word of the peer. */
  readonly #unspoken = new Map<bigint, () => void>();

  /** @param sending called before each first message that is to replace a session */
  constructor(state: MeshState, offer: () => Offer, sending: (nodeId: bigint) => void) {
    const { handshakesPerSecond } = state.around.tuning;
    this.#answers = new SourceRateLimit({
      perSecond: handshakesPerSecond / 2,
      burst: handshakesPerSecond / 2,
    });
    this.#state = state;
    this.#offer = offer;
    this.#sending = sending;
  }

  get size(): number {
    return this.#attempts.size;
  }

  has(nodeId: bigint): boolean {
    return this.#attempts.has(nodeId);
  }

  /** Begins; `done` is called once, unless the returned function cancels before. */
  start(options: AttemptOptions): () => void {
    const former = this.#attempts.get(options.nodeId);
    if (former !== undefined) {
      options.done({
        ok: false,
        reason: `connect_via: handshake already in flight for peer 0x${options.nodeId.toString(16)}`,
      });
      return () => undefined;
    }
    const attempt: Attempt = { ...options, tries: 0, sent: [], used: -1, cancels: [] };
    this.#attempts.set(options.nodeId, attempt);
    this.#state.counters.handshakesStarted += 1;
    this.#try(attempt);
    return () => {
      this.#end(attempt);
    };
  }

  /** A session with `nodeId` exists now, however it came about. */
  settled(nodeId: bigint): void {
    const attempt = this.#attempts.get(nodeId);
    if (attempt !== undefined) {
      this.#end(attempt);
      this.#listenOn(attempt);
      this.#report(attempt);
    }
  }

  /** The peer said something: it has the session too. */
  spoken(nodeId: bigint): void {
    const report = this.#unspoken.get(nodeId);
    if (report !== undefined) {
      this.#unspoken.delete(nodeId);
      report();
    }
  }

  /** Tries `message` as the answer to a routed first message to the node with these low 32 bits. */
  routedAnswer(source: number, message: Uint8Array, from: string): Answer | undefined {
    for (const attempt of this.#open()) {
      if (low32(attempt.nodeId) === source) {
        const answer = this.#finish(attempt, "routed", message, from);
        if (answer !== undefined) {
          return answer;
        }
      }
    }
    return undefined;
  }

  /** Tries `message` as the answer to a direct first message to `from`. */
  directAnswer(from: string, message: Uint8Array): Answer | undefined {
    for (const attempt of this.#open()) {
      if (attempt.path.kind === "address" && attempt.path.address === from) {
        const answer = this.#finish(attempt, "direct", message, from);
        if (answer !== undefined) {
          return answer;
        }
      }
    }
    return undefined;
  }

  /** Whether the pending attempt towards a node with these low 32 bits gives way to one by that node. */
  yieldsTo(source: number): boolean {
    for (const { nodeId } of this.#attempts.values()) {
      if (low32(nodeId) === source) {
        return this.#state.nodeId > nodeId;
      }
    }
    return true;
  }

  /** Tells of success once the other side is known to have the session, or after a while anyway. */
  #report(attempt: Attempt): void {
    const { timers, now, peers } = this.#state;
    const peer = peers.get(attempt.nodeId);
    if (peer?.session.strict !== true || peer.hasSpoken) {
      attempt.done({ ok: true });
      return;
    }
    const report = (): void => {
      cancel();
      attempt.done({ ok: true });
    };
    const cancel = timers.set(now + UNSPOKEN_MS, () => {
      this.#unspoken.delete(attempt.nodeId);
      attempt.done({ ok: true });
    });
    this.#unspoken.get(attempt.nodeId)?.();
    this.#unspoken.set(attempt.nodeId, report);
  }

  #open(): Attempt[] {
    return [...this.#attempts.values(), ...this.#late];
  }

  #listenOn(attempt: Attempt): void {
    const { timers, now, around, peers } = this.#state;
    const isStrict = peers.get(attempt.nodeId)?.session.strict === true;
    if (isStrict || attempt.used < 0 || attempt.used === attempt.sent.length - 1) {
      return;
    }
    this.#late.add(attempt);
    timers.set(now + around.tuning.handshakeTimeoutMs, () => {
      this.#late.delete(attempt);
    });
  }

  #finish(
    attempt: Attempt,
    form: Sent["form"],
    message: Uint8Array,
    from: string,
  ): Answer | undefined {
    const { now, counters } = this.#state;
    // Each try costs a key agreement. Every address that was asked has a limit of its own, which no
    // flood from elsewhere uses up.
    const source = from === attempt.path.address ? from : ELSEWHERE;
    for (let index = attempt.sent.length - 1; index > attempt.used; index -= 1) {
      const sent = attempt.sent[index] as Sent;
      if (sent.form !== form) {
        continue;
      }
      if (!this.#answers.admit(source, now)) {
        counters.rateLimited += 1;
        return undefined;
      }
      const keys = sent.handshake.finish(message);
      if (keys !== undefined) {
        attempt.used = index;
        return { nodeId: attempt.nodeId, path: attempt.path, keys };
      }
    }
    return undefined;
  }

  #try(attempt: Attempt): void {
    const { timers, now, around } = this.#state;
    const { handshakeTimeoutMs } = around.tuning;
    attempt.tries += 1;
    attempt.sent = [];
    const later = (at: number, run: () => void): void => {
      attempt.cancels.push(timers.set(at, run));
    };
    for (const delay of ROUTED_AT.filter((at) => at < handshakeTimeoutMs)) {
      later(now + delay, () => {
        this.#send(attempt, "routed");
      });
    }
    if (attempt.path.kind === "address") {
      for (const delay of DIRECT_AT.filter((at) => at < handshakeTimeoutMs)) {
        later(now + delay, () => {
          this.#send(attempt, "direct");
        });
      }
    }
    later(now + handshakeTimeoutMs, () => {
      this.#expired(attempt);
    });
    timers.tick(now);
  }

  #expired(attempt: Attempt): void {
    if (attempt.tries < attempt.retries) {
      attempt.cancels = [
        this.#state.timers.set(this.#state.now + BACK_OFF_MS * attempt.tries, () => {
          this.#try(attempt);
        }),
      ];
      return;
    }
    this.#end(attempt);
    attempt.done({ ok: false, reason: "handshake timeout" });
  }

  #send(attempt: Attempt, form: Sent["form"]): void {
    const { nodeId } = this.#state;
    if (attempt.sparing !== true) {
      this.#sending(attempt.nodeId);
    }
    const begun = this.#begin(attempt, form);
    if (typeof begun === "string") {
      this.#end(attempt);
      attempt.done({ ok: false, reason: begun });
      return;
    }
    const packet = handshakePacket(begun);
    this.#state.transmit(
      form === "direct"
        ? packet
        : encodeRouted(
            {
              ttl: ROUTED_HANDSHAKE_TTL,
              hopCount: 0,
              flags: 0,
              source: low32(nodeId),
              destination: attempt.nodeId,
            },
            packet,
          ),
      attempt.path.address,
    );
  }

  /** The first message, or why there is none: a key of another length, or one that no secret belongs to. */
  #begin(attempt: Attempt, form: Sent["form"]): Uint8Array | string {
    const { around, nodeId } = this.#state;
    try {
      const handshake = new InitiatorHandshake({
        prologue: meshPrologue(nodeId, attempt.nodeId),
        responderPublicKey: attempt.publicKey,
        psk: around.psk,
        offer: this.#offer(),
        requireStrict: around.tuning.requireStrict,
        ...(form === "routed" ? { routedNodeId: nodeId } : {}),
        randomBytes: around.randomBytes,
        ephemeralKey: around.ephemeralKey,
      });
      const message = handshake.message1();
      attempt.sent.push({ form, handshake });
      return message;
    } catch (error) {
      if (error instanceof NetWireError) {
        return error.message;
      }
      throw error;
    }
  }

  #end(attempt: Attempt): void {
    for (const cancel of attempt.cancels) {
      cancel();
    }
    if (this.#attempts.get(attempt.nodeId) === attempt) {
      this.#attempts.delete(attempt.nodeId);
    }
  }
}
