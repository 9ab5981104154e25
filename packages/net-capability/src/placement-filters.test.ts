import { describe, expect, it } from "vitest";
import { CapabilitySet } from "./capability-set.js";
import { type PlacementFilter, PlacementFilters } from "./placement-filters.js";

const candidate = { nodeId: 7n, capabilities: CapabilitySet.of(["gpu"], [["zone", "a"]]) };

describe("placement filters", () => {
  it("keep an id for the first, until it goes", () => {
    const filters = new PlacementFilters();
    expect(filters.register("a", () => true)).toBe(true);
    expect(filters.register("a", () => false)).toBe(false);
    expect([filters.has("a"), filters.has("b")]).toEqual([true, false]);
    expect(filters.score("a", candidate)).toBe(1);
    expect([filters.unregister("a"), filters.unregister("a")]).toEqual([true, false]);
    expect([filters.has("a"), filters.score("a", candidate)]).toEqual([false, undefined]);
    expect(filters.register("a", () => false)).toBe(true);
  });

  it("see the candidate, and keep it by true alone", () => {
    const filters = new PlacementFilters();
    const broken = (): boolean => {
      throw new Error("broken");
    };
    const answers: Readonly<Record<string, PlacementFilter>> = {
      seen: ({ nodeId, capabilities }) =>
        nodeId === 7n && capabilities.has("gpu") && capabilities.metadata.get("zone") === "a",
      no: () => false,
      truthy: (() => 1) as unknown as PlacementFilter,
      broken,
    };
    for (const [id, filter] of Object.entries(answers)) filters.register(id, filter);
    const scores = Object.keys(answers).map((id) => filters.score(id, candidate));
    expect(scores).toEqual([1, undefined, undefined, undefined]);
  });

  it("are functions, with a text as id", () => {
    const filters = new PlacementFilters();
    const type = expect.objectContaining({ code: "TYPE" });
    expect(() => filters.register("a", 5 as unknown as PlacementFilter)).toThrow(type);
    expect(() => filters.register(3 as unknown as string, () => true)).toThrow(type);
    expect(filters.register("", () => true)).toBe(true);
  });
});
