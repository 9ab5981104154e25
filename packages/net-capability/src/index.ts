export {
  ANNOUNCEMENT_SUBPROTOCOL,
  ANNOUNCEMENT_TTL_SECONDS,
  type Announcement,
  type AnnouncementContent,
  type AnnouncementSigner,
  announcementSignedBytes,
  checkAnnouncementSignature,
  encodeAnnouncement,
  ensureAnnounceable,
  isNodeIdOfEntity,
  MAX_CAPABILITY_BYTES,
  type SignatureVerdict,
  signAnnouncement,
} from "./announcement.js";
export {
  type AnnouncementReaderOptions,
  decodeAnnouncement,
  MAX_ANNOUNCEMENT_BYTES,
} from "./announcement-reader.js";
export {
  Announcer,
  type AnnouncerOptions,
  type NatTag,
  type OwnAnnouncement,
  type OwnCapabilities,
} from "./announcer.js";
export { readCapabilities } from "./capability-dictionary.js";
export {
  type CapabilityFilter,
  ensureFilter,
  type FilterUse,
  matchesFilter,
  readFilter,
} from "./capability-filter.js";
export {
  CapabilityIndex,
  type CapabilityIndexOptions,
  type DropReason,
  type ReceiveResult,
} from "./capability-index.js";
export { CapabilitySet } from "./capability-set.js";
export type { IndexEntry, IndexVerdict } from "./capability-table.js";
export { type GpuVendor, normalizeGpuVendor } from "./gpu-vendor.js";
export { type Modality, normalizeModality } from "./modality.js";
export { NetCapabilityError, type NetCapabilityErrorCode } from "./net-capability-error.js";
export {
  type PlacementCandidate,
  type PlacementFilter,
  PlacementFilters,
} from "./placement-filters.js";
export {
  type AxisKey,
  decodePredicate,
  encodePredicate,
  MAX_PREDICATE_BYTES,
  type Predicate,
  type PredicateLeaf,
  type PredicateNode,
} from "./predicate.js";
export { matchesPredicate } from "./predicate-match.js";
export type { CapabilityValues, GpuValues, ModelValues, ToolValues } from "./projection.js";
export { type NodeScope, readScopeQuery, type ScopeQuery, scopeAdmits } from "./scope.js";
export {
  GLOBAL_SUBNET,
  isVisible,
  type SubnetId,
  subnetDepth,
  subnetLevels,
  subnetOfLevels,
  type Visibility,
} from "./subnet.js";
export {
  assignSubnet,
  readSubnetPolicy,
  type SubnetPolicy,
  type SubnetRule,
} from "./subnet-policy.js";
export { AXES, type Axis, parseTag, type Tag } from "./tag.js";
