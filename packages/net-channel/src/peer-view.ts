import type { Visibility } from "./channel-config.js";

/**
 * What a node knows of its peers and of itself, as far as channels ask. The pinned entities, subnets
 * and announced capabilities behind it belong to whoever keeps the announcements.
 */
export interface PeerView<Filter> {
  /** The entity pinned to a node by its own signed announcement, 32 bytes. */
  entityOf(node: bigint): Uint8Array | undefined;
  /** Whether a channel of this visibility is for the node, by the subnet it is in now. */
  isVisible(visibility: Visibility, node: bigint): boolean;
  /** Whether what the node announced, or the empty set, meets a condition. */
  matches(filter: Filter, node: bigint): boolean;
  /** Whether what this node announced, or the empty set, meets a condition. */
  ownMatches(filter: Filter): boolean;
}
