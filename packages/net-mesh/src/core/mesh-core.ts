import {
  type CapabilityFilter,
  CapabilitySet,
  ensureAnnounceable,
  ensureFilter,
  type IndexEntry,
  readCapabilities,
  type ScopeQuery,
} from "@gaiaftcl/net-capability";
import type {
  ChannelOptions,
  PublishOptions,
  PublishReport,
  SubscribeRequest,
} from "@gaiaftcl/net-channel";
import type { PermissionToken } from "@gaiaftcl/net-identity";
import type {
  EventBatch,
  SendOptions,
  StreamHandle,
  StreamOptions,
  StreamStats,
} from "@gaiaftcl/net-wire";
import { NetMeshError } from "../net-mesh-error.js";
import { nodeIdText } from "../peers/node-id.js";
import type { KnownNode } from "../routing/proximity-graph.js";
import type { ConnectOutcome } from "../traversal/direct-connector.js";
import type { NatClass } from "../traversal/nat-class.js";
import type { ReflexOutcome } from "../traversal/reflex-prober.js";
import type { NatView } from "../traversal/traversal.js";
import {
  ensureEvents,
  ensureReachable,
  ensureSigner,
  ensureSubprotocol,
  ensureU64,
} from "./arguments.js";
import type { MembershipDone } from "./channels.js";
import { beginSession, type ConnectTarget, ensureTarget } from "./connect-target.js";
import type { HandshakeOutcome } from "./handshake-attempts.js";
import type { KeptConnection } from "./kept-connections.js";
import { type MeshStats, meshStats, type PeerView, peerView } from "./mesh-stats.js";
import { type MeshCoreOptions, NodeParts } from "./node-parts.js";
import type { Peer } from "./peer.js";
import { announcedNatClass } from "./traversal-surroundings.js";

/**
 * A node of the mesh without clock or socket: datagrams and times go in, datagrams, events and the
 * next deadline come out. Every call takes `now`, monotonic milliseconds. Sends of one turn leave
 * together at the next `tick`, which `deadline` then asks for at once.
 */
export class MeshCore {
  readonly nodeId: bigint;
  readonly #parts: NodeParts;

  constructor(options: MeshCoreOptions, now: number) {
    ensureSigner(options.identity);
    this.#parts = new NodeParts(options, now);
    this.nodeId = this.#parts.state.nodeId;
  }

  /** Counts and sizes, for people and for metrics. */
  get stats(): MeshStats {
    return meshStats(this.#parts);
  }

  get natView(): NatView {
    return this.#parts.traversal.view;
  }

  /** Takes a datagram; it is read before the call returns, but events may be views of it. */
  receive(datagram: Uint8Array, from: string, now: number): void {
    this.#parts.state.now = now;
    this.#parts.inbound.receive(datagram, from);
  }

  /** Does what is due and sends what is ready. */
  tick(now: number): void {
    this.#parts.tick(now);
  }

  /** When `tick` is wanted; the past while something waits to be sent. */
  deadline(): number {
    return this.#parts.deadline();
  }

  /** Begins a session; `done` is called once, unless the returned function cancels before. */
  connect(
    target: ConnectTarget,
    now: number,
    done: (outcome: HandshakeOutcome) => void,
  ): () => void {
    this.#parts.state.now = now;
    this.#parts.kept.giveWay(target.nodeId);
    return beginSession(this.#parts, target, done);
  }

  /**
   * Means to have a session with a node until `disconnect`: now, and again whenever it is lost. What
   * fails is told as `call-failed`.
   *
   * @throws NetMeshError `INVALID_OPTION` for what could only be called in vain
   */
  keep(target: ConnectTarget, now: number): void {
    ensureTarget(target, this.nodeId);
    this.#parts.state.now = now;
    this.#parts.kept.keep(target.nodeId, (done) =>
      beginSession(this.#parts, { ...target, retries: 1, sparing: true }, done),
    );
  }

  /** The nodes this one means to have a session with. */
  keptConnections(): KeptConnection[] {
    return this.#parts.kept.entries();
  }

  /** Waits for `nodeId` to begin a session; the returned function stops waiting. */
  accept(nodeId: bigint, now: number, done: () => void): () => void {
    this.#parts.state.now = now;
    return this.#parts.sessions.accept(ensureU64("a node id", nodeId), done);
  }

  /** Ends the session with a peer, and means to have none; true when there was one. */
  disconnect(nodeId: bigint, now: number): boolean {
    this.#parts.state.now = now;
    this.#parts.kept.release(nodeId);
    const peer = this.#parts.state.peers.get(nodeId);
    if (peer !== undefined) {
      this.#parts.remove(peer, "closed");
    }
    return peer !== undefined;
  }

  peer(nodeId: bigint): PeerView | undefined {
    const peer = this.#parts.state.peers.get(nodeId);
    return peer === undefined ? undefined : peerView(this.#parts.state, peer);
  }

  peers(): PeerView[] {
    return [...this.#parts.state.peers.values()].map((peer) => peerView(this.#parts.state, peer));
  }

  /** Nodes that waves told of. */
  discoveredNodes(): KnownNode[] {
    return this.#parts.state.graph.nodes();
  }

  /** Sets a way by hand, as good as that of a peer. */
  addRoute(destination: bigint, nextHop: string, now: number): void {
    const nodeId = ensureU64("a node id", destination);
    this.#parts.state.routes.setDirect(nodeId, ensureReachable(nextHop), now);
  }

  /** @throws NetMeshError `NOT_CONNECTED`; NetWireError as `StreamSet.open` */
  openStream(nodeId: bigint, streamId: bigint, now: number, options?: StreamOptions): StreamHandle {
    const peer = this.#parts.state.peers.get(nodeId);
    if (peer === undefined) {
      throw new NetMeshError(
        "NOT_CONNECTED",
        `open_stream: connection error: open_stream: no session for peer ${nodeIdText(nodeId)}`,
      );
    }
    return peer.streams.open(ensureU64("a stream id", streamId), now, options);
  }

  /**
   * Hands events to a stream; gives how many were taken, fewer being backpressure.
   *
   * @throws NetMeshError `NOT_CONNECTED` without a session; NetWireError as `StreamSet.send`
   */
  send(nodeId: bigint, handle: StreamHandle, events: readonly Uint8Array[], now: number): number {
    const peer = this.#connected(nodeId);
    this.#parts.state.busy.add(peer);
    return peer.streams.send(handle, ensureEvents(events), now);
  }

  /** The same on whatever opening a stream id has; it is made when there is none. */
  push(
    nodeId: bigint,
    streamId: bigint,
    events: readonly Uint8Array[],
    now: number,
    options?: SendOptions,
  ): number {
    const peer = this.#connected(nodeId);
    this.#parts.state.busy.add(peer);
    return peer.streams.sendTo(
      ensureU64("a stream id", streamId),
      ensureEvents(events),
      now,
      options,
    );
  }

  /**
   * Sends events of a subprotocol, one stream for all of it and without credit, as every subprotocol
   * message goes (Net transport format, section 12); gives how many were taken.
   *
   * @throws NetMeshError `NOT_CONNECTED`; NetWireError `EVENT_TOO_LARGE`
   */
  sendSubprotocol(
    nodeId: bigint,
    subprotocolId: number,
    events: readonly Uint8Array[],
    now: number,
  ): number {
    return this.push(nodeId, BigInt(ensureSubprotocol(subprotocolId)), events, now, {
      uncredited: true,
      label: this.#parts.control.label(subprotocolId),
    });
  }

  closeStream(nodeId: bigint, handle: StreamHandle, now: number): void {
    const peer = this.#parts.state.peers.get(nodeId);
    if (peer !== undefined) {
      peer.streams.close(handle, now);
      this.#parts.state.busy.add(peer);
    }
  }

  streamStats(nodeId: bigint, streamId: bigint): StreamStats | undefined {
    return this.#parts.state.peers.get(nodeId)?.streams.stats(streamId);
  }

  /** Gives the credit of a batch back, once its events are used up. */
  consume(nodeId: bigint, batch: EventBatch, now: number): void {
    const peer = this.#parts.state.peers.get(nodeId);
    if (peer !== undefined) {
      peer.streams.consume(batch, now);
      this.#parts.state.busy.add(peer);
    }
  }

  /**
   * Announces what this node is and has (Net identity format, section 9.3): a set, or a dictionary in
   * the reference's form. @throws NetCapabilityError for a dictionary that is none, and a set too large
   */
  announce(capabilities: CapabilitySet | Readonly<Record<string, unknown>>, now: number): void {
    this.#parts.state.now = now;
    this.#parts.discovery.announce(
      ensureAnnounceable(
        capabilities instanceof CapabilitySet ? capabilities : readCapabilities(capabilities),
      ),
    );
  }

  findNodes(filter?: CapabilityFilter, scope?: ScopeQuery): bigint[] {
    return this.#parts.discovery.findNodes(filter && ensureFilter(filter), scope);
  }

  /** What is known of a node by its announcement. */
  announcementOf(nodeId: bigint): IndexEntry | undefined {
    return this.#parts.discovery.index.get(nodeId);
  }

  /** How another node looks from outside, by its announcement. */
  natClassOf(nodeId: bigint): NatClass {
    return announcedNatClass(this.#parts.discovery.index.capabilitiesOf(nodeId).tags);
  }

  /** Makes a channel known here, or gives it other rules. @throws NetChannelError */
  registerChannel(name: string, options: ChannelOptions<CapabilityFilter> = {}): void {
    for (const caps of [options.publishCaps, options.subscribeCaps]) {
      if (caps !== undefined) {
        ensureFilter(caps);
      }
    }
    this.#parts.channels.register(name, options);
  }

  /** Installs a token for this node to publish with. @throws NetIdentityError `INVALID_SIGNATURE` */
  installToken(token: PermissionToken, parents: readonly PermissionToken[] = []): void {
    this.#parts.channels.installToken(token, parents);
  }

  /** Who is on a channel of this node. */
  channelMembers(name: string): readonly bigint[] {
    return this.#parts.channels.members(name);
  }

  /**
   * Asks a publisher for a subscription; `done` is called once, unless the returned function takes the
   * wish back before. @throws NetChannelError
   */
  subscribe(request: SubscribeRequest, now: number, done: MembershipDone): () => void {
    this.#parts.state.now = now;
    return this.#parts.channels.subscribe(request, done);
  }

  /** Asks a publisher for the end of a subscription. @throws NetChannelError */
  unsubscribe(publisher: bigint, channel: string, now: number, done: MembershipDone): void {
    this.#parts.state.now = now;
    this.#parts.channels.unsubscribe(publisher, channel, done);
  }

  /** Sends an event to everybody on a channel (Net identity format, section 6.2). @throws NetChannelError */
  publish(
    channel: string,
    payload: Uint8Array,
    now: number,
    options: PublishOptions = {},
  ): PublishReport {
    this.#parts.state.now = now;
    ensureEvents([payload]);
    return this.#parts.channels.publish(channel, payload, options);
  }

  probeReflex(nodeId: bigint, now: number, done: (outcome: ReflexOutcome) => void): void {
    this.#parts.state.now = now;
    this.#parts.traversal.probeReflex(nodeId, now, done);
  }

  reclassifyNat(now: number, done: (view: NatView) => void): void {
    this.#parts.state.now = now;
    this.#parts.traversal.reclassify(now, done);
  }

  setReflexOverride(address: string, now: number): void {
    this.#parts.state.now = now;
    this.#parts.traversal.setReflexOverride(ensureReachable(address));
  }

  clearReflexOverride(now: number): void {
    this.#parts.state.now = now;
    this.#parts.traversal.clearReflexOverride();
  }

  connectDirect(
    target: {
      readonly nodeId: bigint;
      readonly publicKey: Uint8Array;
      readonly coordinator: bigint;
    },
    now: number,
    done: (outcome: ConnectOutcome) => void,
  ): void {
    this.#parts.state.now = now;
    this.#parts.traversal.connectDirect(
      target.nodeId,
      target.publicKey,
      target.coordinator,
      now,
      done,
    );
  }

  #connected(nodeId: bigint): Peer {
    const peer = this.#parts.state.peers.get(nodeId);
    if (peer === undefined) {
      throw new NetMeshError(
        "NOT_CONNECTED",
        `stream not connected: no session with peer ${nodeIdText(nodeId)}`,
      );
    }
    return peer;
  }
}
