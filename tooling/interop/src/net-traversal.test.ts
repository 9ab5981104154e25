import { until } from "@gaiaftcl/peers";
import { describe, expect, it } from "vitest";
import { EmulatedNat } from "./emulated-nat.ts";
import {
  type AnyNode,
  exchange,
  join,
  type Kind,
  Nodes,
  QUICK,
  start,
} from "./net-traversal-nodes.ts";

interface Roles {
  readonly caller: Kind;
  readonly target: Kind;
  readonly coordinator: Kind;
}

const KINDS = ["ours", "wheel"] as const;

/** Every mixture; the reference alone among itself is not ours to test. */
const MIXTURES: readonly Roles[] = KINDS.flatMap((caller) =>
  KINDS.flatMap((target) => KINDS.map((coordinator) => ({ caller, target, coordinator }))),
).filter((roles) => Object.values(roles).includes("ours"));

interface Meeting {
  readonly nat: EmulatedNat;
  readonly coordinator: AnyNode;
  readonly caller: AnyNode;
  readonly target: AnyNode;
}

/** A caller and a target, each behind a translator of its own, that know each other by announcements only. */
async function hiddenPair(nodes: Nodes, nat: EmulatedNat, kinds: Roles): Promise<Meeting> {
  const [coordinator, witness, caller, target] = await Promise.all([
    nodes.of(kinds.coordinator),
    nodes.ours(),
    nodes.of(kinds.caller),
    nodes.of(kinds.target),
  ]);
  for (const hidden of [caller, target]) {
    const outside = await nat.hide(hidden.address);
    for (const open of [coordinator, witness]) {
      const seenAt = await join(hidden, open, await nat.towards(hidden.address, open.address));
      expect(seenAt).toBe(outside);
    }
  }
  await start(coordinator, caller, target);
  for (const hidden of [caller, target]) {
    expect(await hidden.reclassify()).toMatchObject({ natClass: "cone" });
    await hidden.announce("hidden");
  }
  await until(
    "both to find the two that are hidden",
    async () =>
      (await caller.find("hidden")).includes(target.nodeId) &&
      (await coordinator.find("hidden")).length === 2,
  );
  return { nat, coordinator, caller, target };
}

describe("two nodes behind port-restricted cone translators", () => {
  it.each(MIXTURES)(
    "meet by a punch: $caller calls $target, introduced by $coordinator",
    async (kinds) => {
      await using nodes = new Nodes();
      await using nat = new EmulatedNat();
      const { coordinator, caller, target } = await hiddenPair(nodes, nat, kinds);

      await caller.connectDirect(target, coordinator);
      expect(await caller.traversalCounts()).toEqual({ attempted: 1, succeeded: 1, fallbacks: 0 });
      expect(await target.traversalCounts()).toEqual({ attempted: 0, succeeded: 0, fallbacks: 0 });
      await exchange(caller, target, 7n);
      expect(await caller.received()).toEqual(["7 back"]);
      expect(await target.received()).toEqual(["7 there"]);
      expect(await coordinator.received()).toEqual([]);
    },
  );

  // The reference sends nothing but handshakes with a routing header, so that of what it says over a
  // relay only that arrives which passes through one of ours.
  it.concurrent.each<Roles>([
    { caller: "ours", target: "ours", coordinator: "wheel" },
    { caller: "ours", target: "wheel", coordinator: "ours" },
    { caller: "wheel", target: "ours", coordinator: "ours" },
    { caller: "wheel", target: "wheel", coordinator: "ours" },
  ])(
    "meet over the coordinator when no punch gets through: $caller calls $target by $coordinator",
    async (kinds) => {
      await using nodes = new Nodes();
      await using nat = new EmulatedNat();
      const { coordinator, caller, target } = await hiddenPair(nodes, nat, kinds);
      nat.separate(caller.address, target.address);
      await caller.connectDirect(target, coordinator);
      expect(await caller.traversalCounts()).toEqual({ attempted: 1, succeeded: 0, fallbacks: 1 });
      expect(nat.filtered).toBeGreaterThan(0);
      await exchange(caller, target, 8n);
    },
  );

  it.each(KINDS)("stay apart without the introduction: %s", async (kind) => {
    await using nodes = new Nodes();
    await using nat = new EmulatedNat();
    const [caller, target] = await Promise.all([
      nodes.ours({ tuning: { ...QUICK, handshakeTimeoutMs: 500 } }),
      nodes.of(kind),
    ]);
    await nat.hide(caller.address);
    const outside = await nat.hide(target.address);
    await start(target);
    await expect(
      caller.node.connect(outside, target.publicKey, target.nodeId, { retries: 1 }),
    ).rejects.toThrow("handshake timeout");
    expect(nat.filtered).toBeGreaterThan(0);
  });
});
