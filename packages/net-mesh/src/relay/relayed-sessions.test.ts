import { describe, expect, it } from "vitest";
import { RelayedSessions } from "./relayed-sessions.js";

const A = { nodeId: undefined, address: "a" };
const B = { nodeId: 2n, address: "b" };

describe("sessions that pass through", () => {
  it("lead un-routed packets to the other end, both ways", () => {
    const sessions = new RelayedSessions({ maxAgeMs: 100 });
    sessions.learn(7n, A, B, 0);
    expect(sessions.otherEnd(7n, "b", 1)).toEqual(A);
    expect(sessions.otherEnd(7n, "a", 1)).toEqual(B);
    expect(sessions.otherEnd(7n, "stranger", 1)).toBeUndefined();
    expect(sessions.otherEnd(8n, "a", 1)).toBeUndefined();
  });

  it("fill in a node id that a packet the other way gives", () => {
    const sessions = new RelayedSessions({ maxAgeMs: 100 });
    sessions.learn(7n, A, B, 0);
    sessions.learn(7n, { nodeId: 2n, address: "b" }, { nodeId: 1n, address: "a" }, 1);
    expect(sessions.otherEnd(7n, "b", 1)).toEqual({ nodeId: 1n, address: "a" });
  });

  it("keep their ends against others who name the same session, until they fall silent", () => {
    const sessions = new RelayedSessions({ maxAgeMs: 100 });
    const thief = { nodeId: 666n, address: "thief" };
    sessions.learn(7n, A, B, 0);
    sessions.learn(7n, thief, B, 1);
    expect(sessions.otherEnd(7n, "b", 2)).toEqual(A);
    expect(sessions.otherEnd(7n, "b", 103)).toBeUndefined();
    sessions.learn(7n, thief, B, 104);
    expect(sessions.otherEnd(7n, "b", 104)).toEqual(thief);
  });

  it("are bounded in number, and those in use stay", () => {
    const sessions = new RelayedSessions({ maxAgeMs: 100, capacity: 10 });
    sessions.learn(7n, A, B, 0);
    for (let id = 100n; id < 200n; id += 1n) {
      sessions.learn(id, A, B, 0);
      sessions.otherEnd(7n, "a", 0);
    }
    expect(sessions.size).toBe(10);
    expect(sessions.otherEnd(7n, "a", 0)).toEqual(B);
  });
});
