import { CapabilitySet } from "@gaiaftcl/net-capability";
import { Identity, issueToken, type PermissionToken } from "@gaiaftcl/net-identity";
import { beforeEach, describe, expect, it } from "vitest";
import { NatBox } from "../simulated/nat-box.js";
import { SimulatedNetwork } from "../simulated/simulated-network.js";
import { attach, type TestNode } from "./mesh-core.testing.js";

const QUICK = { heartbeatIntervalMs: 100, sessionTimeoutMs: 300 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

let network: SimulatedNetwork;
let left: TestNode;
let right: TestNode;
let relay: TestNode;

beforeEach(() => {
  network = new SimulatedNetwork({ seed: 1 });
  left = attach(network, "10.0.0.1:1000", QUICK);
  right = attach(network, "10.0.0.2:1000", QUICK);
  relay = attach(network, "10.0.0.3:1000", QUICK);
});

const onlyBy = (...relays: readonly TestNode[]): void => {
  const addresses = new Set(relays.map(({ address }) => address));
  network.setLink((from, to) =>
    addresses.has(from) || addresses.has(to) ? undefined : { loss: 1 },
  );
};

const subscribe = (
  node: TestNode,
  publisher: TestNode,
  channel: string,
  token?: PermissionToken,
): string => {
  let said = "";
  node.do((core, now) => {
    core.subscribe(
      { publisher: publisher.nodeId, channel, ...(token === undefined ? {} : { token }) },
      now,
      (error) => {
        said = error?.message ?? "ok";
      },
    );
  });
  network.runUntil(() => said !== "", 20_000);
  return said;
};

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

  it("lose nothing of a reliable stream, and double nothing, over a network that does", () => {
    network.setConditions({ loss: 0.1, duplication: 0.1, delayMs: 5, jitterMs: 30 });
    expect(left.connect(right)).toBe("ok");
    const sent = Array.from({ length: 500 }, (_, index) => String(index));
    for (const [index, text] of sent.entries()) {
      network.at(network.now + index, () => left.say(right, text));
    }
    network.runUntil(() => right.texts.length === sent.length, 60_000);
    network.run(2000);
    expect(right.texts).toEqual(sent);
  });

  it("agree on one session when both begin at once", () => {
    const said: boolean[] = [];
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      one.do((core, now) =>
        core.connect(
          {
            nodeId: other.nodeId,
            publicKey: other.keyPair.publicKey,
            path: { kind: "address", address: other.address },
          },
          now,
          ({ ok }) => said.push(ok),
        ),
      );
    }
    network.run(8000);
    expect(said).toEqual([true, true]);
    expect(left.core.peer(right.nodeId)?.sessionId).toBe(right.core.peer(left.nodeId)?.sessionId);
    left.say(right, "one session");
    network.run(100);
    expect(right.texts).toEqual(["one session"]);
  });

  it("refuse each other with different pre-shared keys, and without what is required", () => {
    const stranger = attach(network, "10.0.0.9:1", QUICK, { psk: new Uint8Array(32) });
    expect(left.connect(stranger)).toBe("handshake timeout");
    expect(stranger.core.peers()).toEqual([]);
  });

  it("admit only whom they want", () => {
    const picky = attach(network, "10.0.0.9:1", QUICK, { admits: (id) => id === left.nodeId });
    expect(left.connect(picky)).toBe("ok");
    expect(right.connect(picky)).toBe("handshake timeout");
    expect(picky.core.stats.counters.handshakesRefused).toBeGreaterThan(0);
  });
});

describe("a peer that restarts", () => {
  it("takes the place of its former self, which does not answer", () => {
    left.connect(right);
    network.detach(left.address);
    const again = attach(network, "10.0.0.1:2000", QUICK, { identity: left.identity });
    expect(again.connect(right)).toBe("ok");
    again.say(right, "back again");
    network.run(100);
    expect(right.texts).toEqual(["back again"]);
    expect(right.core.peers()).toHaveLength(1);
  });

  it("may begin a new session itself while it has one, to leave a relay for example", () => {
    let isOpen = false;
    network.setLink((from, to) =>
      isOpen || [from, to].includes(relay.address) ? undefined : { loss: 1 },
    );
    left.connect(relay);
    right.connect(relay);
    expect(left.connect(right, relay)).toBe("ok");
    isOpen = true;
    expect(left.connect(right)).toBe("ok");
    expect(left.core.peer(right.nodeId)?.relayed).toBe(false);
    expect(right.core.peer(left.nodeId)?.relayed).toBe(false);
    left.say(right, "straight");
    network.run(100);
    expect(right.texts).toEqual(["straight"]);
    expect(left.connect(right)).toBe("ok");
    expect(right.connect(left)).toBe("ok");
    right.say(left, "again");
    network.run(100);
    expect(left.texts).toEqual(["again"]);
  });

  it("is not displaced by another under its name while it answers", () => {
    left.connect(right);
    const thief = attach(network, "10.0.0.66:1", QUICK, { identity: left.identity });
    expect(thief.connect(right)).toBe("handshake timeout");
    expect(right.core.peer(left.nodeId)?.address).toBe(left.address);
    left.say(right, "still me");
    network.run(100);
    expect(right.texts).toEqual(["still me"]);
  });
});

describe("a peer behind a translator that forgets it", () => {
  it("is reached at whatever address it has by now", () => {
    const nat = new NatBox({ kind: "port-restricted", publicIp: "5.5.5.5", idleMs: 90 });
    const inside = attach(network, "192.168.0.2:7", QUICK, {}, nat);
    expect(inside.connect(right)).toBe("ok");
    const first = right.core.peer(inside.nodeId)?.address;
    network.run(2000);
    expect(right.core.peer(inside.nodeId)?.address).not.toBe(first);
    right.say(inside, "found you");
    network.runUntil(() => inside.texts.length > 0, 5000);
    expect(inside.texts).toEqual(["found you"]);
    expect(right.core.peers()).toHaveLength(1);
  });
});

describe("a peer that falls silent", () => {
  it("is suspected, declared failed, and at last removed; its detector forgives when it speaks", () => {
    left.connect(right);
    network.partition([left.address], [right.address]);
    network.run(700);
    expect(left.core.peer(right.nodeId)?.health).toBe("suspected");
    network.run(400);
    expect(left.core.peer(right.nodeId)?.health).toBe("failed");
    network.heal();
    network.run(300);
    expect(left.core.peer(right.nodeId)?.health).toBe("healthy");
    network.partition([left.address], [right.address]);
    network.run(10_000);
    expect(left.core.peers()).toEqual([]);
    expect(left.events.at(-1)).toMatchObject({ type: "disconnected", reason: "silent" });
  });
});

describe("a relay", () => {
  it("carries sessions of nodes that do not reach each other", () => {
    onlyBy(relay);
    expect(left.connect(relay)).toBe("ok");
    expect(right.connect(relay)).toBe("ok");
    expect(left.connect(right, relay)).toBe("ok");
    left.say(right, "through");
    network.run(100);
    right.say(left, "and back");
    network.run(5000);
    expect(right.texts).toEqual(["through"]);
    expect(left.texts).toEqual(["and back"]);
    expect(right.core.peer(left.nodeId)).toMatchObject({
      strict: true,
      relayed: true,
      health: "healthy",
    });
  });

  it("that fails is replaced by another way", () => {
    const spare = attach(network, "10.0.0.4:1000", QUICK);
    onlyBy(relay, spare);
    for (const node of [left, right]) {
      expect(node.connect(relay)).toBe("ok");
      expect(node.connect(spare)).toBe("ok");
    }
    expect(left.connect(right, relay)).toBe("ok");
    network.run(1000);
    network.detach(relay.address);
    network.run(2000);
    left.say(right, "by the spare");
    network.run(2000);
    expect(right.texts).toEqual(["by the spare"]);
  });

  it("hands on what comes without a routing header, as 0.19.0 sends everything but handshakes", () => {
    onlyBy(relay);
    left.connect(relay);
    right.connect(relay);
    left.connect(right, relay);
    network.run(500);
    expect(relay.core.stats.relayedSessions).toBe(1);
    right.rewrite = (datagram) => (datagram[0] === 0x52 ? datagram.subarray(18) : datagram);
    right.say(left, "bare");
    network.run(100);
    expect(left.texts).toEqual(["bare"]);
  });
});

describe("announcements", () => {
  it("reach nodes over three hops, with routes back", () => {
    const far = attach(network, "10.0.0.4:1000", QUICK);
    left.connect(relay);
    relay.connect(right);
    right.connect(far);
    network.run(500);
    left.do((core, now) => {
      core.announce(CapabilitySet.of(["role.worker"]), now);
    });
    network.run(500);
    for (const node of [left, relay, right, far]) {
      expect(node.core.findNodes({ requireTags: ["role.worker"] })).toEqual([left.nodeId]);
    }
    expect(far.core.announcementOf(left.nodeId)?.hopCount).toBe(2);
    expect(far.connect(left, right)).toBe("ok");
    expect(far.core.discoveredNodes().map(({ nodeId }) => nodeId)).toContain(left.nodeId);
  });

  it("are given to a peer that comes later, and renewed before they expire", () => {
    left.do((core, now) => {
      core.announce(CapabilitySet.of(["role.worker"]), now);
    });
    left.connect(right);
    network.run(100);
    expect(right.core.findNodes({ requireTags: ["role.worker"] })).toEqual([left.nodeId]);
    network.run(700_000);
    expect(right.core.findNodes({ requireTags: ["role.worker"] })).toEqual([left.nodeId]);
  });
});

describe("channels", () => {
  it("bring events to those who subscribed, until they leave", () => {
    left.connect(right);
    right.do((core) => {
      core.registerChannel("news");
    });
    expect(subscribe(left, right, "news")).toBe("ok");
    expect(subscribe(left, right, "unheard/of")).toBe("channel: unknown channel");
    const publish = (text: string) =>
      right.do((core, now) => core.publish("news", bytes(text), now));
    expect(publish("first")).toEqual({ attempted: 1, delivered: 1, errors: [] });
    network.run(100);
    expect(left.texts).toEqual(["first"]);
    left.do((core, now) => {
      core.unsubscribe(right.nodeId, "news", now, () => undefined);
    });
    network.run(100);
    expect(publish("second").attempted).toBe(0);
  });

  it("say no session where there is none", () => {
    expect(subscribe(left, right, "news")).toBe(
      `channel: connection error: no session to publisher 0x${right.nodeId.toString(16)}`,
    );
  });

  it("take tokens of the issuers they name only", () => {
    const issuer = Identity.generate();
    left.do((core, now) => {
      core.announce(CapabilitySet.of([]), now);
    });
    left.connect(right);
    network.run(100);
    right.do((core) => {
      core.registerChannel("private", { issuers: [issuer.entityId] });
    });
    const token = (signer: Identity) =>
      issueToken({
        signer,
        subject: left.identity.entityId,
        scope: ["subscribe"],
        channel: "private",
        ttlSeconds: 60,
        wallClock: network.wallClock,
      });
    expect(subscribe(left, right, "private")).toBe("channel: unauthorized");
    expect(subscribe(left, right, "private", token(left.identity))).toBe("channel: unauthorized");
    expect(subscribe(left, right, "private", token(issuer))).toBe("ok");
  });

  it("work over a relay, and take a subscriber back that was cut off", () => {
    onlyBy(relay);
    left.connect(relay);
    right.connect(relay);
    left.connect(right, relay);
    right.do((core) => {
      core.registerChannel("news");
    });
    expect(subscribe(left, right, "news")).toBe("ok");
    network.partition([left.address], [relay.address, right.address]);
    network.run(1500);
    expect(right.core.channelMembers("news")).toEqual([]);
    network.heal();
    network.run(1000);
    expect(right.core.channelMembers("news")).toEqual([left.nodeId]);
    right.do((core, now) => core.publish("news", bytes("heard again"), now));
    network.run(100);
    expect(left.texts).toEqual(["heard again"]);
  });
});

describe("what strangers send", () => {
  it("is dropped without an answer and leaves nothing behind", () => {
    left.connect(right);
    network.run(1000);
    const before = network.counts.sent;
    const state = left.core.stats;
    for (let index = 0; index < 20_000; index += 1) {
      const junk = new Uint8Array([14, 18, 64, 72, 82, 112, 130][index % 7] as number);
      for (let at = 0; at < junk.length; at += 1) {
        junk[at] = network.random.uint32();
      }
      const magic = [[], [0x45, 0x4e, 1], [0x52, 0x54, 9], [0x50, 0x48]][index % 4] as number[];
      junk.set(magic);
      left.receive(junk, `66.0.0.${index % 250}:${index % 60_000}`, network.now);
    }
    network.wake(left.address);
    network.run(1);
    expect(network.counts.sent - before).toBeLessThan(10);
    expect(left.core.stats).toMatchObject({
      peers: state.peers,
      routes: state.routes,
      knownNodes: state.knownNodes,
      relayedSessions: 0,
    });
  });
});
