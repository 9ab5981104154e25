import { type Identity, nodeIdOf, verifySignature } from "@gaiaftcl/net-identity";
import type { CapabilitySet } from "./capability-set.js";
import { encodeHex } from "./hex.js";
import { NetCapabilityError } from "./net-capability-error.js";
import { canonicalSocketAddress } from "./socket-address.js";

/** The subprotocol of announcements in the packet header. */
export const ANNOUNCEMENT_SUBPROTOCOL = 0x0c00;

/** How long the reference's announcements live, in seconds. */
export const ANNOUNCEMENT_TTL_SECONDS = 300;

/** An announcement that has come this far or farther is not forwarded. */
export const LAST_FORWARDED_HOP_COUNT = 15;

/**
 * What the tags and metadata of a node may take, as JSON: with everything else an announcement holds at
 * most, it still fits into one packet after its last hop. A longer one would be lost on the way without
 * a word.
 */
export const MAX_CAPABILITY_BYTES = 7500;

const SIGNATURE_BYTES = 64;
const text = new TextEncoder();

/** What a node says of itself, as it travels (Net identity format, section 9.1). */
export interface Announcement {
  readonly nodeId: bigint;
  /** 32 bytes. */
  readonly entityId: Uint8Array;
  /** Of two announcements of one node the one with the higher version holds. */
  readonly version: bigint;
  /** Unix time in nanoseconds. */
  readonly timestampNs: bigint;
  readonly ttlSeconds: number;
  readonly capabilities: CapabilitySet;
  /** 64 bytes; absent when it is not signed. */
  readonly signature?: Uint8Array;
  /** How often it has been forwarded, 0 to 255; not signed. */
  readonly hopCount: number;
  /** Where the node is reached from outside, in canonical form. */
  readonly reflexAddress?: string;
}

/** Whoever signs for a node: an `Identity`, or what keeps its key elsewhere. */
export type AnnouncementSigner = Pick<Identity, "entityId" | "nodeId" | "sign">;

/** What `signAnnouncement` needs besides the key. */
export interface AnnouncementContent {
  readonly version: bigint;
  readonly timestampNs: bigint;
  /** 300 when left out. */
  readonly ttlSeconds?: number;
  readonly capabilities: CapabilitySet;
  /** `1.2.3.4:5678` or `[2001:db8::1]:5678`. */
  readonly reflexAddress?: string;
}

/**
 * Makes and signs an announcement of the signer's own node (sections 9.1 and 9.2).
 *
 * @throws NetCapabilityError `RANGE` for numbers beyond their width, `ANNOUNCEMENT` for an address
 *   that is none
 */
export function signAnnouncement(
  signer: AnnouncementSigner,
  content: AnnouncementContent,
): Announcement {
  const { version, timestampNs, ttlSeconds = ANNOUNCEMENT_TTL_SECONDS, capabilities } = content;
  ensureUnsigned("version", version, 64);
  ensureUnsigned("timestampNs", timestampNs, 64);
  ensureUnsigned("ttlSeconds", ttlSeconds, 32);
  const reflexAddress =
    content.reflexAddress === undefined
      ? {}
      : { reflexAddress: ensureAddress(content.reflexAddress) };
  const unsigned: Announcement = {
    nodeId: signer.nodeId,
    entityId: signer.entityId,
    version,
    timestampNs,
    ttlSeconds,
    capabilities,
    hopCount: 0,
    ...reflexAddress,
  };
  return { ...unsigned, signature: signer.sign(announcementSignedBytes(unsigned)) };
}

/**
 * Returns a set that can be announced. @throws NetCapabilityError `ANNOUNCEMENT` for one that is too
 * large
 */
export function ensureAnnounceable(capabilities: CapabilitySet): CapabilitySet {
  const { length } = text.encode(capabilities.json);
  if (length <= MAX_CAPABILITY_BYTES) return capabilities;
  throw new NetCapabilityError(
    "ANNOUNCEMENT",
    `expected capabilities of at most ${MAX_CAPABILITY_BYTES} bytes as JSON, found ${length}: no packet takes the announcement to every node`,
  );
}

/** What the signature says: `unsigned` is neither good nor bad. */
export type SignatureVerdict = "good" | "bad" | "unsigned";

/** Checks the signature over the bytes rebuilt from the values (section 9.2). */
export function checkAnnouncementSignature(announcement: Announcement): SignatureVerdict {
  const { entityId, signature } = announcement;
  if (signature === undefined) return "unsigned";
  return verifySignature(entityId, announcementSignedBytes(announcement), signature)
    ? "good"
    : "bad";
}

/** Whether the node id is the one derived from the key. */
export function isNodeIdOfEntity(announcement: Announcement): boolean {
  return nodeIdOf(announcement.entityId) === announcement.nodeId;
}

/** The bytes on the wire: compact JSON with its keys in the order of section 9.1. */
export function encodeAnnouncement(announcement: Announcement): Uint8Array {
  const { signature, hopCount } = announcement;
  if (signature !== undefined && signature.length !== SIGNATURE_BYTES) {
    throw new NetCapabilityError(
      "ANNOUNCEMENT",
      `expected a signature of ${SIGNATURE_BYTES} bytes, found ${signature.length}`,
    );
  }
  ensureUnsigned("hopCount", hopCount, 8);
  return text.encode(
    announcementText(
      announcement,
      (signature === undefined ? "" : `,"signature":"${encodeHex(signature)}"`) +
        (hopCount === 0 ? "" : `,"hop_count":${hopCount}`),
    ),
  );
}

/** The signed bytes: the same without signature and hop count (section 9.2). */
export function announcementSignedBytes(announcement: Announcement): Uint8Array {
  return text.encode(announcementText(announcement, ""));
}

function announcementText(announcement: Announcement, unsignedMembers: string): string {
  const { nodeId, entityId, version, timestampNs, ttlSeconds, capabilities, reflexAddress } =
    announcement;
  return (
    `{"node_id":${nodeId},"entity_id":"${encodeHex(entityId)}","version":${version},` +
    `"timestamp_ns":${timestampNs},"ttl_secs":${ttlSeconds},"capabilities":${capabilities.json}` +
    unsignedMembers +
    (reflexAddress === undefined ? "" : `,"reflex_addr":${JSON.stringify(reflexAddress)}`) +
    "}"
  );
}

function ensureAddress(address: string): string {
  const canonical = canonicalSocketAddress(address);
  if (canonical !== undefined) return canonical;
  throw new NetCapabilityError(
    "ANNOUNCEMENT",
    `expected a socket address like 1.2.3.4:5678 or [2001:db8::1]:5678, found ${JSON.stringify(address)}`,
  );
}

function ensureUnsigned(name: string, value: bigint | number, bits: number): void {
  const integer = typeof value === "bigint" || Number.isInteger(value);
  if (integer && value >= 0 && value < 2n ** BigInt(bits)) return;
  throw new NetCapabilityError(
    "RANGE",
    `${name} must be an unsigned integer of ${bits} bits, found ${value}`,
  );
}
