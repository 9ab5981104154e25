import type { MeshStats, PeerView } from "../core/mesh-stats.js";
import { nodeIdText } from "../peers/node-id.js";
import type { PortMappingView } from "../port-mapping/port-mapping-keeper.js";
import type { UdpSocketStats } from "./udp-socket.js";

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface MetricsSource {
  readonly nodeId: bigint;
  readonly stats: MeshStats;
  readonly socket: UdpSocketStats;
  readonly droppedBatches: number;
  readonly peers: readonly PeerView[];
  /** There when a mapping was asked for. */
  readonly portMapping?: PortMappingView;
}

/** What a node did and holds in the text format of Prometheus, version 0.0.4. */
export function prometheusText(source: MetricsSource): string {
  return families(source)
    .map(({ name, kind, help, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${kind}`,
        ...samples.map((sample) => `${name}${labelText(sample.labels)} ${sample.value}`),
        "",
      ].join("\n"),
    )
    .join("");
}

function families(source: MetricsSource): Family[] {
  const { nodeId, stats, socket, droppedBatches, peers, portMapping } = source;
  const own = { node: nodeIdText(nodeId) };
  const one = (name: string, kind: Family["kind"], help: string, value: number): Family => ({
    name: `gaiaftcl_net_${name}`,
    kind,
    help,
    samples: [{ labels: own, value }],
  });
  const perPeer = (name: string, help: string, value: (peer: PeerView) => number): Family => ({
    name: `gaiaftcl_net_peer_${name}`,
    kind: "gauge",
    help,
    samples: peers.map((peer) => ({
      labels: { ...own, peer: nodeIdText(peer.nodeId), address: peer.address },
      value: value(peer),
    })),
  });
  return [
    one("peers", "gauge", "Peers with a session.", stats.peers),
    one("routes", "gauge", "Destinations in the routing table.", stats.routes),
    one("known_nodes", "gauge", "Nodes heard of by pingwaves.", stats.knownNodes),
    one("announced_nodes", "gauge", "Nodes in the capability index.", stats.announcedNodes),
    one(
      "relayed_sessions",
      "gauge",
      "Sessions of others that pass through.",
      stats.relayedSessions,
    ),
    ...Object.entries(stats.counters).map(([name, value]) =>
      one(`${snakeCase(name)}_total`, "counter", `${sentence(name)} since the start.`, value),
    ),
    ...Object.entries(stats.traversal).map(([name, value]) =>
      one(`${snakeCase(name)}_total`, "counter", `${sentence(name)} since the start.`, value),
    ),
    ...Object.entries(socket).map(([name, value]) =>
      one(`${snakeCase(name)}_total`, "counter", `${sentence(name)} since the start.`, value),
    ),
    one(
      "receive_drops_total",
      "counter",
      "Packets of events that no receiver took in time.",
      droppedBatches,
    ),
    ...(portMapping === undefined
      ? []
      : [
          one(
            "port_mapped",
            "gauge",
            "1 while a gateway forwards a port to this node.",
            portMapping.state === "mapped" ? 1 : 0,
          ),
        ]),
    perPeer("healthy", "1 while the peer is not suspected.", (peer) =>
      peer.health === "healthy" ? 1 : 0,
    ),
    perPeer("silent_seconds", "Time since the peer was heard.", (peer) => peer.silentMs / 1000),
    perPeer(
      "buffered_bytes",
      "Bytes accepted and not yet sent or acknowledged.",
      (peer) => peer.streams.bufferedBytes,
    ),
    perPeer("streams", "Streams with the peer.", (peer) => peer.streams.streams),
  ];
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** A label value with the three characters escaped that would end or break it. */
export function escapeLabel(value: string): string {
  return value.replace(/\\/gu, "\\\\").replace(/"/gu, '\\"').replace(/\n/gu, "\\n");
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}

function sentence(name: string): string {
  const words = snakeCase(name).replaceAll("_", " ");
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}
