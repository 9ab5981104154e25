import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedNetwork } from "../simulated/simulated-network.js";
import { attach, type TestNode } from "./mesh-core.testing.js";
import type { MeshEvent } from "./mesh-event.js";

const QUICK = { heartbeatIntervalMs: 100, sessionTimeoutMs: 300, handshakeTimeoutMs: 500 };

let network: SimulatedNetwork;
let left: TestNode;
let right: TestNode;

beforeEach(() => {
  network = new SimulatedNetwork({ seed: 2 });
  left = attach(network, "10.0.0.1:1", QUICK);
  right = attach(network, "10.0.0.2:1", QUICK);
});

function keep(from: TestNode, to: TestNode, relay?: TestNode): void {
  from.do((core, now) => {
    core.keep(
      {
        nodeId: to.nodeId,
        publicKey: to.keyPair.publicKey,
        path:
          relay === undefined
            ? { kind: "address", address: to.address }
            : { kind: "relay", relay: relay.nodeId },
      },
      now,
    );
  });
}

function failedCalls(node: TestNode): Extract<MeshEvent, { readonly type: "call-failed" }>[] {
  return node.events.filter((event) => event.type === "call-failed");
}

/** Puts a node with the identity and key of `node` in its place, as a restart does. */
function restart(node: TestNode): TestNode {
  network.detach(node.address);
  return attach(network, node.address, QUICK, { identity: node.identity, keyPair: node.keyPair });
}

describe("a session that is meant to be had", () => {
  it("is begun, and begun again when the other node was started again", () => {
    keep(left, right);
    network.run(100);
    expect(left.core.peer(right.nodeId)?.health).toBe("healthy");
    expect(left.core.keptConnections()).toEqual([
      { nodeId: right.nodeId, failures: 0, isCalled: false },
    ]);
    const session = left.core.peer(right.nodeId)?.sessionId;
    const again = restart(right);
    network.run(5000);
    expect(left.core.peer(right.nodeId)).toMatchObject({ health: "healthy" });
    expect(left.core.peer(right.nodeId)?.sessionId).not.toBe(session);
    left.say(again, "back");
    network.run(100);
    expect(again.texts).toEqual(["back"]);
  });

  it("is called for ever more rarely while nobody answers, and told of", () => {
    network.detach(right.address);
    keep(left, right);
    network.run(600_000);
    const waits = failedCalls(left).map(({ nextInMs }) => nextInMs / 1000);
    for (const [call, usual] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
      expect(waits[call]).toBeGreaterThanOrEqual(0.75 * usual);
      expect(waits[call]).toBeLessThanOrEqual(1.25 * usual);
    }
    expect(new Set(waits).size).toBe(waits.length);
    expect(left.core.keptConnections()).toMatchObject([{ failures: waits.length }]);
    expect(failedCalls(left)[2]).toMatchObject({
      peer: right.nodeId,
      reason: "handshake timeout",
      failures: 3,
    });
    restart(right);
    network.run(80_000);
    expect(left.core.peer(right.nodeId)?.health).toBe("healthy");
  });

  it("is called for no more once it is not meant to be had", () => {
    keep(left, right);
    network.run(100);
    expect(left.do((core, now) => core.disconnect(right.nodeId, now))).toBe(true);
    network.detach(right.address);
    const { callsAgain } = left.core.stats.counters;
    network.run(60_000);
    expect(left.core.stats.counters.callsAgain).toBe(callsAgain);
    keep(left, right);
    network.run(200);
    expect(left.do((core, now) => core.disconnect(right.nodeId, now))).toBe(false);
    const { handshakesStarted } = left.core.stats.counters;
    network.run(60_000);
    expect(left.core.stats.counters.handshakesStarted).toBe(handshakesStarted);
    expect(left.core.stats.pendingHandshakes).toBe(0);
  });

  it("is not begun anew when the peer was only cut off for a while", () => {
    keep(left, right);
    network.run(100);
    const session = left.core.peer(right.nodeId)?.sessionId;
    left.say(right, "before");
    network.run(100);
    network.partition([left.address]);
    left.say(right, "during");
    network.run(250);
    network.heal();
    network.run(3000);
    expect(right.texts).toEqual(["before", "during"]);
    expect(left.core.peer(right.nodeId)?.sessionId).toBe(session);
  });

  it("gives way to a call by hand, and to one from the other side", () => {
    network.detach(right.address);
    keep(left, right);
    network.run(50);
    const again = restart(right);
    expect(left.connect(right)).toBe("ok");
    network.detach(again.address);
    network.run(2000);
    const third = restart(right);
    keep(third, left);
    network.run(20_000);
    expect(left.core.peer(right.nodeId)?.sessionId).toBe(third.core.peer(left.nodeId)?.sessionId);
    const { callsAgain } = left.core.stats.counters;
    network.run(60_000);
    expect(left.core.stats.counters.callsAgain).toBe(callsAgain);
  });

  it("is refused at once where every call would be in vain", () => {
    const target = {
      nodeId: right.nodeId,
      publicKey: right.keyPair.publicKey,
      path: { kind: "address", address: right.address },
    } as const;
    for (const wrong of [
      { ...target, nodeId: left.nodeId },
      { ...target, publicKey: new Uint8Array(31) },
      { ...target, path: { kind: "address", address: "nowhere" } as const },
    ]) {
      expect(() => left.core.keep(wrong, network.now)).toThrow(
        expect.objectContaining({ code: "INVALID_OPTION" }),
      );
    }
    expect(left.core.keptConnections()).toEqual([]);
  });

  it("by a relay waits for the relay", () => {
    const relay = attach(network, "10.0.0.3:1", QUICK);
    network.setLink((from, to) => ([from, to].includes(relay.address) ? undefined : { loss: 1 }));
    keep(left, right, relay);
    network.run(1500);
    expect(failedCalls(left)[0]?.reason).toContain("no session with relay");
    keep(left, relay);
    keep(right, relay);
    network.run(20_000);
    expect(left.core.peer(right.nodeId)).toMatchObject({ relayed: true, health: "healthy" });
  });
});
