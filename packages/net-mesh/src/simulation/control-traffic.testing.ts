import { CapabilitySet } from "@gaiaftcl/net-capability";
import { datagramKind, packetFlags } from "@gaiaftcl/net-wire";
import { meshTuning } from "../config/mesh-config.js";
import { SeededRandom } from "../simulated/seeded-random.js";
import { SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";
import { distances, type Links } from "./topology.testing.js";

/** The defaults of a node, in seconds. */
export const BEAT_S = 5;
const REFRESH_S = 100;
/** Bytes of a wave and of a heartbeat, without the headers of UDP and IP. */
const WAVE_BYTES = 72;
export const HEARTBEAT_BYTES = 80;

const FLAGS_AT = 3;
const BEATS = 2;
const ANNOUNCEMENT_ROUND_MS = 4000;
/** Nodes that handed a wave on are at most so far from its origin. */
const FORWARDING_HOPS = 3;

/** What one node sends on average when nobody says anything, in bytes of UDP payload a second. */
export interface ControlTraffic {
  readonly nodes: number;
  readonly degree: number;
  readonly heartbeats: number;
  readonly waves: number;
  readonly announcements: number;
  /** The same sum for the node that sends most. */
  readonly busiest: number;
  /** Bytes one announcement costs on one link, its share of acknowledgements included. */
  readonly announcementBytes: number;
  /** What `predictedWaves` gives for these links. */
  readonly predictedWaves: number;
}

/**
 * Sets up a mesh without losses, counts two beats of silence, and one round in which every node
 * announces itself, which happens once in a hundred seconds.
 */
export function measure(links: Links, nodes: number, seed: number): ControlTraffic {
  const mesh = new SimMesh({ seed });
  mesh.network.setLink(linkDelays(new SeededRandom(seed)));
  const all = Array.from({ length: nodes }, () => {
    // Nodes start one after another, so that their beats fall at different moments.
    mesh.network.run((BEAT_S * 1000) / nodes);
    return mesh.add();
  });
  mesh.connectAll(links.map(([left, right]) => [all[left] as SimNode, all[right] as SimNode]));
  // The first waves find the ways; what is counted is how it goes on.
  mesh.network.run(2 * BEAT_S * 1000);
  const sent = new Map(all.map((node) => [node, { heartbeats: 0, waves: 0, others: 0 }]));
  mesh.taps.add((node, datagram) => {
    const counted = sent.get(node);
    if (counted !== undefined) {
      counted[kindOf(datagram)] += datagram.length;
    }
  });
  mesh.network.run(BEATS * BEAT_S * 1000);
  const silence = [...sent.values()].map((counted) => ({ ...counted }));
  for (const node of all) {
    node.do((core, now) => {
      core.announce(CapabilitySet.of(["model:example", "region:eu", "hardware.gpu"]), now);
    });
  }
  mesh.network.run(ANNOUNCEMENT_ROUND_MS);
  const rates = [...sent.values()].map((counted, index) => {
    const before = silence[index] as typeof counted;
    return {
      heartbeats: before.heartbeats / (BEATS * BEAT_S),
      waves: before.waves / (BEATS * BEAT_S),
      announcements: (counted.others - before.others) / REFRESH_S,
    };
  });
  const mean = (name: "heartbeats" | "waves" | "announcements"): number =>
    rates.reduce((sum, rate) => sum + rate[name], 0) / nodes;
  const crossings = nodes * (2 * links.length - nodes + 1);
  return {
    nodes,
    degree: (2 * links.length) / nodes,
    heartbeats: mean("heartbeats"),
    waves: mean("waves"),
    announcements: mean("announcements"),
    busiest: Math.max(
      ...rates.map(({ heartbeats, waves, announcements }) => heartbeats + waves + announcements),
    ),
    announcementBytes: (mean("announcements") * REFRESH_S * nodes) / crossings,
    predictedWaves: predictedWaves(links, nodes),
  };
}

/**
 * The mean rate of waves: an origin sends to all its neighbours, and each node within three hops of
 * it to all but the one it heard it from, as long as it passes on no more than its limit.
 */
function predictedWaves(links: Links, nodes: number): number {
  const degrees = new Map<number, number>();
  for (const node of links.flat()) {
    degrees.set(node, (degrees.get(node) ?? 0) + 1);
  }
  const passedOn = new Map<number, number>();
  for (let origin = 0; origin < nodes; origin += 1) {
    for (const [node, hops] of distances(links, origin)) {
      if (hops > 0 && hops <= FORWARDING_HOPS) {
        passedOn.set(node, (passedOn.get(node) ?? 0) + (degrees.get(node) as number) - 1);
      }
    }
  }
  const limit = meshTuning({}).pingwavesPassedOn * BEAT_S;
  const sum = [...passedOn.values()].reduce((total, count) => total + Math.min(count, limit), 0);
  return ((sum + 2 * links.length) * WAVE_BYTES) / BEAT_S / nodes;
}

/** Each link has a delay of its own, from 5 to 50 ms, and keeps the order. */
function linkDelays(source: SeededRandom): (from: string, to: string) => { delayMs: number } {
  const delays = new Map<string, number>();
  return (from, to) => {
    const link = from < to ? `${from} ${to}` : `${to} ${from}`;
    const delayMs = delays.get(link) ?? source.between(5, 50);
    delays.set(link, delayMs);
    return { delayMs };
  };
}

function kindOf(datagram: Uint8Array): "heartbeats" | "waves" | "others" {
  const kind = datagramKind(datagram);
  if (kind === "pingwave") {
    return "waves";
  }
  return kind === "packet" && ((datagram[FLAGS_AT] as number) & packetFlags.heartbeat) !== 0
    ? "heartbeats"
    : "others";
}
