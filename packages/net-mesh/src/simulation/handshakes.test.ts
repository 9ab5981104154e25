import { describe, it } from "vitest";
import { ReliableFlow } from "./reliable-flow.testing.js";
import { forEachSeed } from "./seeded-runs.testing.js";
import { ROUGH, SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";

const LIMIT = { timeout: 300_000 };

function speak(mesh: SimMesh, from: SimNode, to: SimNode): void {
  const flow = new ReliableFlow({
    from,
    to,
    streamId: BigInt(mesh.network.random.below(1_000_000)),
    sizes: [10, 20, 30],
    now: () => mesh.network.now,
  });
  mesh.expect("events pass over the session", 60_000, () => flow.isDone);
}

describe("a handshake", LIMIT, () => {
  it("ends in one session at both ends, however slow the way", () => {
    forEachSeed(11, 150, (seed, random) => {
      const mesh = new SimMesh({
        seed,
        conditions: {
          ...ROUGH,
          delayMs: random.between(100, 1500),
          jitterMs: random.between(0, 500),
        },
      });
      const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
      mesh.connect(left, right);
      speak(mesh, left, right);
      speak(mesh, right, left);
    });
  });

  it("ends in one session when both begin at once", () => {
    forEachSeed(12, 300, (seed, random) => {
      const mesh = new SimMesh({ seed, conditions: { ...ROUGH, delayMs: random.between(1, 200) } });
      const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
      let ended = 0;
      const done = (): void => {
        ended += 1;
      };
      mesh.begin(left, right, undefined, done);
      mesh.network.run(random.between(0, 800));
      mesh.begin(right, left, undefined, done);
      mesh.expect("both attempts end", 60_000, () => ended === 2);
      mesh.expect("one session is left", 20_000, () => mesh.areJoined(left, right));
      mesh.network.run(5000);
      speak(mesh, left, right);
      speak(mesh, right, left);
    });
  });

  it("takes the place of a session whose other end started again", () => {
    forEachSeed(13, 200, (seed, random) => {
      const mesh = new SimMesh({ seed, conditions: ROUGH });
      const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
      mesh.connect(left, right);
      speak(mesh, left, right);
      const restarted = random.pick([left, right]);
      restarted.crash();
      mesh.network.run(random.between(0, 20_000));
      restarted.restart();
      mesh.connect(restarted, restarted === left ? right : left);
      speak(mesh, left, right);
      speak(mesh, right, left);
    });
  });
});
