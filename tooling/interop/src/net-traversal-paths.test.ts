import { createSocket } from "node:dgram";
import { once } from "node:events";
import { until } from "@gaiaftcl/peers";
import { describe, expect, it } from "vitest";
import { EmulatedNat } from "./emulated-nat.ts";
import { type AnyNode, exchange, join, type Kind, Nodes, start } from "./net-traversal-nodes.ts";

const NONE = { attempted: 0, succeeded: 0, fallbacks: 0 };

interface Places {
  readonly caller: Kind;
  readonly target: Kind;
  readonly coordinator: Kind;
}

interface Meeting {
  readonly caller: AnyNode;
  readonly target: AnyNode;
  readonly coordinator: AnyNode;
}

const PLACES: readonly Places[] = [
  { caller: "ours", target: "wheel", coordinator: "ours" },
  { caller: "wheel", target: "ours", coordinator: "ours" },
  { caller: "ours", target: "ours", coordinator: "wheel" },
];

/** A caller and a target that have nothing but a coordinator in common. */
async function strangers(nodes: Nodes, places: Places): Promise<Meeting> {
  const [caller, target, coordinator] = await Promise.all([
    nodes.of(places.caller),
    nodes.of(places.target),
    nodes.of(places.coordinator),
  ]);
  await join(caller, coordinator);
  await join(target, coordinator);
  await start(caller, target, coordinator);
  return { caller, target, coordinator };
}

/** `target` announces that it is reached at `reflex`, and the other two know. */
async function reachedAt(reflex: string, { caller, target, coordinator }: Meeting): Promise<void> {
  await target.setReflexOverride(reflex);
  await target.announce("target");
  await until(
    "both to find the target",
    async () =>
      (await caller.find("target")).includes(target.nodeId) &&
      (await coordinator.find("target")).includes(target.nodeId),
  );
}

describe.concurrent.each(PLACES)(
  "connectDirect from $caller to $target by $coordinator",
  (places) => {
    it("goes straight to where the target says that it is, and knows when it is there", async () => {
      await using nodes = new Nodes();
      const meeting = await strangers(nodes, places);
      const { caller, target, coordinator } = meeting;
      await reachedAt(target.address, meeting);
      await caller.connectDirect(target, coordinator);
      expect(await caller.traversalCounts()).toEqual(NONE);
      await exchange(caller, target, 1n);
      await caller.connectDirect(target, coordinator);
      await exchange(caller, target, 2n);
      expect(await caller.received()).toEqual(["1 back", "2 back"]);
      expect(await target.received()).toEqual(["1 there", "2 there"]);
    });

    it("goes over the coordinator when nobody answers there", async () => {
      await using nodes = new Nodes();
      const meeting = await strangers(nodes, places);
      const { caller, target, coordinator } = meeting;
      const silent = createSocket("udp4").bind(0, "127.0.0.1");
      await once(silent, "listening");
      await reachedAt(`127.0.0.1:${silent.address().port}`, meeting);
      await caller.connectDirect(target, coordinator);
      silent.close();
      expect(await caller.traversalCounts()).toEqual({ ...NONE, fallbacks: 1 });
      await exchange(caller, target, 3n);
    });

    it("does not try to punch between two symmetric translators", async () => {
      await using nodes = new Nodes();
      await using near = new EmulatedNat();
      await using far = new EmulatedNat();
      const [caller, target, coordinator, witness] = await Promise.all([
        nodes.of(places.caller),
        nodes.of(places.target),
        nodes.of(places.coordinator),
        nodes.ours(),
      ]);
      for (const hidden of [caller, target]) {
        for (const [nat, open] of [
          [near, coordinator],
          [far, witness],
        ] as const) {
          await nat.hide(hidden.address);
          await join(hidden, open, await nat.towards(hidden.address, open.address));
        }
      }
      await start(caller, target, coordinator);
      for (const hidden of [caller, target]) {
        expect(await hidden.reclassify()).toMatchObject({ natClass: "symmetric" });
        await hidden.announce("symmetric");
      }
      await until("the caller to find the target", async () =>
        (await caller.find("symmetric")).includes(target.nodeId),
      );
      await caller.connectDirect(target, coordinator);
      expect(await caller.traversalCounts()).toEqual({ ...NONE, fallbacks: 1 });
      await exchange(caller, target, 4n);
    });

    it("fails without a word of where the target is", async () => {
      await using nodes = new Nodes();
      const { caller, target, coordinator } = await strangers(nodes, places);
      await expect(caller.connectDirect(target, coordinator)).rejects.toThrow(
        /traversal: peer-not-reachable$/u,
      );
      expect(await caller.traversalCounts()).toEqual(NONE);
    });
  },
);

describe("connectDirect to a node of ours or of 0.19.0 that was reached over a relay", () => {
  it.concurrent.each(["ours", "wheel"] as const)("leaves the relay: %s", async (kind) => {
    await using nodes = new Nodes();
    const [caller, target, relay] = await Promise.all([nodes.ours(), nodes.of(kind), nodes.ours()]);
    await join(caller, relay);
    await join(target, relay);
    await start(target);
    await reachedAt(target.address, { caller, target, coordinator: relay });
    const { node } = caller;
    const isStrict = kind === "ours";
    const over = await node.connectVia(relay.nodeId, target.publicKey, target.nodeId);
    expect(over).toMatchObject({ relayed: true, strict: isStrict });
    await exchange(caller, target, 1n);
    expect(await node.connectDirect(target.nodeId, target.publicKey, relay.nodeId)).toBe("direct");
    const straight = node.peer(target.nodeId);
    expect(straight).toMatchObject({
      relayed: false,
      strict: isStrict,
      address: target.address,
    });
    await exchange(caller, target, 2n);
    expect(await node.connectDirect(target.nodeId, target.publicKey, relay.nodeId)).toBe(
      "existing",
    );
    expect(node.peer(target.nodeId)?.sessionId).toBe(straight?.sessionId);
    expect(await target.received()).toEqual(["1 there", "2 there"]);
  });
});
