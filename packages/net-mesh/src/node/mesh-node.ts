import { randomBytes } from "node:crypto";
import type {
  CapabilityFilter,
  CapabilitySet,
  IndexEntry,
  ScopeQuery,
} from "@gaiaftcl/net-capability";
import type { ChannelOptions, PublishOptions, PublishReport } from "@gaiaftcl/net-channel";
import type { PermissionToken } from "@gaiaftcl/net-identity";
import type { StreamOptions } from "@gaiaftcl/net-wire";
import type { ConnectTarget, MeshCore } from "../core/mesh-core.js";
import type { MeshStats, PeerView } from "../core/mesh-stats.js";
import { NetMeshError } from "../net-mesh-error.js";
import { nodeIdText } from "../peers/node-id.js";
import type { KnownNode } from "../routing/proximity-graph.js";
import type { ConnectPath } from "../traversal/direct-connector.js";
import type { NatView } from "../traversal/traversal.js";
import { CoreLoop } from "./core-loop.js";
import { MeshStream, type StreamPort } from "./mesh-stream.js";
import { NodeHub, type PeerEvent, streamKey } from "./node-hub.js";
import { checkedOptions, type MeshNodeOptions } from "./node-options.js";
import { operation } from "./operation.js";
import { prometheusText } from "./prometheus.js";
import { eventsOf, type ReceivedBatch, type ReceivedEvent } from "./received.js";
import type { ReceiveOptions } from "./receivers.js";
import { type SubscribeOptions, Subscription, type SubscriptionPort } from "./subscription.js";

export interface Cancellable {
  readonly signal?: AbortSignal;
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
  readonly #loop: CoreLoop;
  readonly #hub: NodeHub;
  readonly #closing = new AbortController();

  private constructor(
    loop: CoreLoop,
    keys: { readonly publicKey: Uint8Array; readonly entityId: Uint8Array },
    hub: NodeHub,
  ) {
    this.#loop = loop;
    this.#hub = hub;
    this.address = loop.socket.address;
    this.nodeId = loop.core.nodeId;
    this.publicKey = keys.publicKey;
    this.entityId = keys.entityId;
  }

  /**
   * Binds a socket and takes part in the mesh.
   *
   * @throws NetMeshError `INVALID_OPTION` with the reference's texts; `SOCKET` when the address is taken
   */
  static async listen(options: MeshNodeOptions): Promise<MeshNode> {
    const checked = checkedOptions(options, (length) => randomBytes(length));
    const hub = new NodeHub();
    const loop = await CoreLoop.start(options.bind, checked, (event) => {
      hub.take(event);
    });
    hub.consume = ({ peer, batch }) => {
      if (!loop.isClosed) {
        loop.run((core, now) => {
          core.consume(peer, batch, now);
        });
      }
    };
    const node = new MeshNode(
      loop,
      { publicKey: checked.keyPair.publicKey, entityId: checked.identity.entityId },
      hub,
    );
    if (options.capabilities !== undefined) {
      node.announce(options.capabilities);
    }
    return node;
  }

  get stats(): MeshStats {
    return this.#loop.core.stats;
  }

  get peers(): PeerView[] {
    return this.#loop.core.peers();
  }

  peer(nodeId: bigint): PeerView | undefined {
    return this.#loop.core.peer(nodeId);
  }

  /** Counts and sizes in the text format of Prometheus. */
  metrics(): string {
    return prometheusText({
      nodeId: this.nodeId,
      stats: this.stats,
      socket: this.#loop.socket.stats,
      droppedBatches: this.#hub.receivers.dropped,
      peers: this.peers,
    });
  }

  /**
   * Connects to a node at an address. Works with a 0.19.0 node before its `start` (which waits in
   * `accept`) and after.
   *
   * @param publicKey the other node's Noise key
   * @throws NetMeshError `HANDSHAKE` when no answer came that verifies; the signal's reason when aborted
   */
  async connect(
    address: string,
    publicKey: Uint8Array,
    nodeId: bigint,
    options: Cancellable & { readonly retries?: number } = {},
  ): Promise<PeerView> {
    return this.#connect({ nodeId, publicKey, path: { kind: "address", address } }, options);
  }

  /** Connects through a peer that relays; no more of it is needed than that it has a way to `nodeId`. */
  async connectVia(
    relay: bigint,
    publicKey: Uint8Array,
    nodeId: bigint,
    options: Cancellable & { readonly retries?: number } = {},
  ): Promise<PeerView> {
    return this.#connect({ nodeId, publicKey, path: { kind: "relay", relay } }, options);
  }

  /** Waits until `nodeId` has a session with this node, and gives its address. */
  async accept(nodeId: bigint, options: Cancellable = {}): Promise<string> {
    await this.#operation<void>(options.signal, (resolve) =>
      this.#run((core, now) => core.accept(nodeId, now, resolve)),
    );
    return this.peer(nodeId)?.address ?? "";
  }

  /** Ends the session with a peer on this side. */
  disconnect(nodeId: bigint): boolean {
    return this.#run((core, now) => core.disconnect(nodeId, now));
  }

  /** Events of peers one by one; see `batches`. */
  events(options: ReceiveOptions = {}): AsyncGenerator<ReceivedEvent, undefined, undefined> {
    return eventsOf(this.batches(options));
  }

  /**
   * Events of peers by packets. Each packet goes to one receiver: that with the narrowest filter.
   * What reliable streams of peers of our own kind bring is never dropped but held back at the
   * sender; of the rest, what exceeds the buffer is dropped and counted.
   */
  batches(options: ReceiveOptions = {}): AsyncIterableIterator<ReceivedBatch, undefined> {
    this.#ensureOpen();
    return this.#hub.receivers.open(options);
  }

  /** Calls `listener` at every change to peers, until the returned function is called. */
  onPeerEvent(listener: (event: PeerEvent) => void): () => void {
    this.#hub.listeners.add(listener);
    return () => {
      this.#hub.listeners.delete(listener);
    };
  }

  /**
   * Opens a stream; an open one of this id is given as it is.
   *
   * @throws NetMeshError `NOT_CONNECTED`
   */
  openStream(peer: bigint, id: bigint, options: StreamOptions = {}): MeshStream {
    const handle = this.#run((core, now) => core.openStream(peer, id, now, options));
    return new MeshStream(peer, handle, this.#streamPort);
  }

  /** Sends one event on stream 0 without credit, as the reference's `push_to`; gives false when the buffer is full. */
  push(peer: bigint, event: Uint8Array): boolean {
    return this.#run((core, now) => core.push(peer, 0n, [event], now, { uncredited: true })) === 1;
  }

  addRoute(destination: bigint, nextHop: string): void {
    this.#run((core, now) => {
      core.addRoute(destination, nextHop, now);
    });
  }

  /** Nodes heard of by pingwaves. */
  discoveredNodes(): KnownNode[] {
    return this.#loop.core.discoveredNodes();
  }

  /** Says what this node is and has, to every peer and, through them, to theirs. Kept fresh until replaced. */
  announce(capabilities: CapabilitySet): void {
    this.#run((core, now) => {
      core.announce(capabilities, now);
    });
  }

  /** Ids of nodes whose announcements match; nothing is sent. */
  findNodes(filter?: CapabilityFilter, scope?: ScopeQuery): bigint[] {
    return this.#loop.core.findNodes(filter, scope);
  }

  announcementOf(nodeId: bigint): IndexEntry | undefined {
    return this.#loop.core.announcementOf(nodeId);
  }

  /** Makes a channel known here, so that others can subscribe; again, to change its rules. @throws NetChannelError */
  registerChannel(name: string, options: ChannelOptions<CapabilityFilter> = {}): void {
    this.#run((core) => {
      core.registerChannel(name, options);
    });
  }

  /** Installs a token this node needs to publish on channels that require one. @throws NetIdentityError */
  installToken(token: PermissionToken, parents: readonly PermissionToken[] = []): void {
    this.#run((core) => {
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
    this.#ensureOpen();
    return Subscription.open(this.#subscriptionPort, publisher, channel, options);
  }

  /**
   * Sends an event to everybody on a channel of this node.
   *
   * @throws NetChannelError with the reference's text when the rules keep this node out, or, under
   *   `best_effort`, when not one subscriber could be sent to
   */
  publish(channel: string, payload: Uint8Array, options: PublishOptions = {}): PublishReport {
    return this.#run((core, now) => core.publish(channel, payload, now, options));
  }

  /** How this node looks from outside, as far as it is known. */
  get natType(): NatView["natClass"] {
    return this.#loop.core.natView.natClass;
  }

  /** The address this node is seen at from outside, as far as it is known. */
  get reflexAddress(): string | undefined {
    return this.#loop.core.natView.reflex;
  }

  /**
   * Asks a peer at which address it sees this node.
   *
   * @throws NetMeshError `TRAVERSAL` with the reference's text
   */
  async probeReflex(peer: bigint, options: Cancellable = {}): Promise<string> {
    return this.#operation(options.signal, (resolve, reject) => {
      this.#run((core, now) => {
        core.probeReflex(peer, now, (outcome) => {
          if (outcome.ok) {
            resolve(outcome.address);
          } else {
            reject(new NetMeshError("TRAVERSAL", outcome.failure.message));
          }
        });
      });
      return () => undefined;
    });
  }

  /** Finds out anew how this node looks from outside, by asking two peers. */
  async reclassifyNat(options: Cancellable = {}): Promise<NatView> {
    return this.#operation(options.signal, (resolve) => {
      this.#run((core, now) => {
        core.reclassifyNat(now, resolve);
      });
      return () => undefined;
    });
  }

  setReflexOverride(address: string): void {
    this.#run((core, now) => {
      core.setReflexOverride(address, now);
    });
  }

  clearReflexOverride(): void {
    this.#run((core, now) => {
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
    options: Cancellable = {},
  ): Promise<ConnectPath> {
    return this.#operation(options.signal, (resolve, reject) => {
      this.#run((core, now) => {
        core.connectDirect({ nodeId, publicKey, coordinator }, now, (outcome) => {
          if (outcome.ok) {
            resolve(outcome.path);
          } else {
            reject(new NetMeshError("TRAVERSAL", outcome.failure.message));
          }
        });
      });
      return () => undefined;
    });
  }

  /** Ends everything. What streams have accepted and can send at once still leaves. */
  async close(): Promise<void> {
    this.#closing.abort(new NetMeshError("CLOSED", "MeshNode has been shut down"));
    this.#hub.receivers.close();
    this.#hub.writable.wakeAll("");
    await this.#loop.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #streamPort: StreamPort = {
    send: (peer, handle, events) => this.#run((core, now) => core.send(peer, handle, events, now)),
    writable: async (peer, streamId, signal) =>
      this.#hub.writable.wait(streamKey(peer, streamId), signal),
    close: (peer, handle) => {
      this.#run((core, now) => {
        core.closeStream(peer, handle, now);
      });
    },
    stats: (peer, streamId) => this.#loop.core.streamStats(peer, streamId),
  };

  readonly #subscriptionPort: SubscriptionPort = {
    receive: (options) => this.#hub.receivers.open(options),
    subscribe: async (request, signal) =>
      this.#operation<void>(signal, (resolve, reject) => {
        this.#run((core, now) => {
          core.subscribe(request, now, (error) => {
            if (error === undefined) {
              resolve();
            } else {
              reject(error);
            }
          });
        });
        return () => undefined;
      }),
    unsubscribe: async (publisher, channel) =>
      new Promise<void>((resolve) => {
        if (this.#loop.isClosed) {
          resolve();
          return;
        }
        this.#closing.signal.addEventListener("abort", () => resolve(), { once: true });
        // Whoever leaves does not care why the publisher did not hear of it.
        this.#run((core, now) => {
          core.unsubscribe(publisher, channel, now, () => resolve());
        });
      }),
  };

  async #connect(
    target: ConnectTarget,
    { signal, retries }: Cancellable & { readonly retries?: number },
  ): Promise<PeerView> {
    await this.#operation<void>(signal, (resolve, reject) =>
      this.#run((core, now) =>
        core.connect(
          { ...target, ...(retries === undefined ? {} : { retries }) },
          now,
          (outcome) => {
            if (outcome.ok) {
              resolve();
            } else {
              reject(new NetMeshError("HANDSHAKE", `connect: ${outcome.reason}`));
            }
          },
        ),
      ),
    );
    const peer = this.peer(target.nodeId);
    if (peer === undefined) {
      throw new NetMeshError(
        "HANDSHAKE",
        `connect: the session with ${nodeIdText(target.nodeId)} ended at once`,
      );
    }
    return peer;
  }

  async #operation<T>(
    signal: AbortSignal | undefined,
    start: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
  ): Promise<T> {
    const closing = this.#closing.signal;
    return operation(signal === undefined ? closing : AbortSignal.any([signal, closing]), start);
  }

  #run<T>(command: (core: MeshCore, now: number) => T): T {
    this.#ensureOpen();
    return this.#loop.run(command);
  }

  #ensureOpen(): void {
    if (this.#loop.isClosed) {
      throw new NetMeshError("CLOSED", "MeshNode has been shut down");
    }
  }
}
