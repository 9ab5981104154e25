import { readCapabilities, readFilter, readScopeQuery } from "@gaiaftcl/net-capability";
import { PermissionToken } from "@gaiaftcl/net-identity";
import type { MeshNode, ReceivedEvent } from "@gaiaftcl/net-mesh";
import type {
  FoundNode,
  LeaveResult,
  NatResult,
  NodeEntry,
  NodeStatus,
  PingResult,
  PublishResult,
} from "./control-protocol.js";
import { NetControlError } from "./net-control-error.js";
import { formatNodeId, parseNodeId } from "./node-id-text.js";
import { nodeTicket } from "./node-ticket.js";
import { parseTicket } from "./ticket.js";

/** What the requests of a running node do. */
export class NodeService {
  readonly #node: MeshNode;
  readonly #registered = new Set<string>();

  constructor(node: MeshNode) {
    this.#node = node;
  }

  status(): NodeStatus {
    const node = this.#node;
    return {
      nodeId: formatNodeId(node.nodeId),
      entityId: hex(node.entityId),
      publicKey: hex(node.publicKey),
      address: node.address,
      ticket: nodeTicket(node),
      natType: node.natType,
      reflexAddress: node.reflexAddress ?? null,
      peers: node.peers.length,
    };
  }

  nodes(): NodeEntry[] {
    const node = this.#node;
    const entry = (nodeId: bigint): Pick<NodeEntry, "nodeId" | "natType" | "kept"> => ({
      nodeId: formatNodeId(nodeId),
      natType: node.peerNatType(nodeId),
      kept: node.keptConnections.some((kept) => kept.nodeId === nodeId),
    });
    const peers = node.peers.map(
      ({ nodeId, address, health, strict, relayed }): NodeEntry => ({
        ...entry(nodeId),
        kind: "peer",
        address,
        health,
        strict,
        relayed,
        hops: 1,
      }),
    );
    const known = new Set([node.nodeId, ...node.peers.map(({ nodeId }) => nodeId)]);
    const unknown = { address: null, strict: null, relayed: null };
    const called = node.keptConnections
      .filter(({ nodeId }) => !known.has(nodeId))
      .map(({ nodeId }): NodeEntry => {
        known.add(nodeId);
        return { ...entry(nodeId), ...unknown, kind: "called", health: null, hops: null };
      });
    const heardOf = node
      .discoveredNodes()
      .filter(({ nodeId }) => !known.has(nodeId))
      .map(
        ({ nodeId, hops, health }): NodeEntry => ({
          ...entry(nodeId),
          ...unknown,
          kind: "heard-of",
          health,
          // Nothing leads there at this moment, and nothing new is heard.
          hops: Number.isFinite(hops) ? hops : null,
        }),
      );
    return [...peers, ...called, ...heardOf];
  }

  async join(ticket: string, signal: AbortSignal): Promise<NodeEntry> {
    const { nodeId, address, publicKey } = parseTicket(ticket);
    if (nodeId === this.#node.nodeId) {
      throw new NetControlError(
        "ARGUMENT",
        "this is the node's own ticket: join takes that of another",
      );
    }
    const present = this.#node.peer(nodeId);
    if (present?.health === "healthy" && present.address === address) {
      // A new session would cost what is under way in this one.
      this.#node.keepConnected(address, publicKey, nodeId);
    } else {
      await this.#node.connect(address, publicKey, nodeId, { signal });
    }
    const name = formatNodeId(nodeId);
    const joined = this.nodes().find((entry) => entry.nodeId === name && entry.kind === "peer");
    if (joined === undefined) {
      throw new NetControlError("FAILED", `the session with ${name} ended at once`);
    }
    return joined;
  }

  /** Ends the session with a peer, and the calls for one. */
  leave(nodeId: string): LeaveResult {
    const peer = parseNodeId(nodeId);
    const isKept = this.#node.keptConnections.some((kept) => kept.nodeId === peer);
    return { left: this.#node.disconnect(peer) || isKept };
  }

  async ping(nodeId: string, signal: AbortSignal): Promise<PingResult> {
    const peer = this.#peer(nodeId);
    const sentAt = performance.now();
    const reflexAddress = await this.#node.probeReflex(peer, { signal });
    return { rttMs: performance.now() - sentAt, reflexAddress };
  }

  publish(channel: string, payload: Uint8Array, reliable: boolean): PublishResult {
    // Others may join only what is registered; publishing by hand is meant for whoever listens.
    if (!this.#registered.has(channel)) {
      this.#node.registerChannel(channel);
      this.#registered.add(channel);
    }
    const report = this.#node.publish(channel, payload, {
      reliability: reliable ? "reliable" : "fire_and_forget",
    });
    return {
      attempted: report.attempted,
      delivered: report.delivered,
      errors: report.errors.map(({ nodeId, message }) => ({
        nodeId: formatNodeId(nodeId),
        message,
      })),
    };
  }

  /** The events of a channel as they come, until `signal` is aborted. */
  async subscribe(
    publisher: string,
    channel: string,
    token: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ReceivedEvent>> {
    try {
      return await this.#node.subscribe(this.#peer(publisher), channel, {
        signal,
        ...(token === undefined ? {} : { token: PermissionToken.parse(token) }),
      });
    } catch (error) {
      if (error instanceof Error && Reflect.get(error, "code") === "UNKNOWN_CHANNEL") {
        throw new NetControlError(
          "FAILED",
          `${error.message}: ${publisher} has no channel ${channel}; it has one once it publishes there`,
          { cause: error },
        );
      }
      throw error;
    }
  }

  announce(capabilities: Readonly<Record<string, unknown>>): void {
    this.#node.announce(readCapabilities(capabilities));
  }

  find(
    filter: Readonly<Record<string, unknown>>,
    scope: Readonly<Record<string, unknown>> | undefined,
  ): FoundNode[] {
    return this.#node
      .findNodes(readFilter(filter), scope === undefined ? undefined : readScopeQuery(scope))
      .map((nodeId) => ({
        nodeId: formatNodeId(nodeId),
        tags: [...(this.#node.announcementOf(nodeId)?.capabilities.tags ?? [])],
      }));
  }

  async nat(signal: AbortSignal): Promise<NatResult> {
    const { natClass, reflex } = await this.#node.reclassifyNat({ signal });
    const { portMapping } = this.#node;
    return {
      natType: natClass,
      reflexAddress: reflex ?? null,
      portMapping:
        portMapping === undefined
          ? null
          : {
              state: portMapping.state,
              protocol: portMapping.protocol ?? null,
              externalAddress: portMapping.externalAddress ?? null,
              reason: portMapping.reason ?? null,
            },
    };
  }

  /** @throws NetControlError for a node id that is none, and for a node that is no peer */
  #peer(nodeId: string): bigint {
    const peer = parseNodeId(nodeId);
    if (this.#node.peer(peer) === undefined) {
      throw new NetControlError(
        "FAILED",
        `there is no session with ${formatNodeId(peer)}: it has to be a peer, joined by its ticket`,
      );
    }
    return peer;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
