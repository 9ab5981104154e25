import { describe, expect, it } from "vitest";
import { ReliableFlow } from "./reliable-flow.testing.js";
import { forEachSeed } from "./seeded-runs.testing.js";
import { ROUGH, SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";

const LIMIT = { timeout: 300_000 };
const QUICK = { heartbeatIntervalMs: 1000, sessionTimeoutMs: 3000 };

function keep(from: SimNode, to: SimNode): void {
  from.do((core, now) => {
    core.keep(
      {
        nodeId: to.nodeId,
        publicKey: to.keyPair.publicKey,
        path: { kind: "address", address: to.address },
      },
      now,
    );
  });
}

function areWell(mesh: SimMesh, left: SimNode, right: SimNode): boolean {
  return (
    mesh.areJoined(left, right) &&
    left.core.peer(right.nodeId)?.health === "healthy" &&
    right.core.peer(left.nodeId)?.health === "healthy"
  );
}

function speak(mesh: SimMesh, from: SimNode, to: SimNode): void {
  const { network } = mesh;
  const flow = new ReliableFlow({
    from,
    to,
    streamId: BigInt(1 + network.random.below(1_000_000)),
    sizes: [10, 4000, 20],
    now: () => network.now,
  });
  mesh.expect("events pass", 60_000, () => flow.isDone);
}

describe("nodes that mean to have their sessions", LIMIT, () => {
  it("have them again after any of them crashed and started again, or the network was parted", () => {
    forEachSeed(76, 60, (seed, source) => {
      const mesh = new SimMesh({ seed, conditions: ROUGH, tuning: QUICK });
      const nodes = mesh.addMany(2 + source.below(4));
      const pairs = nodes.flatMap((left, index) =>
        nodes.slice(index + 1).map((right) => [left, right] as const),
      );
      for (const [left, right] of pairs) {
        keep(left, right);
        // Sometimes both call.
        if (source.chance(0.3)) {
          keep(right, left);
        }
      }
      const isWhole = (): boolean => pairs.every(([left, right]) => areWell(mesh, left, right));
      mesh.expectSlowly("all come together", 60_000, isWhole);
      // The first one calls all others by itself when it starts again; of the rest, others call.
      for (let round = 0; round < 3; round += 1) {
        const victim = nodes[1 + source.below(nodes.length - 1)] as SimNode;
        if (source.chance(0.5)) {
          victim.crash();
          mesh.network.run(source.between(0, 150_000));
          victim.restart();
          for (const [left, right] of pairs) {
            if (left === victim) {
              keep(left, right);
            }
          }
        } else {
          mesh.network.partition([victim.address]);
          mesh.network.run(source.between(0, 150_000));
          mesh.network.heal();
        }
        mesh.expectSlowly("all come together again", 240_000, isWhole);
        const [left, right] = source.pick(pairs);
        speak(mesh, left, right);
        speak(mesh, right, left);
      }
    });
  });

  it("lose no event of a session for having been apart less than it takes to lose the peer", () => {
    forEachSeed(77, 40, (seed, source) => {
      const mesh = new SimMesh({ seed, conditions: ROUGH, tuning: QUICK });
      const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
      keep(left, right);
      mesh.expectSlowly("they come together", 60_000, () => areWell(mesh, left, right));
      const session = left.core.peer(right.nodeId)?.sessionId;
      const flow = new ReliableFlow({
        from: right,
        to: left,
        streamId: 5n,
        sizes: Array.from({ length: 300 }, () => source.between(4, 2000)),
        now: () => mesh.network.now,
      });
      mesh.network.run(source.between(0, 200));
      mesh.network.partition([left.address]);
      mesh.network.run(source.between(1000, 80_000));
      mesh.network.heal();
      mesh.expect("what was under way arrives", 120_000, () => flow.isDone);
      expect(left.core.peer(right.nodeId)?.sessionId).toBe(session);
    });
  });
});
