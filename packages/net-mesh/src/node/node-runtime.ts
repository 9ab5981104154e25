import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type { ConnectTarget } from "../core/connect-target.js";
import type { MeshCore } from "../core/mesh-core.js";
import { NetMeshError } from "../net-mesh-error.js";
import type { PortMappingKeeper } from "../port-mapping/port-mapping-keeper.js";
import type { ConnectPath } from "../traversal/direct-connector.js";
import { ChannelSubscriptions } from "./channel-subscriptions.js";
import { CoreLoop } from "./core-loop.js";
import type { StreamPort } from "./mesh-stream.js";
import { NodeHub, streamKey } from "./node-hub.js";
import { checkedOptions, type MeshNodeOptions } from "./node-options.js";
import { operation } from "./operation.js";
import { startPortMapping } from "./port-mapping.js";
import type { SubscriptionPort } from "./subscription.js";

const LINGER_STEP_MS = 2;

/** The keys others know a node by, 32 bytes each. */
export interface PublicKeys {
  /** Noise. */
  readonly publicKey: Uint8Array;
  /** Ed25519. */
  readonly entityId: Uint8Array;
}

/** The running parts of a node, and promises around what its core calls back for. */
export class NodeRuntime {
  readonly loop: CoreLoop;
  readonly hub: NodeHub;
  readonly keys: PublicKeys;
  /** There when a port mapping was asked for. */
  readonly portMapping: PortMappingKeeper | undefined;
  readonly #closing = new AbortController();

  private constructor(
    loop: CoreLoop,
    hub: NodeHub,
    keys: PublicKeys,
    portMapping: PortMappingKeeper | undefined,
  ) {
    this.loop = loop;
    this.hub = hub;
    this.keys = keys;
    this.portMapping = portMapping;
  }

  /** @throws NetMeshError `INVALID_OPTION`, `SOCKET` */
  static async start(options: MeshNodeOptions): Promise<NodeRuntime> {
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
    const keys = {
      publicKey: checked.keyPair.publicKey,
      entityId: checked.identity.entityId,
    };
    return new NodeRuntime(loop, hub, keys, await startPortMapping(loop, options));
  }

  readonly streamPort: StreamPort = {
    send: (peer, handle, events) => this.run((core, now) => core.send(peer, handle, events, now)),
    writable: async (peer, streamId, signal) =>
      this.hub.writable.wait(streamKey(peer, streamId), signal),
    close: (peer, handle) => {
      this.run((core, now) => {
        core.closeStream(peer, handle, now);
      });
    },
    stats: (peer, streamId) => this.loop.core.streamStats(peer, streamId),
  };

  readonly subscriptionPort: SubscriptionPort = new ChannelSubscriptions({
    receive: (options) => this.hub.receivers.open(options),
    run: (command) => this.run(command),
    operation: async (signal, start) => this.operation<void>(signal, start),
    isClosing: () => this.loop.isClosed || this.#closing.signal.aborted,
  });

  /** Begins a session and waits for it. @throws NetMeshError `HANDSHAKE` */
  async connect(target: ConnectTarget, signal: AbortSignal | undefined): Promise<void> {
    await this.operation<void>(signal, (resolve, reject) =>
      this.run((core, now) =>
        core.connect(target, now, (outcome) => {
          if (outcome.ok) {
            resolve();
          } else {
            reject(new NetMeshError("HANDSHAKE", `connect: ${outcome.reason}`));
          }
        }),
      ),
    );
  }

  /** Asks a peer at which address it sees this node. @throws NetMeshError `TRAVERSAL` */
  async probeReflex(peer: bigint, signal: AbortSignal | undefined): Promise<string> {
    return this.operation(signal, (resolve, reject) => {
      this.run((core, now) => {
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

  /** Reaches a peer by the best path there is. @throws NetMeshError `TRAVERSAL` */
  async connectDirect(
    target: Parameters<MeshCore["connectDirect"]>[0],
    signal: AbortSignal | undefined,
  ): Promise<ConnectPath> {
    return this.operation(signal, (resolve, reject) => {
      this.run((core, now) => {
        core.connectDirect(target, now, (outcome) => {
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

  /**
   * Ends everything that waits, and the socket.
   *
   * @param lingerMs how long to go on for peers that have yet to acknowledge what they were sent
   */
  async close(lingerMs: number): Promise<void> {
    const unmapped = this.portMapping?.close();
    const end = performance.now() + lingerMs;
    while (!this.loop.isClosed && performance.now() < end && this.#isOwing()) {
      await setTimeout(LINGER_STEP_MS);
    }
    this.#closing.abort(new NetMeshError("CLOSED", "MeshNode has been shut down"));
    this.hub.receivers.close();
    this.hub.writable.wakeAll("");
    await unmapped;
    await this.loop.close();
  }

  #isOwing(): boolean {
    return this.loop.core
      .peers()
      .some(({ health, streams }) => health === "healthy" && streams.bufferedBytes > 0);
  }

  async operation<T>(
    signal: AbortSignal | undefined,
    start: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
  ): Promise<T> {
    const closing = this.#closing.signal;
    return operation(signal === undefined ? closing : AbortSignal.any([signal, closing]), start);
  }

  run<T>(command: (core: MeshCore, now: number) => T): T {
    this.ensureOpen();
    return this.loop.run(command);
  }

  ensureOpen(): void {
    if (this.loop.isClosed) {
      throw new NetMeshError("CLOSED", "MeshNode has been shut down");
    }
  }
}
