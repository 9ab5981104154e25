import { describe, expect, it } from "vitest";
import type { CapabilityIndex } from "./capability-index.js";
import { announcementOf, identityOf, newIndex, receive } from "./mesh.testing.js";

const alice = identityOf(1);
const bob = identityOf(2);

describe("what was known of a peer that fell silent", () => {
  const known = announcementOf(alice, ["x"], { version: 5n });
  const afterSilence = (...meanwhile: ((index: CapabilityIndex) => void)[]): CapabilityIndex => {
    const index = newIndex();
    receive(index, known, alice.nodeId);
    index.withholdPeer(alice.nodeId);
    expect(index.findNodes()).toEqual([]);
    expect(index.entityOf(alice.nodeId)).toBeUndefined();
    for (const happens of meanwhile) happens(index);
    return index;
  };

  it("is known again when it speaks, once", () => {
    const index = afterSilence();
    expect(index.restorePeer(alice.nodeId, 1000)).toBe(true);
    expect(index.findNodes({ requireTags: ["x"] })).toEqual([alice.nodeId]);
    expect(index.entityOf(alice.nodeId)).toEqual(alice.entityId);
    expect(receive(index, known, alice.nodeId)).toEqual({ kind: "dropped", reason: "duplicate" });
    expect(index.restorePeer(alice.nodeId, 1000)).toBe(false);
    expect(index.restorePeer(bob.nodeId, 1000)).toBe(false);
  });

  it("lasts no longer for that", () => {
    const index = afterSilence();
    expect(index.restorePeer(alice.nodeId, 300_000)).toBe(false);
    expect(index.findNodes()).toEqual([]);
    expect(index.entityOf(alice.nodeId)).toEqual(alice.entityId);
    const late = afterSilence();
    late.restorePeer(alice.nodeId, 299_000);
    late.sweep(300_000);
    expect(late.findNodes()).toEqual([]);
  });

  it("gives way to what came meanwhile, directly or from others", () => {
    const later = announcementOf(alice, ["y"], { version: 6n });
    const direct = afterSilence((index) => receive(index, later, alice.nodeId));
    expect(direct.restorePeer(alice.nodeId, 0)).toBe(false);
    expect(direct.capabilitiesOf(alice.nodeId).tags).toEqual(["y"]);
    const passedOn = afterSilence((index) => receive(index, { ...later, hopCount: 1 }, bob.nodeId));
    expect(passedOn.restorePeer(alice.nodeId, 0)).toBe(false);
    expect(passedOn.capabilitiesOf(alice.nodeId).tags).toEqual(["y"]);
    expect(passedOn.entityOf(alice.nodeId)).toEqual(alice.entityId);
  });

  it("is gone when the peer is, or when another session begins under its node id", () => {
    const gone = afterSilence((index) => index.forgetPeer(alice.nodeId));
    expect(gone.restorePeer(alice.nodeId, 0)).toBe(false);
    const anew = afterSilence((index) => index.dropWithheld(alice.nodeId));
    expect(anew.restorePeer(alice.nodeId, 0)).toBe(false);
    expect(anew.entityOf(alice.nodeId)).toBeUndefined();
  });

  it("is kept of so many peers only", () => {
    const index = newIndex({ maxNodes: 2 });
    for (const number of [1, 2, 3]) {
      const identity = identityOf(number);
      receive(index, announcementOf(identity, []), identity.nodeId);
      index.withholdPeer(identity.nodeId);
    }
    expect([1, 2, 3].map((number) => index.restorePeer(identityOf(number).nodeId, 0))).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("a peer that started again", () => {
  it("is heard although it counts its versions from 1 again, once for each beginning", () => {
    const index = newIndex();
    const announce = (tag: string, version: bigint) =>
      receive(index, announcementOf(alice, [tag], { version }), alice.nodeId);
    index.expectRestart(alice.nodeId);
    announce("first", 1n);
    announce("second", 2n);
    expect(announce("forged", 1n)).toMatchObject({ kind: "dropped", reason: "duplicate" });
    index.expectRestart(alice.nodeId);
    expect(index.capabilitiesOf(alice.nodeId).tags).toEqual(["second"]);
    expect(announce("again", 1n)).toMatchObject({ index: "indexed" });
    expect(announce("again", 1n)).toMatchObject({ kind: "dropped", reason: "duplicate" });
    expect(index.capabilitiesOf(alice.nodeId).tags).toEqual(["again"]);
    expect(announce("later", 2n)).toMatchObject({ index: "indexed" });
  });

  it("is not told by what others pass on of it", () => {
    const index = newIndex();
    receive(index, announcementOf(alice, ["known"], { version: 5n }), alice.nodeId);
    index.expectRestart(alice.nodeId);
    const old = { ...announcementOf(alice, ["old"], { version: 4n }), hopCount: 1 };
    expect(receive(index, old, bob.nodeId)).toMatchObject({ index: "stale" });
  });
});
