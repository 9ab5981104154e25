import {
  channelHash,
  channelHint,
  type PermissionToken,
  publishStreamId,
  SCOPE,
  type TokenCache,
} from "@gaiaftcl/net-identity";
import type { ChannelConfig } from "./channel-config.js";
import { ChannelRegistry } from "./channel-registry.js";
import { ensureName } from "./channel-text.js";
import type { AckMessage, SubscribeMessage, UnsubscribeMessage } from "./membership-message.js";
import { NetChannelError } from "./net-channel-error.js";
import type { PeerView } from "./peer-view.js";
import { type Membership, Roster } from "./roster.js";
import { decideSubscribe, type RequestContext } from "./subscribe-decision.js";
import { SubscribeThrottle, type ThrottleLimits } from "./subscribe-throttle.js";
import { TokenGate } from "./token-gate.js";

const CHANNELS_PER_PEER = 1_024;
const SWEEP_INTERVAL_MS = 30_000;
/** How many channels' addresses are kept, so that publishing hashes no name twice. */
const KEPT_ADDRESSES = 4_096;
/** How many delegated tokens of its own a node keeps with their parents. */
const OWN_CHAINS = 256;

/** What a host is made of; what is left out is as in Net 0.19.0. */
export interface ChannelHostOptions<Filter> {
  /** This node's entity id, 32 bytes. */
  readonly entityId: Uint8Array;
  readonly view: PeerView<Filter>;
  /** Monotonic milliseconds: the first sweep comes an interval later. */
  readonly now: number;
  readonly tokens?: TokenCache;
  readonly throttle?: ThrottleLimits;
  /** 1,024 unless given. */
  readonly channelsPerPeer?: number;
  /** 30,000 unless given. */
  readonly sweepIntervalMs?: number;
}

/** What stands for a channel on the packets of a publish (Net identity format, section 3.2). */
export interface ChannelAddress {
  readonly channel: string;
  readonly channelHash: bigint;
  /** The 16 bits of the packet header. */
  readonly hint: number;
  readonly streamId: bigint;
}

/** Where a publish goes. */
export interface PublishPlan extends ChannelAddress {
  /** The node ids to send to, one packet each. */
  readonly recipients: readonly bigint[];
}

/**
 * The publisher's side of channels (Net identity format, sections 4 to 7): which there are, who is on
 * them, who may come, and who gets the next event. It keeps no clock and sends nothing: messages and
 * times come in, answers and recipients go out.
 */
export class ChannelHost<Filter> {
  readonly registry: ChannelRegistry<Filter> = new ChannelRegistry();
  readonly #roster: Roster = new Roster();
  readonly #gate: TokenGate;
  readonly #throttle: SubscribeThrottle;
  readonly #view: PeerView<Filter>;
  readonly #entityId: Uint8Array;
  readonly #channelsPerPeer: number;
  readonly #sweepIntervalMs: number;
  readonly #addresses = new Map<string, ChannelAddress>();
  readonly #ownChains: (readonly PermissionToken[])[] = [];
  readonly #suspended = new Map<bigint, readonly Membership[]>();
  #sweepAt: number;

  constructor(options: ChannelHostOptions<Filter>) {
    this.#entityId = Uint8Array.from(options.entityId);
    this.#view = options.view;
    this.#gate = new TokenGate(options.tokens);
    this.#throttle = new SubscribeThrottle(options.throttle);
    this.#channelsPerPeer = options.channelsPerPeer ?? CHANNELS_PER_PEER;
    this.#sweepIntervalMs = options.sweepIntervalMs ?? SWEEP_INTERVAL_MS;
    this.#sweepAt = options.now + this.#sweepIntervalMs;
  }

  /** The tokens this node holds: those installed here and those subscribers presented. */
  get tokens(): TokenCache {
    return this.#gate.cache;
  }

  /** How many memberships there are, and how many nodes have failed to subscribe lately. */
  get stats(): { readonly memberships: number; readonly failing: number } {
    return { memberships: this.#roster.size, failing: this.#throttle.size };
  }

  /** Who is on a channel. */
  members(channel: string): readonly Readonly<Membership>[] {
    return this.#roster.members(channel);
  }

  /**
   * Installs a token for this node to publish with, which Net 0.19.0 has no way to do. On a channel that
   * names issuers a delegated token needs its parents, the nearest first. Returns whether the token
   * cache had room for it.
   *
   * @throws NetIdentityError `INVALID_SIGNATURE`
   */
  installToken(token: PermissionToken, parents: readonly PermissionToken[] = []): boolean {
    const isKept = this.#gate.cache.insert(token);
    if (parents.length === 0) return isKept;
    this.#ownChains.unshift([token, ...parents]);
    this.#ownChains.splice(OWN_CHAINS);
    return true;
  }

  /**
   * Answers a request of `from`, the node id of the session it came over. Every request that could be
   * read gets an answer; leaving a channel always succeeds.
   */
  handle(
    from: bigint,
    message: SubscribeMessage | UnsubscribeMessage,
    context: RequestContext,
  ): AckMessage {
    const { nonce, channel } = message;
    if (message.kind === "unsubscribe") {
      this.#roster.leave(from, channel);
      this.#leaveSuspended(from, channel);
      return { kind: "ack", nonce, accepted: true, reason: "ok" };
    }
    const { reason, tokens } = decideSubscribe(
      {
        config: (name) => this.registry.get(name),
        roster: this.#roster,
        throttle: this.#throttle,
        gate: this.#gate,
        view: this.#view,
        channelsPerPeer: this.#channelsPerPeer,
      },
      from,
      message,
      context,
    );
    if (reason === "ok") {
      const { queueGroup } = message;
      this.#roster.join({ node: from, channel, queueGroup, tokens, admitted: true });
      this.#throttle.succeed(from);
    } else if (reason === "unauthorized" || reason === "unknown_channel") {
      this.#throttle.fail(from, context.now);
    }
    return { kind: "ack", nonce, accepted: reason === "ok", reason };
  }

  /** A node is gone for good: it leaves every channel. Returns how many. */
  forget(node: bigint): number {
    this.#suspended.delete(node);
    return this.#roster.forget(node);
  }

  /** A node fell silent: it leaves every channel, and comes back to them by `resume`. */
  suspend(node: bigint): void {
    const memberships = this.#roster.membershipsOf(node);
    this.forget(node);
    if (memberships.length > 0) this.#suspended.set(node, memberships);
  }

  /** A node that was suspended began anew, and subscribes anew where it wants to be. */
  dropSuspended(node: bigint): void {
    this.#suspended.delete(node);
  }

  /**
   * A node that was suspended speaks again in the same session: it is on its channels again, but for
   * those it has asked for anew. Its tokens count as long as they hold, as on every publish. Returns
   * how many channels these are.
   */
  resume(node: bigint): number {
    const memberships = this.#suspended.get(node) ?? [];
    this.#suspended.delete(node);
    const missing = memberships.filter(
      ({ channel }) => this.#roster.get(node, channel) === undefined,
    );
    for (const membership of missing) this.#roster.join(membership);
    return missing.length;
  }

  /**
   * Whom to send an event published on a channel, now (Net identity format, section 6.2, steps 1 to 5).
   *
   * @param wallClock Unix milliseconds.
   * @throws NetChannelError `NAME`, or `PUBLISH_DENIED` when the channel's rules keep this node out.
   */
  plan(channel: string, wallClock: number): PublishPlan {
    const address = this.#addressOf(channel);
    const config = this.registry.get(channel);
    if (config !== undefined && !this.#mayPublish(config, address, wallClock)) {
      throw new NetChannelError(
        "PUBLISH_DENIED",
        "channel: connection error: channel: publish denied by channel ACL",
      );
    }
    const recipients = this.#roster.recipients(channel, (membership) =>
      this.#isEligible(membership, config, address, wallClock),
    );
    return { ...address, recipients };
  }

  /** When `tick` has something to do next. Monotonic milliseconds. */
  deadline(): number {
    return this.#sweepAt;
  }

  /**
   * Every sweep interval, takes those off the channels that require a token whose token has lapsed (Net
   * identity format, section 7.4), and lets go of what is out of date. Returns who was taken off.
   */
  tick(now: number, wallClock: number): readonly { node: bigint; channel: string }[] {
    if (now < this.#sweepAt) return [];
    this.#sweepAt = now + this.#sweepIntervalMs;
    this.#throttle.sweep(now);
    this.#gate.cache.dropExpired(wallClock);
    const lapsed: { node: bigint; channel: string }[] = [];
    for (const channel of this.#roster.channels()) {
      const config = this.registry.get(channel);
      if (config?.requireToken !== true) continue;
      const address = this.#addressOf(channel);
      for (const membership of this.#roster.members(channel)) {
        if (this.#holdsToken(membership, config, address, wallClock)) continue;
        this.#roster.leave(membership.node, channel);
        lapsed.push({ node: membership.node, channel });
      }
    }
    return lapsed;
  }

  #leaveSuspended(node: bigint, channel: string): void {
    const memberships = this.#suspended.get(node);
    if (memberships === undefined) return;
    this.#suspended.set(
      node,
      memberships.filter((membership) => membership.channel !== channel),
    );
  }

  #isEligible(
    membership: Membership,
    config: ChannelConfig<Filter> | undefined,
    address: ChannelAddress,
    wallClock: number,
  ): boolean {
    if (config === undefined) return membership.admitted;
    const { visibility } = config;
    if (visibility !== "global" && !this.#view.isVisible(visibility, membership.node)) return false;
    if (!membership.admitted || !config.requireToken) return membership.admitted;
    membership.admitted = this.#holdsToken(membership, config, address, wallClock);
    return membership.admitted;
  }

  #holdsToken(
    membership: Membership,
    config: ChannelConfig<Filter>,
    { channelHash: hash }: ChannelAddress,
    wallClock: number,
  ): boolean {
    const entity = this.#view.entityOf(membership.node);
    const { tokens } = membership;
    if (entity === undefined) return false;
    const action = SCOPE.subscribe;
    const question = { subject: entity, action, channelHash: hash, wallClock };
    return (
      this.#gate.proof(config, question, tokens).length > 0 || this.#gate.admits(config, question)
    );
  }

  /** The Net identity format, section 7.3. */
  #mayPublish(
    config: ChannelConfig<Filter>,
    { channelHash: hash }: ChannelAddress,
    wallClock: number,
  ): boolean {
    const { publishCaps } = config;
    if (publishCaps !== undefined && !this.#view.ownMatches(publishCaps)) return false;
    if (!config.requireToken) return true;
    const question = {
      subject: this.#entityId,
      action: SCOPE.publish,
      channelHash: hash,
      wallClock,
    };
    if (this.#gate.admits(config, question)) return true;
    return this.#ownChains.some((chain) => this.#gate.proof(config, question, chain).length > 0);
  }

  #addressOf(channel: string): ChannelAddress {
    const known = this.#addresses.get(channel);
    if (known !== undefined) return known;
    const hash = channelHash(ensureName(channel));
    const address: ChannelAddress = {
      channel,
      channelHash: hash,
      hint: channelHint(hash),
      streamId: publishStreamId(hash),
    };
    if (this.#addresses.size >= KEPT_ADDRESSES) this.#addresses.clear();
    this.#addresses.set(channel, address);
    return address;
  }
}
