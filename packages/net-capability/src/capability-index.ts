import { isSameBytes } from "@gaiaftcl/net-identity";
import {
  type Announcement,
  checkAnnouncementSignature,
  encodeAnnouncement,
  isNodeIdOfEntity,
  LAST_FORWARDED_HOP_COUNT,
} from "./announcement.js";
import { decodeAnnouncement, MAX_ANNOUNCEMENT_BYTES } from "./announcement-reader.js";
import type { CapabilityFilter } from "./capability-filter.js";
import { CapabilitySet } from "./capability-set.js";
import { CapabilityTable, type IndexEntry, type IndexVerdict } from "./capability-table.js";
import { DuplicateMemory } from "./duplicate-memory.js";
import { localCopy } from "./local-copy.js";
import { NetCapabilityError } from "./net-capability-error.js";
import { type ScopeQuery, scopeAdmits } from "./scope.js";
import { GLOBAL_SUBNET, type SubnetId } from "./subnet.js";
import { assignSubnet, type SubnetPolicy } from "./subnet-policy.js";

const DUPLICATE_MEMORY_MS = 600_000;
const DEFAULT_SWEEP_INTERVAL_MS = 60_000;
const SHORTEST_SWEEP_INTERVAL_MS = 1_000;
const DEFAULT_MAX_NODES = 16_384;
const DEFAULT_MAX_TAGS = 524_288;
const DEFAULT_MAX_DUPLICATES = 131_072;
const EMPTY_FILTER: CapabilityFilter = {};

/** Settings of an index. */
export interface CapabilityIndexOptions {
  readonly ownNodeId: bigint;
  /** Global when left out. */
  readonly ownSubnet?: SubnetId;
  /** Without one no peer has a subnet of its own. */
  readonly subnetPolicy?: SubnetPolicy;
  /** Whether unsigned announcements are dropped; `true` when left out. */
  readonly requireSigned?: boolean;
  /** Milliseconds between sweeps, 60,000 when left out; 0 acts as 1,000. */
  readonly sweepIntervalMs?: number;
  /** Longer announcements are not read; 8108 when left out. */
  readonly maxAnnouncementBytes?: number;
  /** Beyond so many nodes, those that go longest without news make room; 16,384 when left out. */
  readonly maxNodes?: number;
  /** The same beyond so many tags and metadata of all nodes together; 524,288 when left out. */
  readonly maxTags?: number;
  /** Beyond so many remembered announcements the oldest are forgotten; 131,072 when left out. */
  readonly maxDuplicates?: number;
}

/** Why an announcement went no further; steps of section 9.4. */
export type DropReason =
  | "unreadable"
  | "not-from-origin"
  | "own"
  | "duplicate"
  | "unsigned"
  | "bad-signature"
  | "wrong-node-id"
  | "key-changed";

/** What is to be done with a received announcement. */
export type ReceiveResult =
  | { readonly kind: "dropped"; readonly reason: DropReason }
  | {
      readonly kind: "accepted";
      readonly announcement: Announcement;
      readonly verified: boolean;
      /** The peer's key became known by this announcement. */
      readonly pinned: boolean;
      /** A way to the node through the peer it came from. */
      readonly route?: { readonly nodeId: bigint; readonly metric: number };
      /** Bytes for every other direct peer but the next hop to the node. */
      readonly forward?: Uint8Array;
      readonly index: IndexVerdict;
    };

interface Peer {
  readonly entityId: Uint8Array;
  readonly subnet?: SubnetId;
  readonly lastDirectKey: string;
}

/** What was known of a peer when it fell silent. */
interface Withheld {
  readonly entry: IndexEntry | undefined;
  readonly peer: Peer | undefined;
}

/**
 * Who can do what: takes announcements as they arrive and answers queries (Net identity format,
 * sections 9.4, 9.5 and 10). It holds no clock and no socket: `now` is a monotonic time in
 * milliseconds, `wallClock` the Unix time in milliseconds.
 */
export class CapabilityIndex {
  readonly #options: CapabilityIndexOptions;
  readonly #table: CapabilityTable;
  readonly #seen: DuplicateMemory;
  readonly #peers = new Map<bigint, Peer>();
  /** How often each peer began anew, and the beginning that its latest direct announcement was of. */
  readonly #lives = new Map<bigint, { begun: number; announced: number }>();
  readonly #withheld = new Map<bigint, Withheld>();
  readonly #sweepInterval: number;
  #sweepAt: number;

  /** @param now when the first sweep interval begins */
  constructor(options: CapabilityIndexOptions, now: number) {
    this.#options = options;
    this.#table = new CapabilityTable(
      options.maxNodes ?? DEFAULT_MAX_NODES,
      options.maxTags ?? DEFAULT_MAX_TAGS,
    );
    this.#seen = new DuplicateMemory(
      DUPLICATE_MEMORY_MS,
      options.maxDuplicates ?? DEFAULT_MAX_DUPLICATES,
    );
    const interval = options.sweepIntervalMs ?? DEFAULT_SWEEP_INTERVAL_MS;
    this.#sweepInterval = interval === 0 ? SHORTEST_SWEEP_INTERVAL_MS : interval;
    this.#sweepAt = now + this.#sweepInterval;
  }

  /**
   * Decides about an announcement from the direct peer `from`, in the order of section 9.4, and
   * learns from it. Never throws for what a peer sent.
   */
  receive(bytes: Uint8Array, from: bigint, now: number, wallClock: number): ReceiveResult {
    const announcement = this.#read(bytes);
    if (announcement === undefined) return dropped("unreadable");
    const { nodeId, hopCount, version } = announcement;
    const direct = hopCount === 0;
    if (direct && nodeId !== from) return dropped("not-from-origin");
    if (nodeId === this.#options.ownNodeId) return dropped("own");
    const life = direct ? this.#lives.get(nodeId) : undefined;
    const key = `${nodeId}/${version}/${direct ? `direct ${life?.begun ?? 0}` : "forwarded"}`;
    if (this.#seen.has(key, now)) return dropped("duplicate");
    const signature = checkAnnouncementSignature(announcement);
    if (signature === "bad") return dropped("bad-signature");
    if (signature === "unsigned" && this.#options.requireSigned !== false) {
      return dropped("unsigned");
    }
    if (!isNodeIdOfEntity(announcement)) return dropped("wrong-node-id");
    const verified = signature === "good";
    let pinned = false;
    if (verified && direct) {
      const known = this.#peers.get(from);
      if (known !== undefined && !isSameBytes(known.entityId, announcement.entityId)) {
        return dropped("key-changed");
      }
      pinned = known === undefined;
      this.#remember(from, this.#peer(announcement, key));
    }
    this.#seen.add(key, now);
    const restarts = life !== undefined && life.announced < life.begun;
    if (life !== undefined) life.announced = life.begun;
    return {
      kind: "accepted",
      announcement,
      verified,
      pinned,
      ...(direct ? {} : { route: { nodeId, metric: hopCount + 2 } }),
      ...(hopCount < LAST_FORWARDED_HOP_COUNT
        ? { forward: encodeAnnouncement({ ...announcement, hopCount: hopCount + 1 }) }
        : {}),
      index: this.#table.put(announcement, localCopy(announcement.capabilities), verified, {
        now,
        wallClock,
        restarts,
      }),
    };
  }

  /**
   * A session with a peer began. A 0.19.0 node that was started again counts its versions from 1
   * again, so the first announcement it then makes itself counts whatever its version.
   */
  expectRestart(nodeId: bigint): void {
    const life = this.#lives.get(nodeId) ?? { begun: 0, announced: 0 };
    life.begun += 1;
    this.#lives.delete(nodeId);
    this.#lives.set(nodeId, life);
    if (this.#lives.size > (this.#options.maxNodes ?? DEFAULT_MAX_NODES)) {
      const [oldest] = this.#lives.keys();
      this.#lives.delete(oldest as bigint);
    }
  }

  /** Puts the node's own announcement into the index (section 9.3). */
  indexOwn(announcement: Announcement, now: number, wallClock: number): IndexVerdict {
    return this.#table.put(announcement, announcement.capabilities, true, { now, wallClock });
  }

  /**
   * The ids of the nodes that meet a filter and answer a scope, the own node among them once it has
   * announced; in no order (sections 10.1 to 10.3). Without a scope, scope tags count for nothing.
   */
  findNodes(filter: CapabilityFilter = EMPTY_FILTER, scope?: ScopeQuery): bigint[] {
    const found: bigint[] = [];
    for (const { nodeId, capabilities } of this.#table.matches(filter)) {
      if (
        scope === undefined ||
        scopeAdmits(scope, capabilities.scope, this.#isSameSubnet(nodeId))
      ) {
        found.push(nodeId);
      }
    }
    return found;
  }

  /** What is known of a node, its announcement not yet swept away. */
  get(nodeId: bigint): IndexEntry | undefined {
    return this.#table.get(nodeId);
  }

  /** The capabilities of a node, or the empty set. */
  capabilitiesOf(nodeId: bigint): CapabilitySet {
    return this.#table.get(nodeId)?.capabilities ?? CapabilitySet.EMPTY;
  }

  /** Everything that is known, in the order in which it was learned. */
  entries(): IterableIterator<IndexEntry> {
    return this.#table.entries();
  }

  get size(): number {
    return this.#table.size;
  }

  /** The key pinned to a direct peer by its first direct announcement (section 9.4, step 7). */
  entityOf(nodeId: bigint): Uint8Array | undefined {
    return this.#peers.get(nodeId)?.entityId;
  }

  /** The subnet of a node: the own one, the one a policy gave to a peer, or unknown. */
  subnetOf(nodeId: bigint): SubnetId | undefined {
    if (nodeId === this.#options.ownNodeId) return this.#options.ownSubnet ?? GLOBAL_SUBNET;
    return this.#peers.get(nodeId)?.subnet;
  }

  /**
   * Forgets a peer that failed or is gone: what it announced, its pinned key and its subnet, and that
   * its last announcement was seen, so that the same one is taken and pins it again.
   */
  forgetPeer(nodeId: bigint): void {
    this.#table.remove(nodeId);
    this.#unpin(nodeId);
    this.#withheld.delete(nodeId);
  }

  /**
   * The same for a peer that fell silent and may speak again in the same session: what was known is
   * found no more, but kept for `restorePeer`.
   */
  withholdPeer(nodeId: bigint): void {
    const withheld = { entry: this.#table.remove(nodeId), peer: this.#peers.get(nodeId) };
    this.#unpin(nodeId);
    if (withheld.entry === undefined && withheld.peer === undefined) return;
    this.#withheld.set(nodeId, withheld);
    if (this.#withheld.size > (this.#options.maxNodes ?? DEFAULT_MAX_NODES)) {
      const [oldest] = this.#withheld.keys();
      this.#withheld.delete(oldest as bigint);
    }
  }

  /** Forgets what was withheld of a peer: another may have come under its node id. */
  dropWithheld(nodeId: bigint): void {
    this.#withheld.delete(nodeId);
  }

  /**
   * Knows again what was withheld of a peer, as far as nothing later came: its key and its subnet,
   * and its announcement for what is left of its time. Gives whether that announcement counts again.
   */
  restorePeer(nodeId: bigint, now: number): boolean {
    const withheld = this.#withheld.get(nodeId);
    if (withheld === undefined) return false;
    this.#withheld.delete(nodeId);
    const { entry, peer } = withheld;
    if (peer !== undefined && !this.#peers.has(nodeId)) {
      this.#remember(nodeId, peer);
      this.#seen.add(peer.lastDirectKey, now);
    }
    return entry !== undefined && this.#table.putBack(entry, now) === "indexed";
  }

  #unpin(nodeId: bigint): void {
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) return;
    this.#seen.delete(peer.lastDirectKey);
    this.#peers.delete(nodeId);
  }

  /** When `sweep` is due next. */
  deadline(): number {
    return this.#sweepAt;
  }

  /**
   * Removes what has expired, if a sweep is due (section 9.5). Returns the nodes removed: the
   * version they had no longer counts.
   */
  sweep(now: number): bigint[] {
    if (now < this.#sweepAt) return [];
    this.#sweepAt = now + this.#sweepInterval;
    this.#seen.prune(now);
    return this.#table.removeExpired(now);
  }

  #read(bytes: Uint8Array): Announcement | undefined {
    const maxBytes = this.#options.maxAnnouncementBytes ?? MAX_ANNOUNCEMENT_BYTES;
    try {
      return decodeAnnouncement(bytes, { maxBytes });
    } catch (error) {
      if (error instanceof NetCapabilityError) return undefined;
      throw error;
    }
  }

  /** Peers are in the order of their last news; beyond the bound the first is forgotten. */
  #remember(nodeId: bigint, peer: Peer): void {
    this.#peers.delete(nodeId);
    this.#peers.set(nodeId, peer);
    if (this.#peers.size <= (this.#options.maxNodes ?? DEFAULT_MAX_NODES)) return;
    for (const oldest of this.#peers.keys()) {
      this.#unpin(oldest);
      return;
    }
  }

  #peer(announcement: Announcement, lastDirectKey: string): Peer {
    const { entityId, capabilities } = announcement;
    const { subnetPolicy } = this.#options;
    return {
      entityId,
      lastDirectKey,
      ...(subnetPolicy === undefined
        ? {}
        : { subnet: assignSubnet(subnetPolicy, capabilities.tags) }),
    };
  }

  /** Section 10.3: a subnet nobody told counts as ours, but only where a policy is installed. */
  #isSameSubnet(nodeId: bigint): boolean {
    const subnet = this.subnetOf(nodeId);
    if (subnet === undefined) return this.#options.subnetPolicy !== undefined;
    return subnet === (this.#options.ownSubnet ?? GLOBAL_SUBNET);
  }
}

function dropped(reason: DropReason): ReceiveResult {
  return { kind: "dropped", reason };
}
