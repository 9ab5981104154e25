import { until } from "@gaiaftcl/peers";
import { describe, expect, it } from "vitest";
import { EmulatedNat } from "./emulated-nat.ts";
import { join, Nodes, start } from "./net-traversal-nodes.ts";

const OTHER = { ours: "wheel", wheel: "ours" } as const;
const KINDS = ["ours", "wheel"] as const;
const ELSEWHERE = "203.0.113.7:4433";

describe.each(KINDS)("a node of kind %s", (kind) => {
  it("learns from the other kind at which address it is seen", async () => {
    await using nodes = new Nodes();
    await using nat = new EmulatedNat();
    const [node, other] = await Promise.all([nodes.of(kind), nodes.of(OTHER[kind])]);
    const outside = await nat.hide(node.address);
    await join(node, other, await nat.towards(node.address, other.address));
    await start(node, other);
    expect(await node.probeReflex(other)).toBe(outside);
    expect(await other.probeReflex(node)).toBe(await nat.towards(node.address, other.address));
  });

  it("cannot probe whom it has no session with", async () => {
    await using nodes = new Nodes();
    const [node, other] = await Promise.all([nodes.of(kind), nodes.of(OTHER[kind])]);
    await start(node);
    await expect(node.probeReflex(other)).rejects.toThrow(/traversal: peer-not-reachable$/u);
  });

  it("stays unclassified with one peer, is open with two that see its own address, and says so", async () => {
    await using nodes = new Nodes();
    const [node, first, second] = await Promise.all([
      nodes.of(kind),
      nodes.of(OTHER[kind]),
      nodes.of(OTHER[kind]),
    ]);
    await join(node, first);
    expect(await node.reclassify()).toEqual({ natClass: "unknown", reflex: undefined });
    await join(node, second);
    await start(node, first, second);
    expect(await first.announcedClass(node)).toBe("unknown");
    expect(await node.reclassify()).toEqual({ natClass: "open", reflex: node.address });
    await node.announce("classified");
    await until(
      "the class open to be announced",
      async () => (await first.announcedClass(node)) === "open",
    );
    expect(await second.received()).toEqual([]);
  });

  it("is symmetric when each peer sees it at a port of its own", async () => {
    await using nodes = new Nodes();
    await using one = new EmulatedNat();
    await using another = new EmulatedNat();
    const [node, first, second] = await Promise.all([
      nodes.of(kind),
      nodes.of(OTHER[kind]),
      nodes.of(OTHER[kind]),
    ]);
    const ports: string[] = [];
    for (const [nat, peer] of [
      [one, first],
      [another, second],
    ] as const) {
      ports.push(await nat.hide(node.address));
      await join(node, peer, await nat.towards(node.address, peer.address));
    }
    await start(node, first, second);
    const { natClass, reflex } = await node.reclassify();
    expect(natClass).toBe("symmetric");
    expect(ports).toContain(reflex);
    await node.announce("classified");
    await until(
      "the class symmetric to be announced",
      async () => (await second.announcedClass(node)) === "symmetric",
    );
  });

  it("takes the word of its operator, and announces it without waiting", async () => {
    await using nodes = new Nodes();
    const [node, first, second] = await Promise.all([
      nodes.of(kind),
      nodes.of(OTHER[kind]),
      nodes.of(OTHER[kind]),
    ]);
    await join(node, first);
    await join(node, second);
    await start(node, first, second);
    await node.announce("early");
    await until("the early announcement", async () => (await first.find("early")).length === 1);
    await node.setReflexOverride(ELSEWHERE);
    expect(await node.view()).toEqual({ natClass: "open", reflex: ELSEWHERE });
    expect(await node.reclassify()).toEqual({ natClass: "open", reflex: ELSEWHERE });
    await node.announce("late");
    await until(
      "the class open to be announced",
      async () => (await first.announcedClass(node)) === "open",
    );
    await node.clearReflexOverride();
    expect(await node.view()).toEqual({ natClass: "unknown", reflex: undefined });
    await node.announce("latest");
    await until(
      "the class unknown to be announced",
      async () => (await first.announcedClass(node)) === "unknown",
    );
    await node.clearReflexOverride();
    expect(await node.reclassify()).toEqual({ natClass: "open", reflex: node.address });
  });
});

describe("a node of ours with peers behind a relay", () => {
  it("asks none of them, who see it at the relay's address", async () => {
    await using nodes = new Nodes();
    const [node, first, second, third] = await Promise.all([
      nodes.ours(),
      nodes.ours(),
      nodes.wheel(),
      nodes.wheel(),
    ]);
    await join(first, second);
    await join(node, first);
    await start(second);
    await node.node.connectVia(first.nodeId, second.publicKey, second.nodeId);
    expect(node.node.peers).toHaveLength(2);
    expect(await node.reclassify()).toEqual({ natClass: "unknown", reflex: undefined });
    await join(node, third);
    await start(third);
    expect(await node.reclassify()).toEqual({ natClass: "open", reflex: node.address });
  });
});
