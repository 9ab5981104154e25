import { describe, expect, it } from "vitest";
import { EmulatedNat } from "./emulated-nat.ts";
import { eventually } from "./net-mesh-peer.ts";
import { exchange, join, type Kind, Nodes, start } from "./net-traversal-nodes.ts";

interface Roles {
  readonly caller: Kind;
  readonly target: Kind;
  readonly coordinator: Kind;
}

/** Every mixture; the reference alone among itself is not ours to test. */
const MIXTURES: readonly Roles[] = (["ours", "wheel"] as const)
  .flatMap((caller) =>
    (["ours", "wheel"] as const).flatMap((target) =>
      (["ours", "wheel"] as const).map((coordinator) => ({ caller, target, coordinator })),
    ),
  )
  .filter((roles) => Object.values(roles).includes("ours"));

describe("two nodes behind port-restricted cone translators", () => {
  it.each(MIXTURES)(
    "meet by a punch: $caller calls $target, introduced by $coordinator",
    async ({ caller: callerKind, target: targetKind, coordinator: coordinatorKind }) => {
      await using nodes = new Nodes();
      await using nat = new EmulatedNat();
      const [coordinator, witness, caller, target] = await Promise.all([
        nodes.of(coordinatorKind),
        nodes.ours(),
        nodes.of(callerKind),
        nodes.of(targetKind),
      ]);
      for (const hidden of [caller, target]) {
        const outside = await nat.hide(hidden.address);
        for (const open of [coordinator, witness]) {
          expect(await join(hidden, open, await nat.towards(hidden.address, open.address))).toBe(
            outside,
          );
        }
      }
      await start(coordinator, caller, target);
      for (const hidden of [caller, target]) {
        const view = await hidden.reclassify();
        expect(view.natClass).toBe("cone");
        await hidden.announce("punched");
      }
      await eventually(
        async () =>
          (await caller.find("punched")).includes(target.nodeId) &&
          (await coordinator.find("punched")).length === 2,
      );

      await caller.connectDirect(target, coordinator);
      expect(await caller.traversalCounts()).toEqual({ attempted: 1, succeeded: 1, fallbacks: 0 });
      await exchange(caller, target, 7n);
      expect(await caller.received()).toEqual(["7 back"]);
      expect(await target.received()).toEqual(["7 there"]);
      expect(await coordinator.received()).toEqual([]);
    },
  );
});
