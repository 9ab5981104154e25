import { channelHash, type PermissionToken, SCOPE } from "@gaiaftcl/net-identity";
import { type ChannelConfig, isGated } from "./channel-config.js";
import type { MembershipReason, SubscribeMessage } from "./membership-message.js";
import type { PeerView } from "./peer-view.js";
import type { Roster } from "./roster.js";
import type { SubscribeThrottle } from "./subscribe-throttle.js";
import { readPresented, type TokenGate } from "./token-gate.js";

/** What a decision looks at besides the request. */
export interface SubscribeState<Filter> {
  readonly config: (channel: string) => ChannelConfig<Filter> | undefined;
  readonly roster: Roster;
  readonly throttle: SubscribeThrottle;
  readonly gate: TokenGate;
  readonly view: PeerView<Filter>;
  readonly channelsPerPeer: number;
}

/** When and over what a request came. */
export interface RequestContext {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Unix milliseconds. */
  readonly wallClock: number;
  /** Whether it came over a session of our own kind, where a token may bring its parents. */
  readonly strict: boolean;
}

/** The answer to a request, and the tokens that prove the right to it, if any do. */
export interface SubscribeDecision {
  readonly reason: MembershipReason;
  readonly tokens: readonly PermissionToken[];
}

const refused = (reason: MembershipReason): SubscribeDecision => ({ reason, tokens: [] });
const ACCEPTED: SubscribeDecision = { reason: "ok", tokens: [] };

/**
 * Whether `from` may subscribe: the steps of the Net identity format, section 7.2, in their order. It
 * changes nothing but the token cache, which takes a token that was accepted.
 */
export function decideSubscribe<Filter>(
  state: SubscribeState<Filter>,
  from: bigint,
  message: SubscribeMessage,
  context: RequestContext,
): SubscribeDecision {
  const { roster, view, gate } = state;
  const { channel } = message;
  if (state.throttle.isThrottled(from, context.now)) return refused("rate_limited");
  const isFull = roster.channelCount(from) >= state.channelsPerPeer;
  if (isFull && roster.get(from, channel) === undefined) return refused("too_many_channels");
  const config = state.config(channel);
  if (config === undefined) return refused("unknown_channel");
  if (!view.isVisible(config.visibility, from)) return refused("unauthorized");
  if (!isGated(config)) return ACCEPTED;
  const { subscribeCaps } = config;
  const isAble = subscribeCaps === undefined || view.matches(subscribeCaps, from);
  const entity = view.entityOf(from);
  if (entity === undefined) {
    return isAble && !config.requireToken ? ACCEPTED : refused("unauthorized");
  }
  if (!isAble) return refused("unauthorized");
  const presented = readPresented(message.token, context.strict);
  const question = {
    subject: entity,
    action: SCOPE.subscribe,
    channelHash: channelHash(channel),
    wallClock: context.wallClock,
  };
  const tokens = gate.proof(config, question, presented);
  // The entity of a 0.19.0 peer is only what an announcement says, which anybody can repeat. Where
  // issuers are named it has to bring its token, which others do not have.
  const mayBeHeld = config.issuers === undefined || context.strict;
  if (config.requireToken && tokens.length === 0) {
    if (!(mayBeHeld && gate.admits(config, question))) return refused("unauthorized");
  }
  gate.keep(presented, question);
  return { reason: "ok", tokens };
}
