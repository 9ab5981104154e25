import {
  ANNOUNCEMENT_SUBPROTOCOL,
  Announcer,
  type CapabilityFilter,
  CapabilityIndex,
  CapabilitySet,
  type NatTag,
  type OwnAnnouncement,
  type ScopeQuery,
  type SubnetId,
  type SubnetPolicy,
} from "@gaiaftcl/net-capability";
import type { MeshState } from "./mesh-state.js";
import type { Peer } from "./peer.js";

/**
 * When a 0.19.0 peer gets an announcement again after it came (back), in milliseconds: it confirms
 * none, and drops what it has as a repetition.
 */
const GREETING_DELAYS = [1000, 5000];
/** Peers of 0.19.0 of which is kept what they were sent last. */
const KEPT_VERSIONS = 4096;

export interface DiscoveryOptions {
  readonly subnet?: SubnetId;
  readonly subnetPolicy?: SubnetPolicy;
  /** How the node looks from outside now. */
  readonly view: () => { readonly natClass: NatTag; readonly reflex: string | undefined };
  /** Sends one event of a subprotocol to a peer. */
  readonly sendControl: (peer: Peer, subprotocolId: number, event: Uint8Array) => void;
}

/** Announcements of this node and of others (Net identity format, sections 9 and 10). */
export class Discovery {
  readonly index: CapabilityIndex;
  readonly #state: MeshState;
  readonly #options: DiscoveryOptions;
  readonly #announcer: Announcer;
  #capabilities: CapabilitySet | undefined;
  /** The version of the announcement that each 0.19.0 peer was sent last. */
  readonly #sent = new Map<bigint, bigint>();

  constructor(state: MeshState, options: DiscoveryOptions) {
    const { identity, tuning } = state.around;
    const { reannounceIntervalMs } = tuning;
    this.#state = state;
    this.#options = options;
    this.#announcer = new Announcer({
      identity,
      refreshMs: reannounceIntervalMs === 0 ? false : reannounceIntervalMs,
    });
    this.index = new CapabilityIndex(
      {
        ownNodeId: state.nodeId,
        requireSigned: tuning.requireSignedCapabilities,
        sweepIntervalMs: tuning.capabilityGcIntervalMs,
        ...(options.subnet === undefined ? {} : { ownSubnet: options.subnet }),
        ...(options.subnetPolicy === undefined ? {} : { subnetPolicy: options.subnetPolicy }),
      },
      state.now,
    );
  }

  /** What this node last said of itself; the empty set before. */
  get ownCapabilities(): CapabilitySet {
    return this.#announcer.current?.announcement.capabilities ?? CapabilitySet.EMPTY;
  }

  /** Replaces what this node says of itself and tells every direct peer, at most once in ten seconds. */
  announce(capabilities: CapabilitySet): void {
    this.#capabilities = capabilities;
    const { natClass, reflex } = this.#options.view();
    this.#made(
      this.#announcer.announce(
        {
          capabilities,
          nat: natClass,
          ...(reflex === undefined ? {} : { reflexAddress: reflex }),
        },
        this.#state.now,
        this.#state.around.wallClock(),
      ),
    );
  }

  /** The way this node looks from outside changed: announced anew if it announced before. */
  viewChanged(isUrgent: boolean): void {
    if (isUrgent) {
      this.#announcer.resetFloor();
    }
    if (this.#capabilities !== undefined) {
      this.announce(this.#capabilities);
    }
  }

  /** A new peer gets the last announcement, and may count its own anew. */
  greet(peer: Peer): void {
    this.index.expectRestart(peer.nodeId);
    this.tell(peer);
  }

  /**
   * Tells a peer, which may have forgotten it, what this node is. One of 0.19.0 that forgot an
   * announcement still drops it as a repetition for ten minutes, so it gets a new one if it was sent
   * this one before.
   */
  tell(peer: Peer): void {
    const current = this.#announcer.current;
    if (current === undefined) {
      return;
    }
    if (peer.session.strict) {
      this.#options.sendControl(peer, ANNOUNCEMENT_SUBPROTOCOL, current.bytes);
      return;
    }
    const { now, around, timers } = this.#state;
    const own =
      this.#sent.get(peer.nodeId) === current.announcement.version
        ? this.#announcer.renew(around.wallClock())
        : { ...current, broadcast: false };
    if (own !== undefined) {
      this.#made(own);
      this.#send(peer, own);
      for (const delay of GREETING_DELAYS) {
        timers.set(now + delay, () => {
          this.#send(peer, own);
        });
      }
    }
  }

  /** A peer spoke again that was taken for failed: what it announced counts again while it lasts. */
  restore(peer: Peer): void {
    if (this.index.restorePeer(peer.nodeId, this.#state.now)) {
      this.#state.around.emit({ type: "announced", nodeId: peer.nodeId });
    }
  }

  findNodes(filter?: CapabilityFilter, scope?: ScopeQuery): bigint[] {
    return this.index.findNodes(filter, scope);
  }

  /** Takes an announcement that `from` sent or passed on. */
  receive(from: Peer, event: Uint8Array): void {
    const { counters, now, around, routes } = this.#state;
    counters.announcementsReceived += 1;
    const result = this.index.receive(event, from.nodeId, now, around.wallClock());
    if (result.kind === "dropped") {
      return;
    }
    const { nodeId } = result.announcement;
    const back = new Set([from.address, routes.nextHop(nodeId, now) ?? from.address]);
    if (result.route !== undefined && !from.isRelayed) {
      routes.learn(nodeId, from.address, result.route.metric, now);
    }
    if (result.forward !== undefined) {
      this.#forward(result.forward, from, back);
    }
    if (result.index === "indexed") {
      around.emit({ type: "announced", nodeId });
    }
  }

  deadline(): number {
    return Math.min(this.#announcer.deadline(), this.index.deadline());
  }

  tick(): void {
    const { now, around } = this.#state;
    const made = this.#announcer.tick(now, around.wallClock());
    if (made !== undefined) {
      this.#made(made);
    }
    this.index.sweep(now);
  }

  #made(own: OwnAnnouncement): void {
    const { now, around, peers } = this.#state;
    this.index.indexOwn(own.announcement, now, around.wallClock());
    if (own.broadcast) {
      for (const peer of peers.values()) {
        this.#send(peer, own);
      }
    }
  }

  #send(peer: Peer, { announcement, bytes }: Omit<OwnAnnouncement, "broadcast">): void {
    const { current } = this.#announcer;
    // Of a greeting that is repeated, a later announcement may have come between.
    if (announcement.version === current?.announcement.version && !peer.session.strict) {
      this.#sent.delete(peer.nodeId);
      this.#sent.set(peer.nodeId, announcement.version);
      if (this.#sent.size > KEPT_VERSIONS) {
        const [oldest] = this.#sent.keys();
        this.#sent.delete(oldest as bigint);
      }
    }
    this.#options.sendControl(peer, ANNOUNCEMENT_SUBPROTOCOL, bytes);
  }

  #forward(bytes: Uint8Array, from: Peer, back: ReadonlySet<string>): void {
    for (const peer of this.#state.peers.values()) {
      if (peer !== from && (peer.isRelayed || !back.has(peer.address))) {
        this.#state.counters.announcementsForwarded += 1;
        this.#options.sendControl(peer, ANNOUNCEMENT_SUBPROTOCOL, bytes);
      }
    }
  }
}
