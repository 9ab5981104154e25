import {
  channelHash,
  Identity,
  PermissionToken,
  SCOPE,
  type TokenFields,
} from "@gaiaftcl/net-identity";
import type { Visibility } from "./channel-config.js";
import { ChannelHost, type ChannelHostOptions } from "./channel-host.js";
import { type AckMessage, decodeMembership, encodeMembership } from "./membership-message.js";
import type { PeerView } from "./peer-view.js";
import type { RequestContext } from "./subscribe-decision.js";

/** When the tests take place: Unix milliseconds. */
const WALL_CLOCK = 1_795_213_322_000;
const SECONDS = BigInt(WALL_CLOCK / 1_000);

/** The identity whose seed is one byte, 32 times. */
export function identityOf(byte: number): Identity {
  return Identity.fromSeed(new Uint8Array(32).fill(byte));
}

export const publisher: Identity = identityOf(1);
export const subscriber: Identity = identityOf(2);
export const stranger: Identity = identityOf(3);

/** A token for the channel "gated" that is good for ten minutes, unless it is told otherwise. */
export function tokenOf(
  signer: Identity,
  subject: Identity,
  overrides: Partial<TokenFields> = {},
): PermissionToken {
  return PermissionToken.sign(signer, {
    subject: subject.entityId,
    scope: SCOPE.subscribe,
    channelHash: channelHash("gated"),
    generation: 0,
    notBefore: SECONDS,
    notAfter: SECONDS + 600n,
    delegationDepth: 0,
    nonce: 0n,
    ...overrides,
  });
}

/** A node's knowledge of others, as the test wants it. A filter is the name of a capability. */
export class KnownPeers implements PeerView<string> {
  readonly entities: Map<bigint, Uint8Array> = new Map();
  readonly capabilities: Map<bigint, string> = new Map();
  readonly hidden: Set<bigint> = new Set();
  own = "";

  entityOf(node: bigint): Uint8Array | undefined {
    return this.entities.get(node);
  }

  isVisible(visibility: Visibility, node: bigint): boolean {
    return visibility === "global" || !this.hidden.has(node);
  }

  matches(filter: string, node: bigint): boolean {
    return this.capabilities.get(node) === filter;
  }

  ownMatches(filter: string): boolean {
    return this.own === filter;
  }
}

/** A publisher and what it knows, with its messages in bytes as they come and go. */
export class TestHost {
  readonly peers: KnownPeers = new KnownPeers();
  readonly host: ChannelHost<string>;
  now = 0;
  wallClock: number = WALL_CLOCK;

  constructor(options: Partial<ChannelHostOptions<string>> = {}) {
    this.host = new ChannelHost({
      entityId: publisher.entityId,
      view: this.peers,
      now: 0,
      ...options,
    });
  }

  /** The node announced itself, so its entity is known. */
  meet(...identities: readonly Identity[]): void {
    for (const { nodeId, entityId } of identities) this.peers.entities.set(nodeId, entityId);
  }

  /** What comes back for one event of the membership subprotocol. */
  receive(from: bigint, event: Uint8Array, strict = false): Uint8Array | undefined {
    const message = decodeMembership(event);
    if (message === undefined || message.kind === "ack") return undefined;
    return encodeMembership(this.host.handle(from, message, this.context(strict)));
  }

  /** The reason given for a subscription. */
  subscribe(
    from: bigint,
    channel: string,
    details: { token?: Uint8Array; queueGroup?: string; strict?: boolean } = {},
  ): AckMessage["reason"] {
    const { strict = false, ...rest } = details;
    const ack = this.host.handle(
      from,
      { kind: "subscribe", nonce: 1n, channel, ...rest },
      this.context(strict),
    );
    return ack.reason;
  }

  unsubscribe(from: bigint, channel: string): void {
    this.host.handle(from, { kind: "unsubscribe", nonce: 1n, channel }, this.context(false));
  }

  recipients(channel: string): readonly bigint[] {
    return this.host.plan(channel, this.wallClock).recipients;
  }

  /** Lets time pass on both clocks. */
  pass(milliseconds: number): void {
    this.now += milliseconds;
    this.wallClock += milliseconds;
  }

  context(strict: boolean): RequestContext {
    return { now: this.now, wallClock: this.wallClock, strict };
  }
}
