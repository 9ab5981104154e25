import { type PermissionToken, TOKEN_BYTES } from "@gaiaftcl/net-identity";
import { ensureName } from "./channel-text.js";
import { type AckMessage, encodeMembership, type SubscribeMessage } from "./membership-message.js";
import { NetChannelError } from "./net-channel-error.js";

const TIMEOUT_MS = 5_000;
/** A lost request is sent again: subscribing twice comes to the same as subscribing once. */
const RESEND_AFTER_MS: readonly number[] = [400, 1_200, 2_800];
const MAX_PENDING = 4_096;

/** The bounds of requests under way. */
export interface MembershipRequestsOptions {
  /** `length` random bytes at each call, for the nonces. */
  readonly randomBytes: (length: number) => Uint8Array;
  /** How long to wait for an answer; 5,000 unless given. */
  readonly timeoutMs?: number;
  /** After what times, from the first on, a request is sent again; Net 0.19.0 sends it once. */
  readonly resendAfterMs?: readonly number[];
  /** How many requests may wait at once; 4,096 unless given. */
  readonly maxPending?: number;
}

/** What to ask for. */
export interface SubscribeRequest {
  /** The publisher's node id. */
  readonly publisher: bigint;
  readonly channel: string;
  readonly token?: PermissionToken;
  /** The token's parents, the nearest first. Only a session of our own kind takes them. */
  readonly parents?: readonly PermissionToken[];
  readonly queueGroup?: string;
}

/** A membership message to send to a publisher, as one event of the membership subprotocol. */
export interface OutgoingRequest {
  readonly publisher: bigint;
  readonly nonce: bigint;
  /** The message for a session of our own kind. */
  readonly bytes: Uint8Array;
  /** The message for a session with Net 0.19.0: a token without its parents, which it would refuse. */
  readonly bareBytes: Uint8Array;
}

/** How a request ended; without an error it was accepted. */
export interface RequestOutcome {
  readonly nonce: bigint;
  readonly publisher: bigint;
  readonly channel: string;
  readonly kind: "subscribe" | "unsubscribe";
  readonly error?: NetChannelError;
}

interface Pending extends OutgoingRequest {
  readonly channel: string;
  readonly kind: "subscribe" | "unsubscribe";
  readonly startedAt: number;
  sent: number;
}

/**
 * The subscriber's side of membership (Net identity format, section 5.2): requests that wait for their
 * answers. It sends nothing itself.
 */
export class MembershipRequests {
  readonly #randomBytes: (length: number) => Uint8Array;
  readonly #timeoutMs: number;
  readonly #resendAfterMs: readonly number[];
  readonly #maxPending: number;
  readonly #pending = new Map<bigint, Pending>();

  constructor(options: MembershipRequestsOptions) {
    this.#randomBytes = options.randomBytes;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#resendAfterMs = options.resendAfterMs ?? RESEND_AFTER_MS;
    this.#maxPending = options.maxPending ?? MAX_PENDING;
  }

  /** How many requests wait. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Asks for a subscription. The token's signature is the publisher's to judge.
   *
   * @param now Monotonic milliseconds.
   * @throws NetChannelError `NAME`, `QUEUE_GROUP` or `BUSY`
   */
  subscribe(request: SubscribeRequest, now: number): OutgoingRequest {
    const { publisher, queueGroup, token, parents = [] } = request;
    const channel = ensureName(request.channel);
    const nonce = this.#newNonce();
    const bare: SubscribeMessage = {
      kind: "subscribe",
      nonce,
      channel,
      ...(token === undefined ? {} : { token: token.bytes }),
      ...(queueGroup === undefined ? {} : { queueGroup }),
    };
    const bareBytes = encodeMembership(bare);
    const bytes =
      token === undefined || parents.length === 0
        ? bareBytes
        : encodeMembership({ ...bare, token: joinTokens([token, ...parents]) });
    return this.#start({ publisher, nonce, bytes, bareBytes, channel, kind: "subscribe" }, now);
  }

  /** Asks for the end of a subscription. @throws NetChannelError `NAME` or `BUSY` */
  unsubscribe(publisher: bigint, name: string, now: number): OutgoingRequest {
    const channel = ensureName(name);
    const nonce = this.#newNonce();
    const bytes = encodeMembership({ kind: "unsubscribe", nonce, channel });
    const request = { publisher, nonce, bytes, bareBytes: bytes, channel };
    return this.#start({ ...request, kind: "unsubscribe" }, now);
  }

  /**
   * An answer came from `from`, the node id of the session. One that nobody there was asked for is
   * ignored.
   */
  acknowledge(from: bigint, ack: AckMessage): RequestOutcome | undefined {
    const pending = this.#pending.get(ack.nonce);
    if (pending?.publisher !== from) return undefined;
    return this.#end(pending, ack.accepted ? undefined : refusal(ack));
  }

  /** Forgets a request nobody waits for any more: it is not sent again, and its answer is ignored. */
  cancel(nonce: bigint): void {
    this.#pending.delete(nonce);
  }

  /** Ends the requests to a publisher whose session is gone. */
  abandon(publisher: bigint): readonly RequestOutcome[] {
    return [...this.#pending.values()]
      .filter((pending) => pending.publisher === publisher)
      .map((pending) => this.#end(pending, noSession(publisher)));
  }

  /** When `tick` has something to do next; infinity when nothing waits. */
  deadline(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const pending of this.#pending.values()) {
      earliest = Math.min(earliest, this.#dueAt(pending));
    }
    return earliest;
  }

  /** What to send again now, and what has waited in vain. @param now Monotonic milliseconds. */
  tick(now: number): {
    readonly resend: readonly OutgoingRequest[];
    readonly expired: readonly RequestOutcome[];
  } {
    const resend: OutgoingRequest[] = [];
    const expired: RequestOutcome[] = [];
    for (const pending of [...this.#pending.values()]) {
      if (now >= pending.startedAt + this.#timeoutMs) {
        expired.push(this.#end(pending, this.#timedOut(pending.channel)));
      } else if (now >= this.#dueAt(pending)) {
        // A late tick sends once, however many times it has missed.
        while (this.#dueAt(pending) <= now) pending.sent++;
        resend.push(pending);
      }
    }
    return { resend, expired };
  }

  #start(request: Omit<Pending, "startedAt" | "sent">, now: number): OutgoingRequest {
    if (this.#pending.size >= this.#maxPending) {
      throw new NetChannelError(
        "BUSY",
        `expected at most ${this.#maxPending} requests to wait for an answer; wait for one of them`,
      );
    }
    const pending = { ...request, startedAt: now, sent: 0 };
    this.#pending.set(request.nonce, pending);
    return pending;
  }

  #end(pending: Pending, error: NetChannelError | undefined): RequestOutcome {
    const { nonce, publisher, channel, kind } = pending;
    this.#pending.delete(nonce);
    return { nonce, publisher, channel, kind, ...(error === undefined ? {} : { error }) };
  }

  #dueAt({ startedAt, sent }: Pending): number {
    const again = this.#resendAfterMs[sent] ?? this.#timeoutMs;
    return startedAt + Math.min(again, this.#timeoutMs);
  }

  #newNonce(): bigint {
    const bytes = this.#randomBytes(8);
    let nonce = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
    while (this.#pending.has(nonce)) nonce = BigInt.asUintN(64, nonce + 1n);
    return nonce;
  }

  #timedOut(channel: string): NetChannelError {
    return new NetChannelError(
      "ACK_TIMEOUT",
      `channel: connection error: membership ack timeout (${this.#timeoutMs / 1_000}s) for channel ${channel}`,
    );
  }
}

/** The error of a request to a node that there is no session with. */
export function noSession(publisher: bigint): NetChannelError {
  return new NetChannelError(
    "NO_SESSION",
    `channel: connection error: no session to publisher 0x${publisher.toString(16)}`,
  );
}

function refusal({ reason }: AckMessage): NetChannelError {
  switch (reason) {
    case "unauthorized":
      return new NetChannelError("UNAUTHORIZED", "channel: unauthorized");
    case "unknown_channel":
      return new NetChannelError("UNKNOWN_CHANNEL", "channel: unknown channel");
    case "rate_limited":
      return new NetChannelError("RATE_LIMITED", "channel: rate limited");
    case "too_many_channels":
      return new NetChannelError("TOO_MANY_CHANNELS", "channel: too many channels");
    case "ok":
      return new NetChannelError("REJECTED", "channel: rejected (None)");
  }
}

function joinTokens(tokens: readonly PermissionToken[]): Uint8Array {
  const bytes = new Uint8Array(tokens.length * TOKEN_BYTES);
  for (const [link, token] of tokens.entries()) bytes.set(token.bytes, link * TOKEN_BYTES);
  return bytes;
}
