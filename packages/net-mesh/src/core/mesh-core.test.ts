import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedNetwork } from "../simulated/simulated-network.js";
import { attach, type TestNode } from "./mesh-core.testing.js";

let network: SimulatedNetwork;
let left: TestNode;
let right: TestNode;
let relay: TestNode;

beforeEach(() => {
  network = new SimulatedNetwork({ seed: 1 });
  left = attach(network, "10.0.0.1:1000");
  right = attach(network, "10.0.0.2:1000");
  relay = attach(network, "10.0.0.3:1000");
});

describe("two nodes", () => {
  it("exchange events once one has connected, which the other need not expect", () => {
    expect(left.connect(right)).toBe("ok");
    expect(left.core.peer(right.nodeId)).toMatchObject({ strict: true, relayed: false });
    expect(right.core.peer(left.nodeId)).toMatchObject({ strict: true, relayed: false });
    left.say(right, "hello");
    right.say(left, "and back");
    network.run(100);
    expect(right.texts).toEqual(["hello"]);
    expect(left.texts).toEqual(["and back"]);
  });
});

describe("a relay", () => {
  it("carries sessions of nodes that do not reach each other", () => {
    network.setLink((from, to) => ([from, to].includes(relay.address) ? undefined : { loss: 1 }));
    expect(left.connect(relay)).toBe("ok");
    expect(right.connect(relay)).toBe("ok");
    expect(left.connect(right, relay)).toBe("ok");
    left.say(right, "through");
    network.run(100);
    right.say(left, "and back");
    network.run(100);
    expect(right.texts).toEqual(["through"]);
    expect(left.texts).toEqual(["and back"]);
    expect(right.core.peer(left.nodeId)).toMatchObject({ strict: true, relayed: true });
  });
});
