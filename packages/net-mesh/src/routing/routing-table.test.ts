import { describe, expect, it } from "vitest";
import { RoutingTable } from "./routing-table.js";

const A = "10.0.0.1:1";
const B = "10.0.0.2:1";
const FAR = 0x1234_5678_9abc_def0n;

describe("the routing table", () => {
  it("takes a strictly better way and keeps the present one among equals", () => {
    const table = new RoutingTable({ maxAgeMs: 90 });
    table.learn(FAR, A, 4, 0);
    table.learn(FAR, B, 4, 1);
    expect(table.nextHop(FAR, 2)).toBe(A);
    table.learn(FAR, B, 3, 2);
    expect(table.route(FAR, 2)).toMatchObject({ nextHop: B, metric: 3 });
  });

  it("never lets a wave displace a peer reached by handshake", () => {
    const table = new RoutingTable({ maxAgeMs: 90 });
    table.setDirect(FAR, A, 0);
    table.learn(FAR, B, 2, 1);
    expect(table.nextHop(FAR, 2)).toBe(A);
    table.setDirect(FAR, B, 3);
    expect(table.nextHop(FAR, 3)).toBe(B);
  });

  it("does not use a way that nothing refreshed in time", () => {
    const table = new RoutingTable({ maxAgeMs: 90 });
    table.learn(FAR, A, 2, 0);
    table.learn(FAR, B, 5, 50);
    expect(table.nextHop(FAR, 90)).toBe(A);
    expect(table.nextHop(FAR, 91)).toBe(B);
    table.refresh(FAR, B, 120);
    table.sweep(200);
    expect(table.nextHop(FAR, 210)).toBe(B);
    table.sweep(211);
    expect(table.size).toBe(0);
    expect(table.fullId(0x9abc_def0)).toBeUndefined();
  });

  it("moves destinations off a hop that is down, and back when it is up", () => {
    const table = new RoutingTable({ maxAgeMs: 90 });
    table.learn(FAR, A, 2, 0);
    table.learn(FAR, B, 3, 0);
    table.hopDown(A);
    expect(table.nextHop(FAR, 1)).toBe(B);
    table.hopUp(A);
    expect(table.nextHop(FAR, 1)).toBe(A);
    table.removeHop(A);
    expect(table.nextHop(FAR, 1)).toBe(B);
    table.removeHop(B);
    expect(table.nextHop(FAR, 1)).toBeUndefined();
  });

  it("believes a longer way by the same hop once the shorter one was not confirmed for long", () => {
    const table = new RoutingTable({ maxAgeMs: 90 });
    table.learn(FAR, A, 2, 0);
    table.learn(FAR, A, 6, 10);
    expect(table.route(FAR, 10)?.metric).toBe(2);
    table.learn(FAR, A, 6, 40);
    expect(table.route(FAR, 40)?.metric).toBe(6);
  });

  it("takes in no more destinations from waves than it has room for, but always its peers", () => {
    const table = new RoutingTable({ maxAgeMs: 90, capacity: 2 });
    expect([1n, 2n, 3n].map((id) => table.learn(id, A, 2, 0))).toEqual([true, true, false]);
    table.setDirect(4n, B, 0);
    expect(table.nextHop(4n, 0)).toBe(B);
  });

  it("finds a destination by the low half of its id", () => {
    const table = new RoutingTable({ maxAgeMs: 90 });
    table.learn(FAR, A, 2, 0);
    expect(table.fullId(0x9abc_def0)).toBe(FAR);
  });
});
