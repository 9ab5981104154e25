import { CapabilitySet } from "@gaiaftcl/net-capability";
import { Identity } from "@gaiaftcl/net-identity";
import { MeshNode, type PeerHealth, type Subscription } from "@gaiaftcl/net-mesh";
import { until } from "@gaiaftcl/peers";
import { afterEach, describe, expect, it } from "vitest";
import { CuttableLink } from "./cuttable-link.ts";
import { MeshPeer, PSK } from "./net-mesh-peer.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const hex = (key: Uint8Array): string => Buffer.from(key).toString("hex");

const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

interface Pair {
  readonly node: MeshNode;
  readonly peer: MeshPeer;
  readonly link: CuttableLink;
  readonly news: Subscription;
}

/** Our node and one of the reference, each on a channel of the other and announced to it. */
async function acquainted({ reconnect = false } = {}): Promise<Pair> {
  const node = await MeshNode.listen({
    bind: "127.0.0.1:0",
    psk: PSK,
    tuning: { heartbeatIntervalMs: 100, sessionTimeoutMs: 500 },
  });
  opened.push(node);
  const peer = await MeshPeer.start({ heartbeat_interval_ms: 100, session_timeout_ms: 500 });
  opened.push(peer);
  const link = await CuttableLink.to(peer.address);
  opened.push(link);
  const accepted = await peer.begin("accept", node.nodeId);
  await node.connect(link.address, peer.publicKey, peer.nodeId, { reconnect });
  await accepted();
  await peer.call("start");
  node.registerChannel("ours");
  await peer.call("register_channel", ["theirs"]);
  node.announce(CapabilitySet.of(["role.ours"]));
  await peer.call("announce_capabilities", [{ tags: ["role.theirs"] }]);
  await peer.call("subscribe_channel", [node.nodeId, "ours"]);
  const news = await node.subscribe(peer.nodeId, "theirs");
  const pair = { node, peer, link, news };
  await until("the two to know and hear each other", () => areWhole(pair));
  return pair;
}

/** Whether each knows what the other announced, and gets what the other publishes. */
async function areWhole({ node, peer, news }: Pair): Promise<boolean> {
  const known = (await peer.call("find_nodes", [{ require_tags: ["role.ours"] }])) as bigint[];
  if (
    !(known.includes(node.nodeId) && node.findNodes({ requireTags: ["role.theirs"] }).length === 1)
  ) {
    return false;
  }
  const { delivered } = node.publish("ours", bytes("from us"));
  const report = (await peer.call("publish", ["theirs", bytes("from them")])) as {
    readonly delivered: bigint;
  };
  if (delivered !== 1 || report.delivered !== 1n) return false;
  await until("our publication to arrive", async () => (await peer.texts()).includes("from us"));
  expect((await news.next()).value?.payload).toEqual(bytes("from them"));
  return true;
}

async function isHeard(news: Subscription): Promise<boolean> {
  return Promise.race([
    news.next().then(() => true),
    new Promise<boolean>((resolve) => {
      setTimeout(resolve, 200, false);
    }),
  ]);
}

async function healthBecomes({ node, peer }: Pair, health: PeerHealth): Promise<void> {
  await until(`the peer to be ${health}`, () => node.peer(peer.nodeId)?.health === health);
}

/**
 * Gives the other node the time to take ours for failed and to forget it. It may index it again, from
 * what still waited in its socket.
 */
async function mayForget({ node, peer }: Pair): Promise<void> {
  for (let round = 0; round < 100; round += 1) {
    const known = await peer.call("find_nodes", [{ require_tags: ["role.ours"] }]);
    if (!(known as bigint[]).includes(node.nodeId)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("a 0.19.0 node and ours", () => {
  it("are what they were to each other after the network between them was cut", async () => {
    const pair = await acquainted();
    const session = pair.node.peer(pair.peer.nodeId)?.sessionId;
    for (let cut = 0; cut < 2; cut += 1) {
      pair.link.cut();
      await healthBecomes(pair, "failed");
      expect(pair.node.findNodes({ requireTags: ["role.theirs"] })).toEqual([]);
      await mayForget(pair);
      pair.link.mend();
      await until("the two to know and hear each other again", () => areWhole(pair));
    }
    expect(pair.node.peer(pair.peer.nodeId)?.sessionId).toBe(session);
  });

  it("are after only ours heard nothing", async () => {
    const pair = await acquainted();
    pair.link.passes.back = false;
    await healthBecomes(pair, "failed");
    pair.link.mend();
    await until("the two to know and hear each other again", () => areWhole(pair));
  });

  it("are after the other process stood still", async () => {
    const pair = await acquainted();
    pair.peer.signal("SIGSTOP");
    await healthBecomes(pair, "failed");
    pair.peer.signal("SIGCONT");
    await until("the two to know and hear each other again", () => areWhole(pair));
  });

  it("are after this process stood still, which it noticed", async () => {
    const pair = await acquainted();
    // Nothing of this process runs, timers and sockets alike.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    await until("the two to know and hear each other again", () => areWhole(pair));
    // Whatever the other side concludes from the silence, it has concluded by then.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await until("the two to know and hear each other still", () => areWhole(pair));
  });
});

const QUICK = { heartbeatIntervalMs: 100, sessionTimeoutMs: 500, handshakeTimeoutMs: 2000 };
const SEED = { identity_seed: new Uint8Array(32).fill(9) };
const THEIRS = { heartbeat_interval_ms: 100, session_timeout_ms: 500, ...SEED };

describe("a session that is meant to be had with a 0.19.0 node", () => {
  it("is begun again after the node was away for so long that both forgot each other", async () => {
    const pair = await acquainted({ reconnect: true });
    const { node, peer, link } = pair;
    const session = node.peer(peer.nodeId)?.sessionId;
    link.cut();
    await until("the peer to be forgotten", () => node.peer(peer.nodeId) === undefined);
    link.mend();
    await until("the peer to be healthy again", () => node.peer(peer.nodeId)?.health === "healthy");
    expect(node.peer(peer.nodeId)?.sessionId).not.toBe(session);
    // Our announcement and our subscription are made good. The other node has no address for ours since
    // it forgot it, so that it can make good nothing.
    await until("our announcement and our subscription to be made good", async () => {
      await peer.call("publish", ["theirs", bytes("after all")]);
      const known = await peer.call("find_nodes", [{ require_tags: ["role.ours"] }]);
      return (known as bigint[]).includes(node.nodeId) && (await isHeard(pair.news));
    });
  });

  it("waits in patience for one that was killed, and is content when it comes by itself", async () => {
    const node = await MeshNode.listen({ bind: "127.0.0.1:0", psk: PSK, tuning: QUICK });
    opened.push(node);
    const first = await MeshPeer.start(THEIRS);
    opened.push(first);
    await first.call("start");
    await node.connect(first.address, first.publicKey, first.nodeId);
    const failures: number[] = [];
    node.onPeerEvent((event) => {
      if (event.type === "call-failed") failures.push(event.failures);
    });
    first.signal("SIGKILL");
    await until("two calls in vain", () => failures.length >= 2);
    // It has another key at each start, so that it can only be awaited.
    const again = await MeshPeer.start(THEIRS, first.address);
    opened.push(again);
    expect(again.nodeId).toBe(first.nodeId);
    const accepted = node.accept(again.nodeId);
    await again.call("connect", [node.address, hex(node.publicKey), node.nodeId]);
    await accepted;
    await again.call("start");
    await until(
      "the peer to be healthy again",
      () => node.peer(again.nodeId)?.health === "healthy",
    );
    await until("the kept connections to be content", () =>
      node.keptConnections.every((kept) => kept.failures === 0),
    );
    expect(node.disconnect(again.nodeId)).toBe(true);
    expect(node.keptConnections).toEqual([]);
  });

  it("is begun again by a node of ours that was killed and started again", async () => {
    const peer = await MeshPeer.start(THEIRS);
    opened.push(peer);
    await peer.call("start");
    const keys = { identity: Identity.generate(), secretKey: new Uint8Array(32).fill(8) };
    const start = async (bind: string): Promise<MeshNode> => {
      const node = await MeshNode.listen({ bind, psk: PSK, tuning: QUICK, ...keys });
      node.keepConnected(peer.address, peer.publicKey, peer.nodeId);
      await until("the peer to be healthy", () => node.peer(peer.nodeId)?.health === "healthy");
      return node;
    };
    const first = await start("127.0.0.1:0");
    await first.close({ lingerMs: 0 });
    const again = await start(first.address);
    opened.push(again);
    again.push(peer.nodeId, bytes("here again"));
    await until("the event of the second life", async () =>
      (await peer.texts()).includes("here again"),
    );
  });
});

describe("a started 0.19.0 node that ours joined", () => {
  it("has no address for ours until it connects itself, which it may while both live", async () => {
    const node = await MeshNode.listen({ bind: "127.0.0.1:0", psk: PSK, tuning: QUICK });
    opened.push(node);
    const peer = await MeshPeer.start(THEIRS);
    opened.push(peer);
    node.registerChannel("ours");
    await peer.call("start");
    await node.connect(peer.address, peer.publicKey, peer.nodeId);
    await until("the peer to be healthy", () => node.peer(peer.nodeId)?.health === "healthy");
    await expect(peer.call("subscribe_channel", [node.nodeId, "ours"])).rejects.toThrow(
      "ChannelError: channel: connection error: unknown peer",
    );
    await peer.call("connect", [node.address, hex(node.publicKey), node.nodeId]);
    await peer.call("subscribe_channel", [node.nodeId, "ours"]);
    await peer.call("announce_capabilities", [{ tags: ["role.theirs"] }]);
    await until(
      "their announcement",
      () => node.findNodes({ requireTags: ["role.theirs"] }).length === 1,
    );
    expect(node.publish("ours", bytes("at last"))).toMatchObject({ delivered: 1 });
    await until("the publication to arrive", async () => (await peer.texts()).includes("at last"));
    expect(node.peerNatType(peer.nodeId)).toBe("unknown");
    node.setReflexOverride("192.0.2.1:7");
    node.announce(CapabilitySet.of(["role.ours"]));
    await until(
      "our NAT class to reach them",
      async () => (await peer.call("peer_nat_type", [node.nodeId])) === "open",
    );
    await peer.call("set_reflex_override", ["192.0.2.2:7"]);
    await peer.call("announce_capabilities", [{ tags: ["role.theirs"] }]);
    await until("their NAT class to reach us", () => node.peerNatType(peer.nodeId) === "open");
  });

  it("is known through a relay of ours, which its announcements reach", async () => {
    const [relay, node, peer] = await Promise.all([
      MeshNode.listen({ bind: "127.0.0.1:0", psk: PSK, tuning: QUICK }),
      MeshNode.listen({ bind: "127.0.0.1:0", psk: PSK, tuning: QUICK }),
      MeshPeer.start(THEIRS),
    ]);
    opened.push(relay, node, peer);
    const accepted = await peer.begin("accept", relay.nodeId);
    await relay.connect(peer.address, peer.publicKey, peer.nodeId);
    await accepted();
    await peer.call("start");
    await node.connect(relay.address, relay.publicKey, relay.nodeId);
    await node.connectVia(relay.nodeId, peer.publicKey, peer.nodeId);
    await peer.call("announce_capabilities", [{ tags: ["role.theirs"] }]);
    await until(
      "their announcement by the relay",
      () => node.findNodes({ requireTags: ["role.theirs"] }).length === 1,
    );
    // A request for the node behind the relay goes to the relay, in the relay's session.
    node.registerChannel("ours");
    const { subscribesReceived } = relay.stats.counters;
    await expect(peer.call("subscribe_channel", [node.nodeId, "ours"])).rejects.toThrow(
      "membership ack timeout (5s)",
    );
    expect(relay.stats.counters.subscribesReceived).toBe(subscribesReceived + 1);
  });
});
