import { describe, expect, it } from "vitest";
import { RelayedHandshakes } from "./relayed-handshakes.js";

const A = { nodeId: 1n, address: "a" };
const B = { nodeId: 2n, address: "b" };
const C = { nodeId: 3n, address: "c" };

function answered(...pairs: readonly (readonly [typeof A, typeof A])[]): RelayedHandshakes {
  const handshakes = new RelayedHandshakes({ maxAgeMs: 100, capacity: 10 });
  for (const [left, right] of pairs) {
    handshakes.note(left, right, 0);
    handshakes.note(right, left, 0);
  }
  return handshakes;
}

describe("handshakes that pass through", () => {
  it("tell who may be meant by a session nobody knows, while something is heard of it", () => {
    const handshakes = new RelayedHandshakes({ maxAgeMs: 100 });
    handshakes.note(A, B, 0);
    expect(handshakes.partners("a", 10)).toEqual([B]);
    handshakes.note(B, A, 20);
    expect(handshakes.partners("b", 120)).toEqual([A]);
    expect(handshakes.partners("c", 120)).toEqual([]);
    expect(handshakes.partners("a", 220)).toEqual([B]);
    expect(handshakes.partners("a", 321)).toEqual([]);
  });

  it("follow a node that comes another way", () => {
    const handshakes = answered([A, B]);
    handshakes.note({ ...A, address: "relay" }, B, 0);
    expect(handshakes.partners("a", 0)).toEqual([]);
    expect(handshakes.partners("b", 0)).toEqual([{ nodeId: 1n, address: "relay" }]);
    expect(handshakes.size).toBe(1);
  });

  it("tell the ends of a session when both were seen to use its id, and only then", () => {
    const handshakes = answered([A, B], [A, C]);
    expect(handshakes.partners("a", 0)).toEqual([B, C]);
    expect(handshakes.sighted(7n, "a", 0)).toBeUndefined();
    expect(handshakes.sighted(7n, "a", 0)).toBeUndefined();
    expect(handshakes.sighted(7n, "stranger", 0)).toBeUndefined();
    expect(handshakes.sighted(7n, "c", 0)).toEqual([A, C]);
  });

  it("are over when the session is known", () => {
    const handshakes = answered([A, B], [C, A]);
    handshakes.settled(2n, 1n);
    expect(handshakes.partners("a", 0)).toEqual([C]);
    handshakes.settled(1n, 3n);
    expect(handshakes.size).toBe(0);
  });

  it("are bounded in number, and so are those one packet is tried on", () => {
    const many = Array.from({ length: 50 }, (_, index) => ({
      nodeId: BigInt(100 + index),
      address: `peer ${index}`,
    }));
    const handshakes = answered(...many.map((peer) => [A, peer] as const));
    expect(handshakes.size).toBe(10);
    expect(handshakes.partners("a", 0)).toEqual(many.slice(-4));
    expect(handshakes.partners("peer 0", 0)).toEqual([]);
  });
});
