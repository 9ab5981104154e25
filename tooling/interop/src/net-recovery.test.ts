import { CapabilitySet } from "@gaiaftcl/net-capability";
import { MeshNode, type PeerHealth, type Subscription } from "@gaiaftcl/net-mesh";
import { afterEach, describe, expect, it } from "vitest";
import { CuttableLink } from "./cuttable-link.ts";
import { eventually, MeshPeer, PSK } from "./net-mesh-peer.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

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
async function acquainted(): Promise<Pair> {
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
  await node.connect(link.address, peer.publicKey, peer.nodeId);
  await accepted();
  await peer.call("start");
  node.registerChannel("ours");
  await peer.call("register_channel", ["theirs"]);
  node.announce(CapabilitySet.of(["role.ours"]));
  await peer.call("announce_capabilities", [{ tags: ["role.theirs"] }]);
  await peer.call("subscribe_channel", [node.nodeId, "ours"]);
  const news = await node.subscribe(peer.nodeId, "theirs");
  const pair = { node, peer, link, news };
  await eventually(() => areWhole(pair));
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
  await eventually(async () => (await peer.texts()).includes("from us"));
  expect((await news.next()).value?.payload).toEqual(bytes("from them"));
  return true;
}

async function healthBecomes({ node, peer }: Pair, health: PeerHealth): Promise<void> {
  await eventually(() => node.peer(peer.nodeId)?.health === health);
}

async function isForgottenBy({ node, peer }: Pair): Promise<void> {
  await eventually(
    async () =>
      !((await peer.call("find_nodes", [{ require_tags: ["role.ours"] }])) as bigint[]).includes(
        node.nodeId,
      ),
  );
}

describe("a 0.19.0 node and ours", () => {
  it("are what they were to each other after the network between them was cut", async () => {
    const pair = await acquainted();
    const session = pair.node.peer(pair.peer.nodeId)?.sessionId;
    for (let cut = 0; cut < 2; cut += 1) {
      pair.link.cut();
      await healthBecomes(pair, "failed");
      expect(pair.node.findNodes({ requireTags: ["role.theirs"] })).toEqual([]);
      await isForgottenBy(pair);
      pair.link.mend();
      await eventually(() => areWhole(pair));
    }
    expect(pair.node.peer(pair.peer.nodeId)?.sessionId).toBe(session);
  });

  it("are after only ours heard nothing", async () => {
    const pair = await acquainted();
    pair.link.passes.back = false;
    await healthBecomes(pair, "failed");
    pair.link.mend();
    await eventually(() => areWhole(pair));
  });

  it("are after the other process stood still", async () => {
    const pair = await acquainted();
    pair.peer.signal("SIGSTOP");
    await healthBecomes(pair, "failed");
    pair.peer.signal("SIGCONT");
    await eventually(() => areWhole(pair));
  });

  it("are after this process stood still, which it noticed", async () => {
    const pair = await acquainted();
    // Nothing of this process runs, timers and sockets alike.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    await eventually(() => areWhole(pair));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(await areWhole(pair)).toBe(true);
  });
});
