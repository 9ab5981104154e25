import type { PermissionToken } from "@gaiaftcl/net-identity";

/** One node on one channel. */
export interface Membership {
  readonly node: bigint;
  readonly channel: string;
  /** The queue group it is in; undefined for one that receives everything. */
  readonly queueGroup: string | undefined;
  /** What proved its right: its token, with its parents where they count; or nothing. */
  readonly tokens: readonly PermissionToken[];
  /** Whether publishing still counts it in: it lost that when its token failed. */
  admitted: boolean;
}

interface QueueGroup {
  readonly members: Membership[];
  turn: number;
}

interface Members {
  readonly byNode: Map<bigint, Membership>;
  readonly broadcast: Map<bigint, Membership>;
  readonly groups: Map<string, QueueGroup>;
}

/** Who is subscribed to what (Net identity format, section 6.1). */
export class Roster {
  readonly #channels = new Map<string, Members>();
  readonly #nodes = new Map<bigint, Set<string>>();

  /** How many nodes are on how many channels: the number of memberships. */
  get size(): number {
    let count = 0;
    for (const channels of this.#nodes.values()) count += channels.size;
    return count;
  }

  /** How many channels a node is on. */
  channelCount(node: bigint): number {
    return this.#nodes.get(node)?.size ?? 0;
  }

  get(node: bigint, channel: string): Membership | undefined {
    return this.#channels.get(channel)?.byNode.get(node);
  }

  /** Puts a node on a channel in one mode; it leaves the mode it was in. */
  join(membership: Membership): void {
    const { node, channel, queueGroup } = membership;
    const before = this.get(node, channel);
    if (before?.queueGroup !== queueGroup) this.leave(node, channel);
    const members = this.#membersOf(channel);
    members.byNode.set(node, membership);
    if (queueGroup === undefined) {
      members.broadcast.set(node, membership);
    } else {
      joinGroup(members.groups, queueGroup, membership);
    }
    const channels = this.#nodes.get(node);
    if (channels === undefined) this.#nodes.set(node, new Set([channel]));
    else channels.add(channel);
  }

  /** Takes a node off a channel; returns whether it was on it. */
  leave(node: bigint, channel: string): boolean {
    const members = this.#channels.get(channel);
    const membership = members?.byNode.get(node);
    if (members === undefined || membership === undefined) return false;
    members.byNode.delete(node);
    members.broadcast.delete(node);
    if (membership.queueGroup !== undefined) {
      leaveGroup(members.groups, membership.queueGroup, node);
    }
    if (members.byNode.size === 0) this.#channels.delete(channel);
    const channels = this.#nodes.get(node);
    channels?.delete(channel);
    if (channels?.size === 0) this.#nodes.delete(node);
    return true;
  }

  /** Takes a node off every channel; returns how many it was on. */
  forget(node: bigint): number {
    const channels = [...(this.#nodes.get(node) ?? [])];
    for (const channel of channels) this.leave(node, channel);
    return channels.length;
  }

  /** Everything a node is on. */
  membershipsOf(node: bigint): readonly Membership[] {
    return [...(this.#nodes.get(node) ?? [])]
      .map((channel) => this.get(node, channel))
      .filter((membership) => membership !== undefined);
  }

  /** All members of a channel, in whatever mode. */
  members(channel: string): readonly Membership[] {
    return [...(this.#channels.get(channel)?.byNode.values() ?? [])];
  }

  /** The channels that someone is on. */
  channels(): readonly string[] {
    return [...this.#channels.keys()];
  }

  /**
   * Who gets the next event: every eligible broadcast member, and of each group the eligible member
   * whose turn it is. A member that is passed over loses its turn, and not the group its event.
   */
  recipients(channel: string, isEligible: (membership: Membership) => boolean): bigint[] {
    const members = this.#channels.get(channel);
    if (members === undefined) return [];
    const nodes: bigint[] = [];
    for (const membership of members.broadcast.values()) {
      if (isEligible(membership)) nodes.push(membership.node);
    }
    for (const group of members.groups.values()) {
      const chosen = nextOf(group, isEligible);
      if (chosen !== undefined) nodes.push(chosen.node);
    }
    return nodes;
  }

  #membersOf(channel: string): Members {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const members: Members = { byNode: new Map(), broadcast: new Map(), groups: new Map() };
    this.#channels.set(channel, members);
    return members;
  }
}

function joinGroup(groups: Map<string, QueueGroup>, name: string, membership: Membership): void {
  const group = groups.get(name);
  if (group === undefined) {
    groups.set(name, { members: [membership], turn: 0 });
    return;
  }
  const place = group.members.findIndex(({ node }) => node === membership.node);
  if (place === -1) group.members.push(membership);
  else group.members[place] = membership;
}

function leaveGroup(groups: Map<string, QueueGroup>, name: string, node: bigint): void {
  const group = groups.get(name);
  if (group === undefined) return;
  const place = group.members.findIndex((membership) => membership.node === node);
  if (place === -1) return;
  group.members.splice(place, 1);
  if (place < group.turn) group.turn--;
  if (group.members.length === 0) groups.delete(name);
}

function nextOf(
  group: QueueGroup,
  isEligible: (membership: Membership) => boolean,
): Membership | undefined {
  const { members } = group;
  for (let tried = 0; tried < members.length; tried++) {
    const candidate = members[group.turn % members.length];
    group.turn = (group.turn + 1) % members.length;
    if (candidate !== undefined && isEligible(candidate)) return candidate;
  }
  return undefined;
}
