import { CapabilitySet } from "@gaiaftcl/net-capability";
import { Identity, issueToken } from "@gaiaftcl/net-identity";
import { MeshNode, type MeshNodeOptions } from "@gaiaftcl/net-mesh";
import { until } from "@gaiaftcl/peers";
import { afterEach, describe, expect, it } from "vitest";
import { MeshPeer, PSK } from "./net-mesh-peer.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const QUICK = { heartbeatIntervalMs: 200, sessionTimeoutMs: 2000 };

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map(async (each) => each[Symbol.asyncDispose]()));
});

async function ours(options: Partial<MeshNodeOptions> = {}): Promise<MeshNode> {
  const node = await MeshNode.listen({ bind: "127.0.0.1:0", psk: PSK, tuning: QUICK, ...options });
  opened.push(node);
  return node;
}

async function theirs(options: Readonly<Record<string, unknown>> = {}): Promise<MeshPeer> {
  const peer = await MeshPeer.start(options);
  opened.push(peer);
  return peer;
}

const hex = (key: Uint8Array): string => Buffer.from(key).toString("hex");

/** They wait in `accept`, we connect; then they start. */
async function weConnect(node: MeshNode, peer: MeshPeer): Promise<void> {
  const accepted = await peer.begin("accept", node.nodeId);
  await node.connect(peer.address, peer.publicKey, peer.nodeId);
  expect(await accepted()).toBe(node.address);
}

async function connectedPair(): Promise<{ readonly node: MeshNode; readonly peer: MeshPeer }> {
  const [node, peer] = await Promise.all([ours(), theirs()]);
  await weConnect(node, peer);
  await peer.call("start");
  return { node, peer };
}

/** Takes `count` events and gives their texts. */
async function take(node: MeshNode, count: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const event of node.events()) {
    texts.push(text(event.payload));
    if (texts.length === count) {
      break;
    }
  }
  return texts;
}

describe("a handshake with a 0.19.0 node", () => {
  it("comes about when we connect and it accepts, directly", async () => {
    const { node, peer } = await connectedPair();
    expect(node.peer(peer.nodeId)).toMatchObject({
      strict: false,
      relayed: false,
      initiated: true,
    });
    await until("the peer to count us", async () => (await peer.call("peer_count")) === 1n);
  });

  it("comes about when it has started, by the routed form", async () => {
    const [node, peer] = await Promise.all([ours(), theirs()]);
    await peer.call("start");
    await node.connect(peer.address, peer.publicKey, peer.nodeId);
    node.openStream(peer.nodeId, 0n).send(bytes("routed"));
    const texts: string[] = [];
    await until(
      "the event by the routed form",
      async () => texts.push(...(await peer.texts())) > 0,
    );
    expect(texts).toEqual(["routed"]);
  });

  it.each(["before", "after"])("comes about when it connects %s its start", async (when) => {
    const [node, peer] = await Promise.all([ours(), theirs()]);
    const accepted = node.accept(peer.nodeId);
    if (when === "after") {
      await peer.call("start");
    }
    await peer.call("connect", [node.address, hex(node.publicKey), node.nodeId]);
    expect(await accepted).toBe(peer.address);
    if (when === "before") {
      await peer.call("start");
    }
    await peer.call("send", [node.nodeId, 3n, [bytes("hello")]]);
    expect(await take(node, 1)).toEqual(["hello"]);
  });

  it("is refused where strict sessions are required", async () => {
    const [node, peer] = await Promise.all([
      ours({ tuning: { ...QUICK, requireStrict: true, handshakeTimeoutMs: 500 } }),
      theirs(),
    ]);
    await peer.call("start");
    await expect(
      node.connect(peer.address, peer.publicKey, peer.nodeId, { retries: 1 }),
    ).rejects.toThrow("handshake timeout");
    expect(node.peers).toEqual([]);
  });
});

describe("streams with a 0.19.0 node", () => {
  it("carry 100,000 events each way under credit, with none lost", async () => {
    const { node, peer } = await connectedPair();
    const count = 100_000;
    const stream = node.openStream(peer.nodeId, 8n, { reliability: "reliable" });
    const received: string[] = [];
    const events = Array.from({ length: count }, (_, index) => bytes(String(index).padEnd(64)));
    const sent = stream.sendAll(events);
    await until("all events", async () => received.push(...(await peer.texts())) >= count);
    await sent;
    expect(received.map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
    const sending = await peer.begin("send_many", node.nodeId, 8n, BigInt(count), 64n);
    expect((await take(node, count)).map(Number)).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
    await sending();
  });

  it("refuse an event that no packet holds, which the reference would lose", async () => {
    const { node, peer } = await connectedPair();
    const stream = node.openStream(peer.nodeId, 8n);
    expect(() => stream.send(new Uint8Array(8109))).toThrow(/8108/u);
    expect(stream.send(new Uint8Array(8108))).toBe(1);
    await until("the event", async () => (await peer.texts()).length === 1);
  });
});

describe("channels with a 0.19.0 node", () => {
  it("are ours to subscribe to, by its leave", async () => {
    const { node, peer } = await connectedPair();
    await peer.call("register_channel", ["sensors/a"]);
    await expect(node.subscribe(peer.nodeId, "sensors/b")).rejects.toThrow(
      "channel: unknown channel",
    );
    const subscription = await node.subscribe(peer.nodeId, "sensors/a");
    expect(await peer.call("publish", ["sensors/a", bytes("21 degrees")])).toMatchObject({
      attempted: 1n,
      delivered: 1n,
    });
    expect(text((await subscription.next()).value?.payload ?? bytes(""))).toBe("21 degrees");
    await subscription.return();
    expect(await peer.call("publish", ["sensors/a", bytes("x")])).toMatchObject({ attempted: 0n });
  });

  it("are its to subscribe to, by ours", async () => {
    const { node, peer } = await connectedPair();
    node.registerChannel("orders");
    await expect(peer.call("subscribe_channel", [node.nodeId, "other"])).rejects.toThrow(
      "ChannelError: channel: unknown channel",
    );
    await peer.call("subscribe_channel", [node.nodeId, "orders"]);
    expect(node.publish("orders", bytes("one"))).toMatchObject({ attempted: 1, delivered: 1 });
    const texts: string[] = [];
    await until("our publication", async () => texts.push(...(await peer.texts())) > 0);
    expect(texts).toEqual(["one"]);
    await peer.call("unsubscribe_channel", [node.nodeId, "orders"]);
    expect(node.publish("orders", bytes("two"))).toMatchObject({ attempted: 0 });
  });

  it("hold two of ours and one of theirs at once", async () => {
    const [sensor, screen, display] = await Promise.all([ours(), ours(), theirs()]);
    sensor.registerChannel("room/temperature");
    const accepted = sensor.accept(display.nodeId);
    await display.call("start");
    await display.call("connect", [sensor.address, hex(sensor.publicKey), sensor.nodeId]);
    await accepted;
    await display.call("subscribe_channel", [sensor.nodeId, "room/temperature"]);
    await screen.connect(sensor.address, sensor.publicKey, sensor.nodeId);
    const readings = await screen.subscribe(sensor.nodeId, "room/temperature");
    expect(sensor.publish("room/temperature", bytes("21.5")).delivered).toBe(2);
    expect(text((await readings.next()).value?.payload ?? bytes(""))).toBe("21.5");
    const texts: string[] = [];
    await until(
      "the publication to theirs",
      async () => texts.push(...(await display.texts())) > 0,
    );
    expect(texts).toEqual(["21.5"]);
  });

  it("with tokens let in who has one, on either side", async () => {
    const issuer = Identity.generate();
    const { node, peer } = await connectedPair();
    await peer.call("announce_capabilities", [{ tags: ["subscriber"] }]);
    node.announce(CapabilitySet.of(["subscriber"]));
    await until(
      "both announcements on both sides",
      async () =>
        node.findNodes({ requireTags: ["subscriber"] }).length === 2 &&
        ((await peer.call("find_nodes", [{ require_tags: ["subscriber"] }])) as bigint[]).length ===
          2,
    );
    const tokenFor = (subject: Uint8Array, scope: "publish" | "subscribe" = "subscribe") =>
      issueToken({
        signer: issuer,
        subject,
        scope: [scope],
        channel: "private",
        ttlSeconds: 600,
        wallClock: Date.now(),
      });
    node.registerChannel("private", { issuers: [issuer.entityId] });
    await expect(peer.call("subscribe_channel", [node.nodeId, "private"])).rejects.toThrow(
      "ChannelAuthError: channel: unauthorized",
    );
    await peer.call("subscribe_channel", [node.nodeId, "private"], {
      token: tokenFor(peer.entityId).bytes,
    });
    expect(() => node.publish("private", bytes("secret"))).toThrow("publish denied");
    node.installToken(tokenFor(node.entityId, "publish"));
    expect(node.publish("private", bytes("secret"))).toMatchObject({ delivered: 1 });

    await peer.call("register_channel", ["private"], { require_token: true });
    await expect(node.subscribe(peer.nodeId, "private")).rejects.toThrow("channel: unauthorized");
    const subscription = await node.subscribe(peer.nodeId, "private", {
      token: tokenFor(node.entityId),
    });
    await subscription.return();
  });
});

describe("announcements in a mixed mesh", () => {
  it("reach every node of a line of four, ours and theirs in turn", async () => {
    const [a, b, c, d] = await Promise.all([ours(), theirs(), ours(), theirs()]);
    await weConnect(a, b);
    await weConnect(c, b);
    await weConnect(c, d);
    await b.call("start");
    await d.call("start");
    a.announce(CapabilitySet.of(["role.first"]));
    await d.call("announce_capabilities", [{ tags: ["role.last"] }]);
    const find = async (peer: MeshPeer, tag: string) =>
      (await peer.call("find_nodes", [{ require_tags: [tag] }])) as bigint[];
    await until(
      "announcements over three hops",
      async () =>
        (await find(d, "role.first")).includes(a.nodeId) &&
        a.findNodes({ requireTags: ["role.last"] }).includes(d.nodeId),
    );
    expect(await find(b, "role.last")).toEqual([d.nodeId]);
    expect(c.findNodes({ requireTags: ["role.first"] })).toEqual([a.nodeId]);
    expect(a.announcementOf(d.nodeId)?.hopCount).toBe(2);
  });
});

describe("relaying", () => {
  it("works through a 0.19.0 node between two of ours, streams and channels included", async () => {
    const [left, middle, right] = await Promise.all([ours(), theirs(), ours()]);
    await weConnect(left, middle);
    await weConnect(right, middle);
    await middle.call("start");
    const peer = await left.connectVia(middle.nodeId, right.publicKey, right.nodeId);
    expect(peer).toMatchObject({ strict: true, relayed: true });
    right.registerChannel("news");
    const subscription = await left.subscribe(right.nodeId, "news");
    right.publish("news", bytes("over the relay"), { reliability: "reliable" });
    expect(text((await subscription.next()).value?.payload ?? bytes(""))).toBe("over the relay");
    const stream = left.openStream(right.nodeId, 5n, { reliability: "reliable" });
    const big = new Uint8Array(300_000).fill(7);
    await stream.sendAll([big]);
    for await (const event of right.events()) {
      expect(Buffer.compare(event.payload, big)).toBe(0);
      break;
    }
  });

  it("works through ours between a 0.19.0 node and one of ours, both ways", async () => {
    const [left, middle, right] = await Promise.all([ours(), ours(), theirs()]);
    await left.connect(middle.address, middle.publicKey, middle.nodeId);
    await weConnect(middle, right);
    await right.call("start");
    await left.connectVia(middle.nodeId, right.publicKey, right.nodeId);
    left.openStream(right.nodeId, 5n).send(bytes("to the wheel"));
    const texts: string[] = [];
    await until("the event by the relay", async () => texts.push(...(await right.texts())) > 0);
    expect(texts).toEqual(["to the wheel"]);
    await right.call("send", [left.nodeId, 6n, [bytes("and back")]]);
    expect(await take(left, 1)).toEqual(["and back"]);
  });
});

describe("a dead peer", () => {
  it("is evicted on our side when theirs is killed", async () => {
    const node = await ours({ tuning: { heartbeatIntervalMs: 50, sessionTimeoutMs: 100 } });
    const peer = await theirs({ heartbeat_interval_ms: 20, session_timeout_ms: 100 });
    await weConnect(node, peer);
    await peer.call("start");
    await peer[Symbol.asyncDispose]();
    await until("our side to evict the peer", () => node.peers.length === 0);
  });

  it("is evicted on theirs when ours is gone", async () => {
    const node = await ours();
    const peer = await theirs({ heartbeat_interval_ms: 20, session_timeout_ms: 100 });
    await weConnect(node, peer);
    await peer.call("start");
    await until("the peer to count us", async () => (await peer.call("peer_count")) === 1n);
    await node.close();
    await until("their side to evict us", async () => (await peer.call("peer_count")) === 0n);
  });
});
