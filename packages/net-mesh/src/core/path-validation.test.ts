import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedNetwork } from "../simulated/simulated-network.js";
import { attach, type TestNode } from "./mesh-core.testing.js";

const DELAY_MS = 20;
const QUICK = { heartbeatIntervalMs: 1000, sessionTimeoutMs: 3000 };
const THIEF = "10.0.0.66:6";
const ELSEWHERE = "10.0.0.7:7";

let network: SimulatedNetwork;
let left: TestNode;
let right: TestNode;
/** Datagrams that left `left`, and what becomes of each. */
let caught: Uint8Array[];
let catches: (datagram: Uint8Array) => boolean;

beforeEach(() => {
  network = new SimulatedNetwork({ seed: 3, conditions: { delayMs: DELAY_MS } });
  left = attach(network, "10.0.0.1:1000", QUICK);
  right = attach(network, "10.0.0.2:1000", QUICK);
  caught = [];
  catches = () => false;
  left.rewrite = (datagram) => {
    if (!catches(datagram)) {
      return datagram;
    }
    caught.push(datagram);
    return new Uint8Array(1);
  };
  expect(left.connect(right)).toBe("ok");
  network.run(500);
});

/** Says something that somebody catches on its way, and gives it. */
function catchOne(): Uint8Array {
  catches = (datagram) => datagram[0] === 0x45;
  left.say(right, "caught");
  network.run(1);
  catches = () => false;
  return caught.shift() ?? new Uint8Array(0);
}

function addressOfLeft(): string | undefined {
  return right.core.peer(left.nodeId)?.address;
}

interface Place {
  readonly heard: Uint8Array[];
  send(datagram: Uint8Array, to: string): void;
}

/** Somebody at an address who does `take` with what comes. */
function stand(address: string, take: (datagram: Uint8Array, from: string) => void): Place {
  const heard: Uint8Array[] = [];
  let send: Place["send"] = () => undefined;
  network.attach(address, (socket) => {
    send = (datagram, to) => {
      socket.transmit(datagram, to);
    };
    return {
      receive: (datagram: Uint8Array, from: string) => {
        heard.push(new Uint8Array(datagram));
        take(datagram, from);
      },
      tick: () => undefined,
      deadline: () => Number.POSITIVE_INFINITY,
    };
  });
  return { heard, send };
}

/** Lets everything of `left` leave from another address from now on, and come to it there. */
function moves(to: string): void {
  network.detach(left.address);
  const place = stand(to, (datagram, from) => {
    left.receive(datagram, from, network.now);
    serve();
  });
  const serve = (): void => {
    left.tick(network.now);
  };
  left.rewrite = (datagram) => {
    place.send(datagram, right.address);
    return new Uint8Array(1);
  };
}

describe("a strict peer whose address changes", () => {
  it("is reached at the new one once it answered there, and not before", () => {
    moves(ELSEWHERE);
    left.say(right, "from elsewhere");
    left.tick(network.now);
    network.run(DELAY_MS + 1);
    expect(right.texts).toEqual(["from elsewhere"]);
    expect(addressOfLeft()).toBe("10.0.0.1:1000");
    network.run(2 * DELAY_MS);
    expect(addressOfLeft()).toBe("10.0.0.1:1000");
    network.run(500);
    expect(addressOfLeft()).toBe(ELSEWHERE);
    right.say(left, "found you");
    network.runUntil(() => left.texts.length > 0, 5000);
    expect(left.texts).toEqual(["found you"]);
  });
});

describe("somebody who catches packets and sends them on from elsewhere", () => {
  it("gets questions that he cannot answer, and no more than three times what he sent", () => {
    const thief = stand(THIEF, () => undefined);
    const stolen = catchOne();
    thief.send(stolen, right.address);
    network.run(10_000);
    expect(addressOfLeft()).toBe(left.address);
    const bytes = thief.heard.reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(3 * stolen.length);
    right.say(left, "still here");
    network.run(500);
    expect(left.texts).toEqual(["still here"]);
  });

  it("is refused although he passes questions and answers on, since the peer is where it was", () => {
    const thief = stand(THIEF, (datagram, from) => {
      thief.send(datagram, from === right.address ? left.address : right.address);
    });
    thief.send(catchOne(), right.address);
    network.run(5000);
    expect(addressOfLeft()).toBe(left.address);
    expect(left.core.peer(right.nodeId)?.address).toBe(right.address);
    // He was asked, passed it on, and was answered.
    expect(thief.heard.length).toBeGreaterThan(1);
  });

  it("is refused although all that the peer says comes from him first", () => {
    const thief = stand(THIEF, (datagram, from) => {
      thief.send(datagram, from === right.address ? left.address : right.address);
    });
    const faster = (node: TestNode, other: TestNode): void => {
      node.rewrite = (datagram) => {
        const copy = new Uint8Array(datagram);
        network.at(network.now, () => {
          other.receive(copy, THIEF, network.now);
          network.wake(other.address);
        });
        return datagram;
      };
    };
    faster(left, right);
    faster(right, left);
    let asked = 0;
    network.setLink((_, to) => {
      asked += to === THIEF ? 1 : 0;
      return undefined;
    });
    for (let second = 0; second < 10; second += 1) {
      left.say(right, "one");
      right.say(left, "other");
      network.run(1000);
      expect(addressOfLeft()).toBe(left.address);
      expect(left.core.peer(right.nodeId)?.address).toBe(right.address);
    }
    expect([left.texts.length, right.texts.length]).toEqual([10, 10]);
    expect(asked).toBeLessThan(100);
  });

  it("gets nothing for what has arrived already", () => {
    const thief = stand(THIEF, () => undefined);
    let copy = new Uint8Array(0);
    left.rewrite = (datagram) => {
      copy = new Uint8Array(datagram);
      return datagram;
    };
    left.say(right, "once");
    network.run(200);
    left.rewrite = (datagram) => datagram;
    thief.send(copy, right.address);
    network.run(1000);
    expect(thief.heard).toEqual([]);
    expect(right.texts).toEqual(["once"]);
  });

  it("is dropped from mind after a while, and makes no memory grow", () => {
    for (let round = 0; round < 20; round += 1) {
      const place = stand(`10.0.9.${round}:1`, () => undefined);
      place.send(catchOne(), right.address);
      network.run(2);
    }
    network.run(10_000);
    expect(addressOfLeft()).toBe(left.address);
    right.say(left, "still here");
    network.run(500);
    expect(left.texts).toEqual(["still here"]);
  });
});

describe("a message about paths", () => {
  it("of another length, kind or question changes nothing", () => {
    const path = 0x4748;
    for (const event of [[], [1], [2, 1, 2, 3, 4, 5, 6, 7, 8], [3, 1, 2, 3, 4, 5, 6, 7, 8]]) {
      left.do((core, now) =>
        core.sendSubprotocol(right.nodeId, path, [Uint8Array.from(event)], now),
      );
      network.run(100);
    }
    expect(addressOfLeft()).toBe(left.address);
    expect(right.events.filter(({ type }) => type === "events")).toEqual([]);
  });
});
