export type { ChannelConfig, ChannelOptions, Visibility } from "./channel-config.js";
export {
  type ChannelAddress,
  ChannelHost,
  type ChannelHostOptions,
  type PublishPlan,
} from "./channel-host.js";
export { ChannelRegistry } from "./channel-registry.js";
export { ensureName as ensureChannelName } from "./channel-text.js";
export {
  type AckMessage,
  decodeMembership,
  encodeMembership,
  MEMBERSHIP_SUBPROTOCOL,
  type MembershipMessage,
  type MembershipReason,
  type SubscribeMessage,
  type UnsubscribeMessage,
} from "./membership-message.js";
export {
  MembershipRequests,
  type MembershipRequestsOptions,
  noSession,
  type OutgoingRequest,
  type RequestOutcome,
  type SubscribeRequest,
} from "./membership-requests.js";
export { NetChannelError, type NetChannelErrorCode } from "./net-channel-error.js";
export type { PeerView } from "./peer-view.js";
export {
  type FailurePolicy,
  type PublishOptions,
  type PublishReliability,
  type PublishReport,
  type PublishSettings,
  PublishTally,
  publishFailure,
  publishSettings,
} from "./publish-report.js";
export type { Membership } from "./roster.js";
export type { RequestContext } from "./subscribe-decision.js";
export { THROTTLE_LIMITS, type ThrottleLimits } from "./subscribe-throttle.js";
