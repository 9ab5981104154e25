import { CapabilitySet } from "@gaiaftcl/net-capability";
import { describe, expect, it } from "vitest";
import { forEachSeed } from "./seeded-runs.testing.js";
import { ROUGH, SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";

const LIMIT = { timeout: 300_000 };
const TIMEOUT_MS = 3000;
const QUICK = { heartbeatIntervalMs: 1000, sessionTimeoutMs: TIMEOUT_MS };

function subscribe(mesh: SimMesh, from: SimNode, to: SimNode, channel: string): void {
  let said: string | undefined;
  from.do((core, now) => {
    core.subscribe({ publisher: to.nodeId, channel }, now, (error) => {
      said = error?.message ?? "ok";
    });
  });
  mesh.expect("the publisher answers", 30_000, () => said !== undefined);
  expect(said).toBe("ok");
}

/** Two nodes, each on a channel of the other, and each with an announcement the other knows. */
function acquainted(seed: number): readonly [SimMesh, SimNode, SimNode] {
  const mesh = new SimMesh({ seed, conditions: ROUGH, tuning: QUICK });
  const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
  mesh.connect(left, right);
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    one.do((core, now) => {
      core.registerChannel("news");
      core.announce(CapabilitySet.of([`own-${one.nodeId}`]), now);
    });
    subscribe(mesh, other, one, "news");
  }
  mesh.expect("each knows the other", 20_000, () => knows(left, right) && knows(right, left));
  return [mesh, left, right];
}

function knows(node: SimNode, other: SimNode): boolean {
  return node.core.findNodes({ requireTags: [`own-${other.nodeId}`] }).length === 1;
}

function isOnChannelOf(subscriber: SimNode, publisher: SimNode): boolean {
  return publisher.core.channelMembers("news").includes(subscriber.nodeId);
}

/** Whether everything is as before, without a new session. */
function areWhole(left: SimNode, right: SimNode): boolean {
  return [[left, right] as const, [right, left] as const].every(
    ([one, other]) =>
      one.core.peer(other.nodeId)?.health === "healthy" &&
      knows(one, other) &&
      isOnChannelOf(one, other),
  );
}

describe("two nodes that took each other for failed", LIMIT, () => {
  it("are what they were to each other once the network is whole, in the same session", () => {
    forEachSeed(71, 40, (seed, source) => {
      const [mesh, left, right] = acquainted(seed);
      const session = left.core.peer(right.nodeId)?.sessionId;
      mesh.network.partition([left.address], [right.address]);
      mesh.network.run(source.between(3 * TIMEOUT_MS + 2000, 20 * TIMEOUT_MS));
      expect([left, right].map((node) => node.core.channelMembers("news"))).toEqual([[], []]);
      expect(knows(left, right) || knows(right, left)).toBe(false);
      mesh.network.heal();
      mesh.expectSlowly("all is as before", 30_000, () => areWhole(left, right));
      expect(left.core.peer(right.nodeId)?.sessionId).toBe(session);
    });
  });

  it("know what one announced meanwhile", () => {
    forEachSeed(72, 20, (seed, source) => {
      const [mesh, left, right] = acquainted(seed);
      mesh.network.partition([left.address], [right.address]);
      mesh.network.run(source.between(0, 15_000));
      left.do((core, now) => {
        core.announce(CapabilitySet.of([`own-${left.nodeId}`, "later"]), now);
      });
      mesh.network.run(source.between(0, 15 * TIMEOUT_MS));
      mesh.network.heal();
      mesh.expectSlowly(
        "the later announcement counts",
        60_000,
        () => right.core.findNodes({ requireTags: ["later"] }).length === 1,
      );
    });
  });

  it("are whole when only one of them noticed", () => {
    forEachSeed(73, 20, (seed, source) => {
      const [mesh, left, right] = acquainted(seed);
      mesh.network.setLink((from) => (from === left.address ? { loss: 1 } : undefined));
      mesh.network.run(source.between(3 * TIMEOUT_MS + 2000, 20 * TIMEOUT_MS));
      expect(right.core.peer(left.nodeId)?.health).toBe("failed");
      expect(left.core.peer(right.nodeId)?.health).toBe("healthy");
      mesh.network.setLink(() => undefined);
      mesh.expectSlowly("all is as before", 30_000, () => areWhole(left, right));
    });
  });
});

describe("a node that stood still", LIMIT, () => {
  it("judges nobody for what it did not hear, and is what it was to its peers", () => {
    forEachSeed(74, 30, (seed, source) => {
      const [mesh, left, right] = acquainted(seed);
      left.pause();
      mesh.network.run(source.between(3 * TIMEOUT_MS + 2000, 20 * TIMEOUT_MS));
      expect(right.core.peer(left.nodeId)?.health).toBe("failed");
      left.events.length = 0;
      left.resume();
      mesh.expectSlowly("all is as before", 30_000, () => areWhole(left, right));
      expect(left.events.filter(({ type }) => type === "health")).toEqual([]);
    });
  });
});
