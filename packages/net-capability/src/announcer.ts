import {
  ANNOUNCEMENT_TTL_SECONDS,
  type Announcement,
  type AnnouncementSigner,
  encodeAnnouncement,
  signAnnouncement,
} from "./announcement.js";
import { CapabilitySet } from "./capability-set.js";

const BROADCAST_FLOOR_MS = 10_000;
const DEFAULT_REFRESH_MS = 120_000;
const NAT_PREFIX = "nat:";
const SERVICE_PREFIX = "nrpc:";

/** How a node is reached, as it announces it. */
export type NatTag = "open" | "cone" | "symmetric" | "unknown";

/** What a node says of itself: what a person set, and what the node adds (section 8.2). */
export interface OwnCapabilities {
  readonly capabilities: CapabilitySet;
  /** `unknown` when left out. */
  readonly nat?: NatTag;
  /** Names of the RPC services the node serves. */
  readonly services?: readonly string[];
  /** Where the node is reached from outside. */
  readonly reflexAddress?: string;
}

/** A new announcement of the own node. */
export interface OwnAnnouncement {
  readonly announcement: Announcement;
  /** The bytes, also for peers that connect later. */
  readonly bytes: Uint8Array;
  /** Whether it is to be sent to every direct peer now; `false` within 10 s of the last time. */
  readonly broadcast: boolean;
}

/** Settings of an announcer. */
export interface AnnouncerOptions {
  readonly identity: AnnouncementSigner;
  /**
   * Milliseconds after which the node announces the same again by itself, or `false`. Two minutes
   * when left out: announcements live five, so that two may be lost. While this is on, a broadcast
   * that came too early is also made up for. The reference does neither.
   */
  readonly refreshMs?: number | false;
  /** The last version of an earlier run, where one was kept: the next is higher, whatever the clock. */
  readonly lastVersion?: bigint;
}

/**
 * The announcements of one's own node (Net identity format, section 9.3). Versions are the Unix time
 * in milliseconds or one more than the last, so that they grow over restarts: peers remember the
 * versions of a node for ten minutes and would not see one that counts from 1 again.
 */
export class Announcer {
  readonly #identity: AnnouncementSigner;
  readonly #refreshMs: number | undefined;
  #content: OwnCapabilities | undefined;
  #current: { readonly announcement: Announcement; readonly bytes: Uint8Array } | undefined;
  #version: bigint;
  #lastBroadcast = Number.NEGATIVE_INFINITY;
  #floorEndsAt = Number.NEGATIVE_INFINITY;
  #broadcastIsOwed = false;

  constructor(options: AnnouncerOptions) {
    const { identity, refreshMs = DEFAULT_REFRESH_MS } = options;
    this.#identity = identity;
    this.#version = options.lastVersion ?? 0n;
    this.#refreshMs = refreshMs === false ? undefined : Math.max(refreshMs, BROADCAST_FLOOR_MS);
  }

  /** The last announcement, to be pushed to each new peer; it may have expired. */
  get current(): { readonly announcement: Announcement; readonly bytes: Uint8Array } | undefined {
    return this.#current;
  }

  /**
   * Replaces what the node says of itself.
   *
   * @param now monotonic milliseconds
   * @param wallClock Unix milliseconds
   * @throws NetCapabilityError `ANNOUNCEMENT` for a reflex address that is none
   */
  announce(own: OwnCapabilities, now: number, wallClock: number): OwnAnnouncement {
    const made = this.#make(own, wallClock);
    const broadcast = now >= this.#floorEndsAt;
    this.#content = own;
    this.#broadcastIsOwed = !broadcast;
    if (broadcast) {
      this.#lastBroadcast = now;
      this.#floorEndsAt = now + BROADCAST_FLOOR_MS;
    }
    return { ...made, broadcast };
  }

  /**
   * Says the same again under a new version, for a single peer that would take the last one for a
   * repetition. It is no broadcast and moves none.
   */
  renew(wallClock: number): OwnAnnouncement | undefined {
    return this.#content === undefined
      ? undefined
      : { ...this.#make(this.#content, wallClock), broadcast: false };
  }

  #make(own: OwnCapabilities, wallClock: number): Omit<OwnAnnouncement, "broadcast"> {
    const version = this.#nextVersion(wallClock);
    const announcement = signAnnouncement(this.#identity, {
      version,
      timestampNs: BigInt(Math.floor(wallClock)) * 1_000_000n,
      ttlSeconds: ANNOUNCEMENT_TTL_SECONDS,
      capabilities: withNodeTags(own),
      ...(own.reflexAddress === undefined ? {} : { reflexAddress: own.reflexAddress }),
    });
    const bytes = encodeAnnouncement(announcement);
    this.#version = version;
    this.#current = { announcement, bytes };
    return { announcement, bytes };
  }

  /** Lets the next announcement be broadcast at once, as a change of the reflex address does. */
  resetFloor(): void {
    this.#floorEndsAt = Number.NEGATIVE_INFINITY;
  }

  /** When `tick` has something to announce; infinite when it never will. */
  deadline(): number {
    if (this.#refreshMs === undefined || this.#content === undefined) {
      return Number.POSITIVE_INFINITY;
    }
    return this.#broadcastIsOwed ? this.#floorEndsAt : this.#lastBroadcast + this.#refreshMs;
  }

  /** Announces the same again under a new version, if that is due. */
  tick(now: number, wallClock: number): OwnAnnouncement | undefined {
    if (this.#content === undefined || now < this.deadline()) return undefined;
    return this.announce(this.#content, now, wallClock);
  }

  #nextVersion(wallClock: number): bigint {
    const clock = BigInt(Math.floor(wallClock));
    return clock > this.#version ? clock : this.#version + 1n;
  }
}

/** Exactly one `nat:` tag, whatever was set by hand, and one tag for each service. */
function withNodeTags(own: OwnCapabilities): CapabilitySet {
  const { capabilities, nat = "unknown", services = [] } = own;
  return CapabilitySet.of(
    [
      ...capabilities.tags.filter((tag) => !tag.startsWith(NAT_PREFIX)),
      `${NAT_PREFIX}${nat}`,
      ...services.map((service) => `${SERVICE_PREFIX}${service}`),
    ],
    capabilities.metadata,
  );
}
