import { describe, expect, it } from "vitest";
import { checkAnnouncementSignature } from "./announcement.js";
import { Announcer } from "./announcer.js";
import { CapabilitySet } from "./capability-set.js";
import { identityOf, newIndex, WALL_CLOCK } from "./mesh.testing.js";

const identity = identityOf(7);
const capabilities = CapabilitySet.of(["a", "nat:by-hand", "nat:", "nat", "nrpc:mine"]);

describe("an own announcement", () => {
  it("has exactly one nat tag, and one for each service", () => {
    const announcer = new Announcer({ identity });
    const { announcement } = announcer.announce(
      { capabilities, nat: "cone", services: ["echo"], reflexAddress: "1.2.3.4:5" },
      0,
      WALL_CLOCK,
    );
    expect(announcement.capabilities.tags).toEqual([
      "a",
      "nat",
      "nat:cone",
      "nrpc:echo",
      "nrpc:mine",
    ]);
    expect(announcement).toMatchObject({
      ttlSeconds: 300,
      hopCount: 0,
      reflexAddress: "1.2.3.4:5",
      timestampNs: BigInt(WALL_CLOCK) * 1_000_000n,
    });
    expect(checkAnnouncementSignature(announcement)).toBe("good");
    const plain = announcer.announce({ capabilities }, 0, WALL_CLOCK).announcement;
    expect(plain.capabilities.tags).toContain("nat:unknown");
  });

  it("has a higher version than any before it, over restarts and standing clocks", () => {
    const first = new Announcer({ identity });
    const versions = [WALL_CLOCK, WALL_CLOCK, WALL_CLOCK - 5, WALL_CLOCK + 9].map(
      (clock) => first.announce({ capabilities }, 0, clock).announcement.version,
    );
    const start = BigInt(WALL_CLOCK);
    expect(versions).toEqual([start, start + 1n, start + 2n, start + 9n]);
    const restarted = new Announcer({ identity });
    const after = restarted.announce({ capabilities }, 0, WALL_CLOCK + 1000).announcement;
    expect(after.version > start + 9n).toBe(true);
    const kept = new Announcer({ identity, lastVersion: start + 9n });
    expect(kept.announce({ capabilities }, 0, 0).announcement.version).toBe(start + 10n);
  });

  it("is renewed for one peer without moving any broadcast", () => {
    const announcer = new Announcer({ identity });
    expect(announcer.renew(WALL_CLOCK)).toBeUndefined();
    const first = announcer.announce({ capabilities, nat: "cone" }, 0, WALL_CLOCK);
    const deadline = announcer.deadline();
    const renewed = announcer.renew(WALL_CLOCK);
    expect(renewed).toMatchObject({ broadcast: false });
    expect(renewed?.announcement.version).toBe(first.announcement.version + 1n);
    expect(renewed?.announcement.capabilities).toEqual(first.announcement.capabilities);
    expect(announcer.current?.bytes).toEqual(renewed?.bytes);
    expect(announcer.deadline()).toBe(deadline);
    announcer.announce({ capabilities }, 3_000, WALL_CLOCK);
    announcer.renew(WALL_CLOCK);
    expect(announcer.deadline()).toBe(10_000);
  });

  it("is broadcast at most once in ten seconds, and made up for", () => {
    const announcer = new Announcer({ identity });
    expect(announcer.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(announcer.announce({ capabilities }, 0, WALL_CLOCK).broadcast).toBe(true);
    const held = announcer.announce({ capabilities, nat: "open" }, 3_000, WALL_CLOCK);
    expect(held.broadcast).toBe(false);
    expect(announcer.current?.bytes).toEqual(held.bytes);
    expect(announcer.deadline()).toBe(10_000);
    expect(announcer.tick(9_999, WALL_CLOCK)).toBeUndefined();
    const late = announcer.tick(10_000, WALL_CLOCK);
    expect(late?.broadcast).toBe(true);
    expect(late?.announcement.capabilities.has("nat:open")).toBe(true);
    expect(announcer.deadline()).toBe(130_000);
  });

  it("is broadcast at once after the floor was reset", () => {
    const announcer = new Announcer({ identity });
    announcer.announce({ capabilities }, 0, WALL_CLOCK);
    announcer.resetFloor();
    expect(announcer.deadline()).toBe(120_000);
    expect(announcer.announce({ capabilities }, 1, WALL_CLOCK).broadcast).toBe(true);
    expect(announcer.announce({ capabilities }, 2, WALL_CLOCK).broadcast).toBe(false);
  });

  it("is never repeated by itself when that is switched off", () => {
    const announcer = new Announcer({ identity, refreshMs: false });
    announcer.announce({ capabilities }, 0, WALL_CLOCK);
    announcer.announce({ capabilities }, 1, WALL_CLOCK);
    expect(announcer.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(announcer.tick(1e12, WALL_CLOCK)).toBeUndefined();
  });

  it("keeps a node in the index of another for as long as it refreshes", () => {
    const announcer = new Announcer({ identity });
    const index = newIndex();
    const { bytes } = announcer.announce({ capabilities }, 0, WALL_CLOCK);
    index.receive(bytes, identity.nodeId, 0, WALL_CLOCK);
    for (let now = 0; now <= 3_600_000; now += 1_000) {
      const again = announcer.tick(now, WALL_CLOCK + now);
      if (again !== undefined) {
        index.receive(again.bytes, identity.nodeId, now, WALL_CLOCK + now);
      }
      index.sweep(now);
      expect(index.findNodes()).toEqual([identity.nodeId]);
    }
    for (let now = 3_600_000; now <= 4_000_000; now += 1_000) index.sweep(now);
    expect(index.findNodes()).toEqual([]);
  });
});
