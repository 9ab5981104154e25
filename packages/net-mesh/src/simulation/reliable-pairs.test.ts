import { describe, it } from "vitest";
import type { SeededRandom } from "../simulated/seeded-random.js";
import { ReliableFlow } from "./reliable-flow.testing.js";
import { forEachSeed } from "./seeded-runs.testing.js";
import { ROUGH, SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";

const KIB = 1024;
const MIB = 1024 * KIB;
/** Virtual. */
const TEN_MINUTES = 600_000;
/** Real, for slow machines; nothing waits for it. */
const LIMIT = { timeout: 300_000 };

function sizesOf(random: SeededRandom, count: number, least: number, most: number): number[] {
  return Array.from({ length: count }, () => Math.floor(random.between(least, most)));
}

/** Waits until all flows are done, and sees that nothing comes after that. */
function finish(mesh: SimMesh, flows: readonly ReliableFlow[]): void {
  const areDone = (): boolean => flows.every((flow) => flow.isDone);
  mesh.expect("all events arrive", TEN_MINUTES, areDone);
  mesh.network.run(1000);
  areDone();
}

describe("reliable streams lose, double and reorder nothing", LIMIT, () => {
  it("between two nodes, whatever the network does", () => {
    forEachSeed(1, 1500, (seed, random) => {
      const mesh = new SimMesh({
        seed,
        conditions: {
          loss: random.between(0, 0.15),
          duplication: random.between(0, 0.2),
          delayMs: random.between(0.1, 50),
          jitterMs: random.between(0, 100),
        },
      });
      const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
      mesh.connect(left, right);
      const ways = [
        { from: left, to: right, streamId: 5n },
        { from: right, to: left, streamId: 5n },
        { from: left, to: right, streamId: 6n },
      ];
      const flows = ways.map(
        (way) =>
          new ReliableFlow({
            ...way,
            sizes: sizesOf(random, random.below(60), 4, random.pick([64, 1500, 9000])),
            ...(random.chance(0.3) ? { window: 1 + random.below(20_000) } : {}),
            now: () => mesh.network.now,
          }),
      );
      finish(mesh, flows);
    });
  });

  it("with events of several MiB in many packets", () => {
    forEachSeed(2, 8, (seed, random) => {
      const mesh = new SimMesh({ seed, conditions: ROUGH });
      const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
      mesh.connect(left, right);
      const flow = new ReliableFlow({
        from: left,
        to: right,
        streamId: 9n,
        sizes: [...sizesOf(random, 3, 4, 100_000), random.below(3 * MIB), 8108, 8109],
        now: () => mesh.network.now,
      });
      finish(mesh, [flow]);
    });
  });

  it("with the smallest windows and buffers a node can have", () => {
    forEachSeed(3, 150, (seed, random) => {
      const mesh = new SimMesh({
        seed,
        conditions: ROUGH,
        tuning: { receiveWindow: 16 * KIB, sendBuffer: 64 * KIB },
      });
      const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
      mesh.connect(left, right);
      const flow = new ReliableFlow({
        from: left,
        to: right,
        streamId: 9n,
        sizes: [...sizesOf(random, 20, 4, 8000), ...sizesOf(random, 2, 9000, 60_000)],
        now: () => mesh.network.now,
      });
      finish(mesh, [flow]);
    });
  });

  it("over one relay and over chains of relays", () => {
    forEachSeed(4, 250, (seed, random) => {
      const mesh = new SimMesh({ seed, conditions: ROUGH, tuning: { heartbeatIntervalMs: 1000 } });
      const chain = mesh.addMany(3 + random.below(3));
      for (let hop = 1; hop < chain.length; hop += 1) {
        mesh.connect(chain[hop - 1] as SimNode, chain[hop] as SimNode);
      }
      // Waves tell the ends of each other, by which the relays between know the way.
      mesh.network.run(8000);
      const [first, next] = chain as [SimNode, SimNode];
      const last = chain.at(-1) as SimNode;
      mesh.connect(first, last, next);
      const flows = [
        { from: first, to: last },
        { from: last, to: first },
      ].map(
        (way) =>
          new ReliableFlow({
            ...way,
            streamId: 3n,
            sizes: sizesOf(random, random.below(40), 4, random.pick([64, 8000, 20_000])),
            now: () => mesh.network.now,
          }),
      );
      finish(mesh, flows);
    });
  });

  it("while keys change every two minutes", () => {
    forEachSeed(5, 40, (seed, random) => {
      const mesh = new SimMesh({ seed, conditions: ROUGH });
      const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
      mesh.connect(left, right);
      for (let round = 0n; round < 5n; round += 1n) {
        const flow = new ReliableFlow({
          from: left,
          to: right,
          streamId: round,
          sizes: sizesOf(random, 20, 4, 2000),
          now: () => mesh.network.now,
        });
        // Some rounds begin just before the two minutes are over, and end under the next key.
        mesh.expect("the stream gets on over a change of keys", TEN_MINUTES, () => flow.isDone);
        mesh.network.run(119_000 + random.below(2000));
      }
    });
  });
});
