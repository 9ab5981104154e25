import { describe, expect, it } from "vitest";
import { ProximityGraph } from "./proximity-graph.js";

const FINE = { health: "healthy", load: 0 } as const;

describe("the proximity graph", () => {
  it("knows the nodes waves came from, and by whom they came, nearest first", () => {
    const graph = new ProximityGraph({ maxAgeMs: 90 });
    graph.record(9n, 1n, 3, FINE, 0);
    graph.record(9n, 2n, 2, { health: "degraded", load: 7 }, 5);
    expect(graph.neighboursTowards(9n, 5)).toEqual([2n, 1n]);
    expect(graph.nodes()).toEqual([
      { nodeId: 9n, health: "degraded", load: 7, hops: 2, seenAt: 5 },
    ]);
    expect(graph.neighboursTowards(8n, 5)).toEqual([]);
  });

  it("forgets what is not confirmed", () => {
    const graph = new ProximityGraph({ maxAgeMs: 90 });
    graph.record(9n, 1n, 3, FINE, 0);
    graph.record(9n, 2n, 2, FINE, 50);
    expect(graph.neighboursTowards(9n, 100)).toEqual([2n]);
    graph.sweep(100);
    expect(graph.size).toBe(1);
    graph.removeNeighbour(2n);
    expect(graph.neighboursTowards(9n, 100)).toEqual([]);
    graph.sweep(100);
    expect(graph.size).toBe(0);
  });

  it("stays within its capacity", () => {
    const graph = new ProximityGraph({ maxAgeMs: 90, capacity: 10 });
    for (let origin = 0n; origin < 100n; origin += 1n) {
      graph.record(origin, 1n, 1, FINE, 0);
    }
    expect(graph.size).toBe(10);
    for (let neighbour = 0n; neighbour < 100n; neighbour += 1n) {
      graph.record(0n, neighbour, 1, FINE, 0);
    }
    expect(graph.neighboursTowards(0n, 0)).toHaveLength(16);
  });
});
