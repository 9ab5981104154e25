import { CapabilitySet } from "@gaiaftcl/net-capability";
import { describe, expect, it } from "vitest";
import type { SeededRandom } from "../simulated/seeded-random.js";
import { ReliableFlow } from "./reliable-flow.testing.js";
import { forEachSeed } from "./seeded-runs.testing.js";
import { ROUGH, SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";
import { distances, full, type Links, line, random, ring, star } from "./topology.testing.js";

const LIMIT = { timeout: 300_000 };
/** Beats and timeouts of a mesh whose nodes notice each other's absence within seconds. */
const QUICK = { heartbeatIntervalMs: 1000, sessionTimeoutMs: 3000 };
/** Waves go this far, handed on three times. */
const WAVE_HOPS = 4;

interface LinkedMesh {
  readonly mesh: SimMesh;
  readonly links: Links;
}

function shape(nodes: number, source: SeededRandom): Links {
  const shapes = [line, ring, star, (count: number) => random(count, 3, source)];
  return source.pick(nodes <= 8 ? [...shapes, full] : shapes)(nodes);
}

function linked(mesh: SimMesh, links: Links, nodes: number): LinkedMesh {
  const all = mesh.addMany(nodes);
  mesh.connectAll(links.map(([left, right]) => [all[left] as SimNode, all[right] as SimNode]));
  return { mesh, links };
}

function announceAll(nodes: readonly SimNode[]): void {
  for (const node of nodes) {
    node.do((core, now) => {
      core.announce(CapabilitySet.of([`own-${node.nodeId}`, "everybody"]), now);
    });
  }
}

/** Whether every node finds all of those that announced. */
function allFound(nodes: readonly SimNode[], announced: readonly SimNode[] = nodes): boolean {
  return nodes.every(
    ({ core }) => core.findNodes({ requireTags: ["everybody"] }).length === announced.length,
  );
}

function findsEach(nodes: readonly SimNode[]): boolean {
  return nodes.every(({ core }) =>
    nodes.every(
      ({ nodeId }) => core.findNodes({ requireTags: [`own-${nodeId}`] }).join() === `${nodeId}`,
    ),
  );
}

/** Whether each node knows of exactly the nodes within reach of waves. */
function knowNeighbourhood({ mesh, links }: LinkedMesh): boolean {
  return mesh.nodes.every((node, index) => {
    const known = new Set(node.core.discoveredNodes().map(({ nodeId }) => nodeId));
    const near = [...distances(links, index)].filter(([, hops]) => hops > 0 && hops <= WAVE_HOPS);
    return near.every(([other]) => known.has((mesh.nodes[other] as SimNode).nodeId));
  });
}

/** Opens a session between two nodes that are no neighbours, by way of the first one's neighbour, and uses it. */
function crossOver({ mesh, links }: LinkedMesh, source: SeededRandom): void {
  const start = source.below(mesh.nodes.length);
  const from = mesh.nodes[start] as SimNode;
  const far = [...distances(links, start)].filter(([, hops]) => hops >= 2 && hops <= WAVE_HOPS);
  if (far.length === 0) {
    return;
  }
  const [end, hops] = source.pick(far);
  const next = [...distances(links, end)].find(
    ([node, left]) => left === hops - 1 && distances(links, start).get(node) === 1,
  );
  const to = mesh.nodes[end] as SimNode;
  const relay = mesh.nodes[next?.[0] as number] as SimNode;
  if (from.core.peer(to.nodeId) === undefined) {
    mesh.connect(from, to, relay);
  }
  speak(mesh, from, to);
  speak(mesh, to, from);
}

function speak(mesh: SimMesh, from: SimNode, to: SimNode): void {
  const flow = new ReliableFlow({
    from,
    to,
    streamId: BigInt(1 + mesh.network.random.below(1_000_000)),
    sizes: [10, 2000, 20],
    now: () => mesh.network.now,
  });
  mesh.expect("events pass", 60_000, () => flow.isDone);
}

describe("a mesh", LIMIT, () => {
  it("tells every node of every other, and how to reach it, over lossy links", () => {
    forEachSeed(21, 60, (seed, source) => {
      const nodes = 2 + source.below(11);
      const made = linked(
        new SimMesh({ seed, conditions: ROUGH, tuning: QUICK }),
        shape(nodes, source),
        nodes,
      );
      announceAll(made.mesh.nodes);
      made.mesh.expectSlowly("announcements reach everybody", 60_000, () =>
        allFound(made.mesh.nodes),
      );
      expect(findsEach(made.mesh.nodes)).toBe(true);
      made.mesh.expectSlowly("waves reach the neighbourhood", 30_000, () =>
        knowNeighbourhood(made),
      );
      crossOver(made, source);
    });
  });

  it("does so with fifty nodes and with two hundred", () => {
    const sizes = [50, 200];
    forEachSeed(22, sizes.length, (seed, source) => {
      const nodes = sizes[seed % sizes.length] as number;
      const made = linked(
        new SimMesh({ seed, conditions: { ...ROUGH, loss: 0.03 } }),
        random(nodes, 4, source),
        nodes,
      );
      const announced = made.mesh.nodes.filter((_, index) => index % 5 === 0);
      announceAll(announced);
      made.mesh.expectSlowly("announcements reach everybody", 60_000, () =>
        allFound(made.mesh.nodes, announced),
      );
      made.mesh.expectSlowly("waves reach the neighbourhood", 60_000, () =>
        knowNeighbourhood(made),
      );
      crossOver(made, source);
    });
  });

  it("is whole again after it was parted and healed", () => {
    forEachSeed(23, 25, (seed, source) => {
      const nodes = 4 + source.below(8);
      const made = linked(
        new SimMesh({ seed, conditions: ROUGH, tuning: QUICK }),
        shape(nodes, source),
        nodes,
      );
      const { mesh } = made;
      const side = mesh.nodes.filter(() => source.chance(0.5)).map(({ address }) => address);
      mesh.network.partition(side);
      mesh.network.run(source.between(1000, 60_000));
      // What is announced now reaches only the own side.
      announceAll(mesh.nodes);
      mesh.network.run(source.between(0, 20_000));
      mesh.network.heal();
      mesh.expectSlowly("announcements reach everybody", 240_000, () => allFound(mesh.nodes));
      mesh.expectSlowly("waves reach the neighbourhood", 30_000, () => knowNeighbourhood(made));
      mesh.expectSlowly("every peer is healthy", 30_000, () =>
        mesh.nodes.every(({ core }) => core.peers().every(({ health }) => health === "healthy")),
      );
      crossOver(made, source);
    });
  });

  it("takes back nodes that crashed and started again with the same identity", () => {
    forEachSeed(24, 25, (seed, source) => {
      const nodes = 3 + source.below(8);
      const made = linked(
        new SimMesh({ seed, conditions: ROUGH, tuning: QUICK }),
        shape(nodes, source),
        nodes,
      );
      const { mesh, links } = made;
      announceAll(mesh.nodes);
      mesh.network.run(5000);
      const index = source.below(nodes);
      const node = mesh.nodes[index] as SimNode;
      node.crash();
      mesh.network.run(source.between(0, 60_000));
      node.restart();
      for (const link of links.filter((pair) => pair.includes(index))) {
        mesh.connect(node, mesh.nodes[link[0] === index ? link[1] : link[0]] as SimNode);
      }
      announceAll([node]);
      mesh.expectSlowly("the node finds everybody and is found", 240_000, () =>
        allFound(mesh.nodes),
      );
      mesh.expectSlowly("waves reach the neighbourhood", 30_000, () => knowNeighbourhood(made));
      crossOver(made, source);
    });
  });

  it("forgets a peer that stays away, and everything that was kept for it", () => {
    forEachSeed(25, 10, (seed, source) => {
      const nodes = 3 + source.below(6);
      const { mesh } = linked(
        new SimMesh({ seed, conditions: ROUGH, tuning: QUICK }),
        shape(nodes, source),
        nodes,
      );
      announceAll(mesh.nodes);
      mesh.network.run(5000);
      const gone = mesh.nodes[source.below(nodes)] as SimNode;
      gone.crash();
      const rest = mesh.nodes.filter((node) => node !== gone);
      // Thirty timeouts until it is removed, five minutes until its announcement has expired.
      mesh.network.run(30 * QUICK.sessionTimeoutMs + 400_000);
      for (const { core } of rest) {
        expect(core.peer(gone.nodeId)).toBeUndefined();
        expect(core.findNodes({ requireTags: [`own-${gone.nodeId}`] })).toEqual([]);
        expect(core.discoveredNodes().map(({ nodeId }) => nodeId)).not.toContain(gone.nodeId);
      }
    });
  });

  it("holds no more than its members account for, however often they come and go", () => {
    forEachSeed(27, 10, (seed, source) => {
      const nodes = 3 + source.below(5);
      const { mesh, links } = linked(
        new SimMesh({ seed, conditions: ROUGH, tuning: QUICK }),
        full(nodes),
        nodes,
      );
      for (let round = 0; round < 15; round += 1) {
        const index = source.below(nodes);
        const node = mesh.nodes[index] as SimNode;
        node.restart();
        for (const link of links.filter((pair) => pair.includes(index))) {
          mesh.connect(node, mesh.nodes[link[0] === index ? link[1] : link[0]] as SimNode);
        }
        announceAll(mesh.nodes);
        mesh.network.run(source.between(0, 5000));
      }
      mesh.network.run(60_000);
      for (const { core } of mesh.nodes) {
        const { peers, routes, knownNodes, announcedNodes, pendingHandshakes } = core.stats;
        expect({ peers, routes, knownNodes, pendingHandshakes }).toEqual({
          peers: nodes - 1,
          routes: nodes - 1,
          knownNodes: nodes - 1,
          pendingHandshakes: 0,
        });
        expect(announcedNodes).toBeLessThanOrEqual(nodes);
        for (const { streams } of core.peers()) {
          expect(streams).toMatchObject({ bufferedBytes: 0, heldBytes: 0, bytesInFlight: 0 });
        }
      }
    });
  });

  it("keeps a session over relays alive when a relay of two crashes", () => {
    forEachSeed(26, 40, (seed, source) => {
      const mesh = new SimMesh({ seed, conditions: ROUGH, tuning: QUICK });
      const [left, right, one, two] = mesh.addMany(4) as [SimNode, SimNode, SimNode, SimNode];
      mesh.connectAll([
        [left, one],
        [left, two],
        [right, one],
        [right, two],
      ]);
      mesh.network.run(5000);
      mesh.connect(left, right, one);
      const flow = new ReliableFlow({
        from: left,
        to: right,
        streamId: 4n,
        sizes: Array.from({ length: 300 }, () => 4 + source.below(9000)),
        now: () => mesh.network.now,
      });
      mesh.network.run(source.between(0, 500));
      one.crash();
      mesh.expect("all events arrive by the other relay", 300_000, () => flow.isDone);
      speak(mesh, right, left);
    });
  });
});
