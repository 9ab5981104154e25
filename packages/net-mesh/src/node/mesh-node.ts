import type {
  CapabilityFilter,
  CapabilitySet,
  IndexEntry,
  ScopeQuery,
} from "@gaiaftcl/net-capability";
import type { ChannelOptions, PublishOptions, PublishReport } from "@gaiaftcl/net-channel";
import type { PermissionToken } from "@gaiaftcl/net-identity";
import type { StreamOptions } from "@gaiaftcl/net-wire";
import type { ConnectTarget } from "../core/connect-target.js";
import type { KeptConnection } from "../core/kept-connections.js";
import type { MeshCore } from "../core/mesh-core.js";
import type { MeshStats, PeerView } from "../core/mesh-stats.js";
import { NetMeshError } from "../net-mesh-error.js";
import { nodeIdText } from "../peers/node-id.js";
import type { PortMappingView } from "../port-mapping/port-mapping-keeper.js";
import type { KnownNode } from "../routing/proximity-graph.js";
import type { ConnectPath } from "../traversal/direct-connector.js";
import type { NatView } from "../traversal/traversal.js";
import { EventIterator, type Iteration } from "./event-iterator.js";
import { MeshStream } from "./mesh-stream.js";
import type { PeerEvent } from "./node-hub.js";
import type { MeshNodeOptions } from "./node-options.js";
import { NodeRuntime } from "./node-runtime.js";
import { prometheusText } from "./prometheus.js";
import type { ReceivedBatch, ReceivedEvent } from "./received.js";
import type { ReceiveOptions } from "./receivers.js";
import { type SubscribeOptions, Subscription } from "./subscription.js";

export interface Cancellable {
  readonly signal?: AbortSignal;
}

export interface ConnectOptions extends Cancellable {
  /** First messages are sent for so many times five seconds; 3. */
  readonly retries?: number;
  /**
   * Whether the node is called again when the session is lost, until `disconnect`: ever more rarely,
   * up to once a minute, for as long as it takes. `true` when left out.
   */
  readonly reconnect?: boolean;
}

/**
 * A node of a Net mesh on a UDP socket. It answers and relays from the moment it listens; closing it
 * ends its sessions without a word, as the protocol has none for it.
 */
export class MeshNode implements AsyncDisposable {
  /** Where it is bound: `ip:port`. */
  readonly address: string;
  readonly nodeId: bigint;
  /** The Noise key that others need to connect here, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The Ed25519 key of its identity, 32 bytes. */
  readonly entityId: Uint8Array;
  readonly #runtime: NodeRuntime;

  private constructor(runtime: NodeRuntime) {
    this.#runtime = runtime;
    this.address = runtime.loop.socket.address;
    this.nodeId = runtime.loop.core.nodeId;
    this.publicKey = runtime.keys.publicKey;
    this.entityId = runtime.keys.entityId;
  }

  /**
   * Binds a socket and takes part in the mesh.
   *
   * @throws NetMeshError `INVALID_OPTION` with the reference's texts; `SOCKET` when the address is taken
   */
  static async listen(options: MeshNodeOptions): Promise<MeshNode> {
    const node = new MeshNode(await NodeRuntime.start(options));
    if (options.capabilities !== undefined) {
      node.announce(options.capabilities);
    }
    return node;
  }

  get stats(): MeshStats {
    return this.#core.stats;
  }

  get peers(): PeerView[] {
    return this.#core.peers();
  }

  peer(nodeId: bigint): PeerView | undefined {
    return this.#core.peer(nodeId);
  }

  /** Counts and sizes in the text format of Prometheus. */
  metrics(): string {
    return prometheusText({
      nodeId: this.nodeId,
      stats: this.stats,
      socket: this.#runtime.loop.socket.stats,
      droppedBatches: this.#runtime.hub.receivers.dropped,
      peers: this.peers,
      ...(this.portMapping === undefined ? {} : { portMapping: this.portMapping }),
    });
  }

  /**
   * Connects to a node at an address, and again whenever it is lost. Works with a 0.19.0 node before its `start` (which waits in
   * `accept`) and after.
   *
   * @param publicKey the other node's Noise key
   * @throws NetMeshError `HANDSHAKE` when no answer came that verifies; the signal's reason when aborted
   */
  async connect(
    address: string,
    publicKey: Uint8Array,
    nodeId: bigint,
    options: ConnectOptions = {},
  ): Promise<PeerView> {
    return this.#connect({ nodeId, publicKey, path: { kind: "address", address } }, options);
  }

  /** Connects through a peer that relays; no more of it is needed than that it has a way to `nodeId`. */
  async connectVia(
    relay: bigint,
    publicKey: Uint8Array,
    nodeId: bigint,
    options: ConnectOptions = {},
  ): Promise<PeerView> {
    return this.#connect({ nodeId, publicKey, path: { kind: "relay", relay } }, options);
  }

  /**
   * Calls a node at an address until it answers, and again whenever it is lost, until `disconnect`.
   * Returns at once; `onPeerEvent` tells of `connected` and `call-failed`.
   *
   * @throws NetMeshError `INVALID_OPTION` for what could only be called in vain
   */
  keepConnected(address: string, publicKey: Uint8Array, nodeId: bigint): void {
    this.#runtime.run((core, now) => {
      core.keep({ nodeId, publicKey, path: { kind: "address", address } }, now);
    });
  }

  /** The nodes this one connects to again when they are lost. */
  get keptConnections(): KeptConnection[] {
    return this.#core.keptConnections();
  }

  /** Waits until `nodeId` has a session with this node, and gives its address. */
  async accept(nodeId: bigint, options: Cancellable = {}): Promise<string> {
    await this.#runtime.operation<void>(options.signal, (resolve) =>
      this.#runtime.run((core, now) => core.accept(nodeId, now, resolve)),
    );
    return this.peer(nodeId)?.address ?? "";
  }

  /** Ends the session with a peer on this side, and calls it no more; gives whether there was a session. */
  disconnect(nodeId: bigint): boolean {
    return this.#runtime.run((core, now) => core.disconnect(nodeId, now));
  }

  /** Events of peers one by one; see `batches`. */
  events(options: ReceiveOptions = {}): Iteration<ReceivedEvent> {
    return new EventIterator(this.batches(options));
  }

  /**
   * Events of peers by packets. Each packet goes to one receiver: that with the narrowest filter.
   * What reliable streams of peers of our own kind bring is never dropped but held back at the
   * sender; of the rest, what exceeds the buffer is dropped and counted.
   */
  batches(options: ReceiveOptions = {}): Iteration<ReceivedBatch> {
    this.#runtime.ensureOpen();
    return this.#runtime.hub.receivers.open(options);
  }

  /** Calls `listener` at every change to peers, until the returned function is called. */
  onPeerEvent(listener: (event: PeerEvent) => void): () => void {
    this.#runtime.hub.listeners.add(listener);
    return () => {
      this.#runtime.hub.listeners.delete(listener);
    };
  }

  /**
   * Opens a stream; an open one of this id is given as it is.
   *
   * @throws NetMeshError `NOT_CONNECTED`
   */
  openStream(peer: bigint, id: bigint, options: StreamOptions = {}): MeshStream {
    const handle = this.#runtime.run((core, now) => core.openStream(peer, id, now, options));
    return new MeshStream(peer, handle, this.#runtime.streamPort);
  }

  /** Sends one event on stream 0 without credit, as the reference's `push_to`; gives false when the buffer is full. */
  push(peer: bigint, event: Uint8Array): boolean {
    return (
      this.#runtime.run((core, now) => core.push(peer, 0n, [event], now, { uncredited: true })) ===
      1
    );
  }

  /**
   * Sends events of a subprotocol; `batches({ subprotocolId })` receives them on the other side. The
   * ids that this node serves itself are not to be sent.
   *
   * @throws NetMeshError `NOT_CONNECTED`
   */
  sendSubprotocol(peer: bigint, subprotocolId: number, events: readonly Uint8Array[]): number {
    return this.#runtime.run((core, now) => core.sendSubprotocol(peer, subprotocolId, events, now));
  }

  /** Sets a way by hand, as good as that of a peer. */
  addRoute(destination: bigint, nextHop: string): void {
    this.#runtime.run((core, now) => {
      core.addRoute(destination, nextHop, now);
    });
  }

  /** Nodes heard of by pingwaves. */
  discoveredNodes(): KnownNode[] {
    return this.#core.discoveredNodes();
  }

  /**
   * Says what this node is and has, to every peer and, through them, to theirs: a set, or a dictionary
   * in the reference's form. Kept fresh until replaced. @throws NetCapabilityError
   */
  announce(capabilities: CapabilitySet | Readonly<Record<string, unknown>>): void {
    this.#runtime.run((core, now) => {
      core.announce(capabilities, now);
    });
  }

  /** Ids of nodes whose announcements match; nothing is sent. */
  findNodes(filter?: CapabilityFilter, scope?: ScopeQuery): bigint[] {
    return this.#core.findNodes(filter, scope);
  }

  announcementOf(nodeId: bigint): IndexEntry | undefined {
    return this.#core.announcementOf(nodeId);
  }

  /** Makes a channel known here, so that others can subscribe; again, to change its rules. @throws NetChannelError */
  registerChannel(name: string, options: ChannelOptions<CapabilityFilter> = {}): void {
    this.#runtime.run((core) => {
      core.registerChannel(name, options);
    });
  }

  /** Installs a token this node needs to publish on channels that require one. @throws NetIdentityError */
  installToken(token: PermissionToken, parents: readonly PermissionToken[] = []): void {
    this.#runtime.run((core) => {
      core.installToken(token, parents);
    });
  }

  /**
   * Subscribes to a channel of a publisher; the events are the iterator's. Leaving the iteration, or
   * disposing of it, unsubscribes. When the publisher comes again after a failure, the subscription
   * is asked for again.
   *
   * @throws NetChannelError with the reference's text when the publisher refuses or does not answer
   */
  async subscribe(
    publisher: bigint,
    channel: string,
    options: SubscribeOptions = {},
  ): Promise<Subscription> {
    this.#runtime.ensureOpen();
    return Subscription.open(this.#runtime.subscriptionPort, publisher, channel, options);
  }

  /**
   * Sends an event to everybody on a channel of this node.
   *
   * @throws NetChannelError with the reference's text when the rules keep this node out, or, under
   *   `best_effort`, when not one subscriber could be sent to
   */
  publish(channel: string, payload: Uint8Array, options: PublishOptions = {}): PublishReport {
    return this.#runtime.run((core, now) => core.publish(channel, payload, now, options));
  }

  /** How this node looks from outside, as far as it is known. */
  get natType(): NatView["natClass"] {
    return this.#core.natView.natClass;
  }

  /**
   * How another node looks from outside, by what it last announced; `unknown` when it said nothing or
   * is not known.
   */
  peerNatType(nodeId: bigint): NatView["natClass"] {
    return this.#core.natClassOf(nodeId);
  }

  /** The address this node is seen at from outside, as far as it is known. */
  get reflexAddress(): string | undefined {
    return this.#core.natView.reflex;
  }

  /** What became of the port mapping asked for with `tryPortMapping`; `undefined` when none was. */
  get portMapping(): PortMappingView | undefined {
    return this.#runtime.portMapping?.view;
  }

  /**
   * Asks a peer at which address it sees this node.
   *
   * @throws NetMeshError `TRAVERSAL` with the reference's text
   */
  async probeReflex(peer: bigint, options: Cancellable = {}): Promise<string> {
    return this.#runtime.probeReflex(peer, options.signal);
  }

  /** Finds out anew how this node looks from outside, by asking two peers. */
  async reclassifyNat(options: Cancellable = {}): Promise<NatView> {
    return this.#runtime.operation(options.signal, (resolve) => {
      this.#runtime.run((core, now) => {
        core.reclassifyNat(now, resolve);
      });
      return () => undefined;
    });
  }

  setReflexOverride(address: string): void {
    this.#runtime.run((core, now) => {
      core.setReflexOverride(address, now);
    });
  }

  clearReflexOverride(): void {
    this.#runtime.run((core, now) => {
      core.clearReflexOverride(now);
    });
  }

  /**
   * Reaches a peer by the best path both sides' NATs allow: straight, punched, or relayed by the
   * coordinator, a peer of both.
   *
   * @throws NetMeshError `TRAVERSAL` with the reference's text
   */
  async connectDirect(
    nodeId: bigint,
    publicKey: Uint8Array,
    coordinator: bigint,
    options: Omit<ConnectOptions, "retries"> = {},
  ): Promise<ConnectPath> {
    const path = await this.#runtime.connectDirect(
      { nodeId, publicKey, coordinator },
      options.signal,
    );
    this.#keep({ nodeId, publicKey, path: { kind: "best", coordinator } }, options);
    return path;
  }

  /**
   * Ends everything, after peers have had a moment to take what streams accepted.
   *
   * A port mapping is taken back first, which takes as long as the gateway does, at most 2 seconds.
   *
   * @param options.lingerMs how long that moment is at most; 500
   */
  async close({ lingerMs = 500 }: { readonly lingerMs?: number } = {}): Promise<void> {
    await this.#runtime.close(lingerMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #core(): MeshCore {
    return this.#runtime.loop.core;
  }

  async #connect(target: ConnectTarget, options: ConnectOptions): Promise<PeerView> {
    const { signal, retries } = options;
    await this.#runtime.connect(
      { ...target, ...(retries === undefined ? {} : { retries }) },
      signal,
    );
    const peer = this.peer(target.nodeId);
    if (peer === undefined) {
      throw new NetMeshError(
        "HANDSHAKE",
        `connect: the session with ${nodeIdText(target.nodeId)} ended at once`,
      );
    }
    this.#keep(target, options);
    return peer;
  }

  #keep(target: ConnectTarget, { reconnect = true }: ConnectOptions): void {
    if (reconnect) {
      this.#runtime.run((core, now) => {
        core.keep(target, now);
      });
    }
  }
}
