import { readCapabilities, readFilter, readScopeQuery } from "@gaiaftcl/net-capability";
import { PermissionToken } from "@gaiaftcl/net-identity";
import type { MeshNode, ReceivedEvent } from "@gaiaftcl/net-mesh";
import type {
  FoundNode,
  NatResult,
  NodeEntry,
  NodeStatus,
  PingResult,
  PublishResult,
} from "./control-protocol.js";
import { formatNodeId, parseNodeId } from "./node-id-text.js";
import { formatTicket, parseTicket } from "./ticket.js";

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
      ticket: formatTicket(node),
      natType: node.natType,
      reflexAddress: node.reflexAddress ?? null,
      peers: node.peers.length,
    };
  }

  nodes(): NodeEntry[] {
    const peers = this.#node.peers
      .map((peer) => this.#peerEntry(peer.nodeId))
      .filter((entry) => entry !== undefined);
    const known = new Set(this.#node.peers.map(({ nodeId }) => nodeId));
    const heardOf = this.#node
      .discoveredNodes()
      .filter(({ nodeId }) => !known.has(nodeId) && nodeId !== this.#node.nodeId)
      .map(
        ({ nodeId, hops, health }): NodeEntry => ({
          nodeId: formatNodeId(nodeId),
          kind: "heard-of",
          address: null,
          health,
          strict: null,
          relayed: null,
          hops,
        }),
      );
    return [...peers, ...heardOf];
  }

  async join(ticket: string, signal: AbortSignal): Promise<NodeEntry> {
    const { nodeId, address, publicKey } = parseTicket(ticket);
    await this.#node.connect(address, publicKey, nodeId, { signal });
    return this.#peerEntry(nodeId) as NodeEntry;
  }

  async ping(nodeId: string, signal: AbortSignal): Promise<PingResult> {
    const peer = parseNodeId(nodeId);
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
  subscribe(
    publisher: string,
    channel: string,
    token: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ReceivedEvent>> {
    return this.#node.subscribe(parseNodeId(publisher), channel, {
      signal,
      ...(token === undefined ? {} : { token: PermissionToken.parse(token) }),
    });
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
    return { natType: natClass, reflexAddress: reflex ?? null };
  }

  #peerEntry(nodeId: bigint): NodeEntry | undefined {
    const peer = this.#node.peer(nodeId);
    if (peer === undefined) return undefined;
    const { address, health, strict, relayed } = peer;
    return {
      nodeId: formatNodeId(nodeId),
      kind: "peer",
      address,
      health,
      strict,
      relayed,
      hops: 1,
    };
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
