import { CapabilitySet } from "@gaiaftcl/net-capability";
import { describe, expect, it } from "vitest";
import { NatBox, type NatKind } from "../simulated/nat-box.js";
import type { ConnectOutcome } from "../traversal/direct-connector.js";
import { ReliableFlow } from "./reliable-flow.testing.js";
import { forEachSeed } from "./seeded-runs.testing.js";
import { SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";

const LIMIT = { timeout: 300_000 };

type Place = NatKind | "open";
const PLACES = ["open", "full-cone", "address-restricted", "port-restricted", "symmetric"] as const;

interface Pair {
  readonly mesh: SimMesh;
  readonly left: SimNode;
  readonly right: SimNode;
  /** The introducer, and a second node in the open that both are peers of. */
  readonly coordinator: SimNode;
  readonly witness: SimNode;
  readonly boxes: ReadonlyMap<SimNode, NatBox>;
}

const CLASSES: Readonly<Record<Place, string>> = {
  open: "open",
  "full-cone": "cone",
  "address-restricted": "cone",
  "port-restricted": "cone",
  symmetric: "symmetric",
};

/** How the left one reaches the right one, and how many punches that takes (Net transport format, section 13.4). */
function expected(left: Place, right: Place): { path: string; punches: number } {
  const [own, other] = [CLASSES[left], CLASSES[right]];
  if (own === "symmetric" && other === "symmetric") {
    return { path: "relayed", punches: 0 };
  }
  if (own === "symmetric" || other === "symmetric") {
    // Keep-alives come from a port nobody was told of, so that nobody acknowledges them.
    return { path: "relayed", punches: 1 };
  }
  if (own === "cone" && other === "cone") {
    return { path: "punched", punches: 1 };
  }
  // Straight to the announced address, which lets strangers in or does not.
  return { path: right === "open" || right === "full-cone" ? "direct" : "relayed", punches: 0 };
}

function placed(mesh: SimMesh, place: Place, number: number, boxes: Map<SimNode, NatBox>): SimNode {
  if (place === "open") {
    return mesh.add({ address: `1.0.1.${number}:9000` });
  }
  const nat = new NatBox({ kind: place, publicIp: `9.9.9.${number}` });
  const node = mesh.add({ address: `192.168.${number}.2:9000`, nat });
  boxes.set(node, nat);
  return node;
}

function pair(seed: number, left: Place, right: Place): Pair {
  const mesh = new SimMesh({ seed, conditions: { delayMs: 10, jitterMs: 20 } });
  const boxes = new Map<SimNode, NatBox>();
  const coordinator = mesh.add({ address: "1.0.0.1:9000" });
  const witness = mesh.add({ address: "1.0.0.2:9000" });
  const made = {
    mesh,
    coordinator,
    witness,
    boxes,
    left: placed(mesh, left, 1, boxes),
    right: placed(mesh, right, 2, boxes),
  };
  for (const node of [made.left, made.right]) {
    mesh.connect(node, coordinator);
    mesh.connect(node, witness);
    let natClass = "";
    node.do((core, now) => {
      core.reclassifyNat(now, (view) => {
        natClass = view.natClass;
      });
    });
    mesh.expect("a classification ends", 6000, () => natClass !== "");
    expect(natClass).toBe(CLASSES[node === made.left ? left : right]);
    node.do((core, now) => {
      core.announce(CapabilitySet.of(["node"]), now);
    });
  }
  // A wave of the coordinator's round tells both how to reach each other.
  mesh.network.run(6000);
  return made;
}

function connectDirect({ mesh, left, right, coordinator }: Pair): ConnectOutcome {
  let outcome: ConnectOutcome | undefined;
  left.do((core, now) => {
    core.connectDirect(
      {
        nodeId: right.nodeId,
        publicKey: right.keyPair.publicKey,
        coordinator: coordinator.nodeId,
      },
      now,
      (ended) => {
        outcome = ended;
      },
    );
  });
  mesh.expect("connectDirect ends", 40_000, () => outcome !== undefined);
  return outcome as ConnectOutcome;
}

function speak(mesh: SimMesh, from: SimNode, to: SimNode): void {
  const flow = new ReliableFlow({
    from,
    to,
    streamId: BigInt(1 + mesh.network.random.below(1_000_000)),
    sizes: [10, 20_000, 20],
    now: () => mesh.network.now,
  });
  mesh.expect("events pass", 60_000, () => flow.isDone);
}

describe("two nodes behind translators", LIMIT, () => {
  it("reach each other on the path their kinds allow, whatever the kinds", () => {
    const pairs = PLACES.flatMap((left) => PLACES.map((right) => ({ left, right })));
    forEachSeed(41, 2 * pairs.length, (seed) => {
      const { left, right } = pairs[seed % pairs.length] as { left: Place; right: Place };
      const made = pair(seed, left, right);
      const outcome = connectDirect(made);
      const { path, punches } = expected(left, right);
      expect({ left, right, outcome }).toEqual({ left, right, outcome: { ok: true, path } });
      expect(made.left.core.stats.traversal).toEqual({
        punchesAttempted: punches,
        punchesSucceeded: path === "punched" ? 1 : 0,
        relayFallbacks: path === "relayed" ? 1 : 0,
      });
      expect(made.left.core.peer(made.right.nodeId)?.relayed).toBe(path === "relayed");
      expect(made.right.core.stats.traversal.punchesAttempted).toBe(0);
      speak(made.mesh, made.left, made.right);
      speak(made.mesh, made.right, made.left);
      // Heartbeats keep the way open beyond the two minutes a mapping lives unused.
      made.mesh.network.run(150_000);
      speak(made.mesh, made.right, made.left);
    });
  });

  it("make no second handshake for a way that is there", () => {
    forEachSeed(42, 5, (seed) => {
      const made = pair(seed, "port-restricted", "address-restricted");
      expect(connectDirect(made)).toEqual({ ok: true, path: "punched" });
      const session = made.left.core.peer(made.right.nodeId)?.sessionId;
      expect(connectDirect(made)).toEqual({ ok: true, path: "existing" });
      expect(made.left.core.peer(made.right.nodeId)?.sessionId).toBe(session);
    });
  });

  it("learn that the coordinator is gone, and say so", () => {
    forEachSeed(43, 5, (seed) => {
      const made = pair(seed, "full-cone", "port-restricted");
      made.coordinator.crash();
      expect(connectDirect(made)).toEqual({
        ok: false,
        failure: {
          kind: "transport",
          message: "traversal: transport: handshake timeout",
        },
      });
      made.left.do((core, now) => core.disconnect(made.coordinator.nodeId, now));
      expect(connectDirect(made)).toMatchObject({
        ok: false,
        failure: { kind: "peer-not-reachable" },
      });
    });
  });

  it("keep their peers in the open though the translator forgets each mapping between two beats", () => {
    forEachSeed(45, 20, (seed) => {
      const mesh = new SimMesh({ seed, conditions: { delayMs: 10, jitterMs: 20 } });
      const nat = new NatBox({ kind: "port-restricted", publicIp: "9.9.9.9", idleMs: 3000 });
      const inside = mesh.add({ address: "192.168.1.2:9000", nat });
      const outside = mesh.add({ address: "1.0.0.1:9000" });
      mesh.connect(inside, outside);
      const session = outside.core.peer(inside.nodeId)?.sessionId;
      const first = outside.core.peer(inside.nodeId)?.address;
      mesh.network.run(61_000);
      expect(outside.core.peer(inside.nodeId)).toMatchObject({
        sessionId: session,
        health: "healthy",
      });
      expect(outside.core.peer(inside.nodeId)?.address).not.toBe(first);
      speak(mesh, inside, outside);
      speak(mesh, outside, inside);
    });
  });

  it("find together again when a translator forgot everything", () => {
    forEachSeed(44, 20, (seed, random) => {
      const made = pair(seed, "port-restricted", "port-restricted");
      expect(connectDirect(made)).toEqual({ ok: true, path: "punched" });
      made.boxes.get(random.pick([made.left, made.right]))?.restart();
      // Peers in the open hear the node from its new port, and go on with it.
      made.mesh.network.run(20_000);
      speak(made.mesh, made.coordinator, made.left);
      speak(made.mesh, made.coordinator, made.right);
      let views = 0;
      for (const node of [made.left, made.right]) {
        node.do((core, now) => {
          core.reclassifyNat(now, () => {
            views += 1;
          });
        });
      }
      made.mesh.expect("both look at themselves anew", 6000, () => views === 2);
      made.mesh.network.run(12_000);
      // The punch reopens the way, by which the session that is there may move to the new address.
      expect(connectDirect(made)).toEqual({
        ok: true,
        path: expect.stringMatching(/^(punched|existing)$/),
      });
      speak(made.mesh, made.left, made.right);
      speak(made.mesh, made.right, made.left);
    });
  });
});
