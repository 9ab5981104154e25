import type { Announcement } from "./announcement.js";
import { type CapabilityFilter, matchesFilter } from "./capability-filter.js";
import type { CapabilitySet } from "./capability-set.js";
import { TagPostings } from "./tag-postings.js";

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

/** What became of an accepted announcement (Net identity format, section 9.5). */
export type IndexVerdict = "indexed" | "expired" | "stale";

/** What the index holds of a node. */
export interface IndexEntry {
  readonly nodeId: bigint;
  readonly entityId: Uint8Array;
  readonly version: bigint;
  /** The local copy of what was announced (section 9.4, step 12). */
  readonly capabilities: CapabilitySet;
  readonly hopCount: number;
  readonly reflexAddress?: string;
  readonly verified: boolean;
  /** The next sweep from here on removes the entry; on the clock of `now`. */
  readonly expiresAt: number;
}

/** The time, on the two clocks there are: monotonic and Unix, in milliseconds. */
export interface Moment {
  readonly now: number;
  readonly wallClock: number;
}

/**
 * The nodes that are known, with what they can do (Net identity format, section 9.5). It is bounded:
 * when it is full, what has gone longest without news makes room, nodes from afar before direct
 * peers. So whoever fills it with nodes that do not exist, and lets them live for ever, displaces the
 * others only while the flood lasts.
 */
export class CapabilityTable {
  readonly #maxNodes: number;
  readonly #maxTags: number;
  readonly #entries = new Map<bigint, IndexEntry>();
  readonly #postings = new TagPostings();
  /** Tags and metadata of all entries. */
  #tags = 0;

  /** @param maxTags tags and metadata of all nodes together: a single announcement may have thousands */
  constructor(maxNodes: number, maxTags: number) {
    this.#maxNodes = maxNodes;
    this.#maxTags = maxTags;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(nodeId: bigint): IndexEntry | undefined {
    return this.#entries.get(nodeId);
  }

  entries(): IterableIterator<IndexEntry> {
    return this.#entries.values();
  }

  /**
   * Takes an announcement, with the capabilities to keep of it, unless it is too old. `restarts`: its
   * node may have started again and count its versions anew.
   */
  put(
    announcement: Announcement,
    capabilities: CapabilitySet,
    verified: boolean,
    moment: Moment & { readonly restarts?: boolean },
  ): IndexVerdict {
    const { nodeId, entityId, version, hopCount, reflexAddress } = announcement;
    const lifetime = lifetimeMs(announcement, moment.wallClock);
    if (lifetime === undefined) return "expired";
    const held = this.#entries.get(nodeId);
    if (held !== undefined && version <= held.version && moment.restarts !== true) return "stale";
    const entry: IndexEntry = {
      nodeId,
      entityId,
      version,
      capabilities,
      hopCount,
      verified,
      ...(reflexAddress === undefined ? {} : { reflexAddress }),
      expiresAt: moment.now + lifetime,
    };
    this.#insert(entry, held);
    return "indexed";
  }

  /** Puts an entry back that was taken out, unless its time is over or there is later news. */
  putBack(entry: IndexEntry, now: number): IndexVerdict {
    if (entry.expiresAt <= now) return "expired";
    const held = this.#entries.get(entry.nodeId);
    if (held !== undefined && entry.version <= held.version) return "stale";
    this.#insert(entry, held);
    return "indexed";
  }

  /** The entries that meet a filter. */
  *matches(filter: CapabilityFilter): Generator<IndexEntry, void> {
    for (const nodeId of this.#postings.candidates(filter) ?? this.#entries.keys()) {
      const entry = this.#entries.get(nodeId);
      if (entry !== undefined && matchesFilter(entry.capabilities, filter, "find")) yield entry;
    }
  }

  /** Removes the entry of a node, if there is one, and gives it. */
  remove(nodeId: bigint): IndexEntry | undefined {
    const held = this.#entries.get(nodeId);
    if (held !== undefined) this.#remove(held);
    return held;
  }

  /** Removes the entries whose time is over, and returns their nodes. */
  removeExpired(now: number): bigint[] {
    const removed = [...this.#entries.values()].filter((entry) => entry.expiresAt <= now);
    for (const entry of removed) this.#remove(entry);
    return removed.map((entry) => entry.nodeId);
  }

  /** Entries are in the order of their last news, since each goes to the end with it. */
  #makeRoom(): void {
    let oldest: IndexEntry | undefined;
    for (const entry of this.#entries.values()) {
      oldest ??= entry;
      if (entry.hopCount === 0) continue;
      oldest = entry;
      break;
    }
    if (oldest !== undefined) this.#remove(oldest);
  }

  #insert(entry: IndexEntry, held: IndexEntry | undefined): void {
    if (held !== undefined) this.#remove(held);
    const tags = tagsOf(entry.capabilities);
    while (this.#entries.size > 0 && !this.#hasRoom(tags)) this.#makeRoom();
    this.#tags += tags;
    this.#postings.add(entry.nodeId, entry.capabilities);
    this.#entries.set(entry.nodeId, entry);
  }

  #hasRoom(tags: number): boolean {
    return this.#entries.size < this.#maxNodes && this.#tags + tags <= this.#maxTags;
  }

  #remove({ nodeId, capabilities }: IndexEntry): void {
    this.#entries.delete(nodeId);
    this.#tags -= tagsOf(capabilities);
    this.#postings.remove(nodeId, capabilities);
  }
}

function tagsOf({ tags, metadata }: CapabilitySet): number {
  return tags.length + metadata.size;
}

/** How long an announcement lasts from now, or `undefined` when it is too old (section 9.5). */
function lifetimeMs(announcement: Announcement, wallClock: number): number | undefined {
  const { timestampNs, ttlSeconds } = announcement;
  const nowNs = BigInt(Math.floor(wallClock)) * NS_PER_MS;
  const ageNs = nowNs > timestampNs ? nowNs - timestampNs : 0n;
  if (ttlSeconds > 0 && ageNs / NS_PER_SECOND >= BigInt(ttlSeconds)) return undefined;
  return ttlSeconds === 0 ? 0 : ttlSeconds * 1000 - Number(ageNs / NS_PER_MS);
}
