import { Identity } from "@gaiaftcl/net-identity";
import {
  type Announcement,
  type AnnouncementContent,
  type AnnouncementSigner,
  encodeAnnouncement,
  signAnnouncement,
} from "./announcement.js";
import {
  CapabilityIndex,
  type CapabilityIndexOptions,
  type ReceiveResult,
} from "./capability-index.js";
import { CapabilitySet } from "./capability-set.js";

/** Unix milliseconds at which every test of the index begins. */
export const WALL_CLOCK = 1_800_000_000_000;

/** The same identity for the same number, at each run. */
export function identityOf(number: number): Identity {
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, number);
  return Identity.fromSeed(seed);
}

/** An announcement made at `WALL_CLOCK`, version 1, unless told otherwise. */
export function announcementOf(
  identity: AnnouncementSigner,
  tags: readonly string[],
  changes: Partial<AnnouncementContent> & { readonly hopCount?: number } = {},
): Announcement {
  const { hopCount = 0, ...content } = changes;
  const capabilities = CapabilitySet.of(tags);
  const timestampNs = BigInt(WALL_CLOCK) * 1_000_000n;
  const signed = signAnnouncement(identity, { version: 1n, timestampNs, capabilities, ...content });
  return { ...signed, hopCount };
}

/** One who signs with a good key under a node id that is not derived from it. */
export function impostor(identity: Identity, nodeId: bigint): AnnouncementSigner {
  return { nodeId, entityId: identity.entityId, sign: (message) => identity.sign(message) };
}

export function wireOf(...content: Parameters<typeof announcementOf>): Uint8Array {
  return encodeAnnouncement(announcementOf(...content));
}

export const OWN_NODE: Identity = identityOf(0xffff_ffff);

export function newIndex(options: Partial<CapabilityIndexOptions> = {}): CapabilityIndex {
  return new CapabilityIndex({ ownNodeId: OWN_NODE.nodeId, ...options }, 0);
}

/** What an announcement from a peer leads to, at the time the tests begin. */
export function receive(
  index: CapabilityIndex,
  announcement: Announcement | Uint8Array,
  from: bigint,
): ReceiveResult {
  const bytes =
    announcement instanceof Uint8Array ? announcement : encodeAnnouncement(announcement);
  return index.receive(bytes, from, 0, WALL_CLOCK);
}
