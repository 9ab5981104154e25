import { describe, expect, it } from "vitest";
import { announcementOf, identityOf, newIndex, receive } from "./mesh.testing.js";

const alice = identityOf(1);

describe("an entry of a full index", () => {
  it("ends earlier when there are too many, for those without news, first for those from afar", () => {
    const index = newIndex({ maxNodes: 3 });
    const known = (...numbers: readonly number[]): readonly boolean[] =>
      numbers.map((number) => index.get(identityOf(number).nodeId) !== undefined);
    const far = (number: number, version = 1n): void => {
      const announcement = announcementOf(identityOf(number), ["x"], { hopCount: 1, version });
      expect(receive(index, announcement, alice.nodeId)).toMatchObject({ index: "indexed" });
    };
    receive(index, announcementOf(alice, ["x"]), alice.nodeId);
    far(10);
    far(11);
    far(10, 2n);
    far(12);
    expect(known(10, 11, 12)).toEqual([true, false, true]);
    expect(index.get(alice.nodeId)).toBeDefined();
    expect(index.findNodes({ requireTags: ["x"] })).toHaveLength(3);
  });

  it("ends earlier when there are too many tags, and the latest news is always there", () => {
    const index = newIndex({ maxTags: 10 });
    const far = (number: number, tags: number, version = 1n): void => {
      const names = Array.from({ length: tags }, (_, at) => `${number}/${version}/${at}`);
      const news = announcementOf(identityOf(number), names, { hopCount: 1, version });
      expect(receive(index, news, alice.nodeId)).toMatchObject({ index: "indexed" });
    };
    const known = (): number[] =>
      [10, 11, 12, 13].filter((number) => index.get(identityOf(number).nodeId) !== undefined);
    far(10, 4);
    far(11, 4);
    expect(known()).toEqual([10, 11]);
    far(12, 4);
    expect(known()).toEqual([11, 12]);
    far(11, 1, 2n);
    far(10, 4, 2n);
    expect(known()).toEqual([10, 11, 12]);
    far(13, 40);
    expect(known()).toEqual([13]);
    far(10, 4, 3n);
    expect(known()).toEqual([10]);
  });

  it("holds only so many peers and what they announced", () => {
    const index = newIndex({ maxNodes: 2, maxDuplicates: 2 });
    for (const number of [1, 2, 3, 4]) {
      const identity = identityOf(number);
      receive(index, announcementOf(identity, []), identity.nodeId);
    }
    expect(index.size).toBe(2);
    expect(index.entityOf(identityOf(1).nodeId)).toBeUndefined();
    expect(index.entityOf(identityOf(4).nodeId)).toBeDefined();
    expect(receive(index, announcementOf(alice, []), alice.nodeId)).toMatchObject({
      kind: "accepted",
    });
  });
});
