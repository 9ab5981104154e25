import { randomBytes } from "node:crypto";
import { CapabilitySet } from "@gaiaftcl/net-capability";
import type { MeshNode } from "@gaiaftcl/net-mesh";
import { until } from "@gaiaftcl/peers";
import { describe, expect, it } from "vitest";
import { join, Nodes, start } from "./net-traversal-nodes.ts";

const COUNT = 100_000;
const STREAMS = [3n, 8n, 11n, 200n];
const PER_STREAM = COUNT / STREAMS.length;
const BATCH = 64;
const numbers = Array.from({ length: PER_STREAM }, (_, index) => index);

async function sendAll(node: MeshNode, to: bigint, id: bigint): Promise<void> {
  const stream = node.openStream(to, id, { reliability: "reliable" });
  for (let at = 0; at < PER_STREAM; at += BATCH) {
    await stream.sendAll(
      numbers.slice(at, at + BATCH).map((number) => new TextEncoder().encode(`${id} ${number}`)),
    );
  }
}

describe("100,000 events each way at once between ours and 0.19.0", () => {
  it("arrive once each, over four streams that keep to their credit", async () => {
    await using nodes = new Nodes();
    const [ours, wheel] = await Promise.all([nodes.ours(), nodes.wheel()]);
    await join(ours, wheel);
    await start(wheel);
    const perStream = new Map<bigint, number[]>(STREAMS.map((id) => [id, []]));
    const receiving = (async () => {
      let missing = COUNT;
      for await (const batch of ours.node.batches({ peer: wheel.nodeId })) {
        const seen = perStream.get(batch.streamId) ?? [];
        for (const payload of batch) seen.push(Number(Buffer.from(payload).toString()));
        missing -= batch.events().length;
        if (missing === 0) break;
      }
    })();
    const sending = await Promise.all(
      STREAMS.map(async (id) =>
        wheel.peer.begin("send_many", ours.nodeId, id, BigInt(PER_STREAM), 64n),
      ),
    );
    const sent = Promise.all(STREAMS.map(async (id) => sendAll(ours.node, wheel.nodeId, id)));
    await until(
      "all events to arrive",
      async () => (await wheel.received()).length >= COUNT,
      90_000,
    );
    await sent;
    for (const ended of sending) await ended();
    await receiving;

    // Packets of one stream may overtake each other: neither side promises their order here.
    for (const id of STREAMS) {
      expect(perStream.get(id)?.toSorted((left, right) => left - right)).toEqual(numbers);
      const prefix = `${id} `;
      const arrived = (await wheel.received())
        .filter((text) => text.startsWith(prefix))
        .map((text) => Number(text.slice(prefix.length)));
      expect(arrived.toSorted((left, right) => left - right)).toEqual(numbers);
    }
    await until("all credit to come back", () => {
      const stats = STREAMS.map((id) => ours.node.openStream(wheel.nodeId, id).stats);
      return stats.every(
        ({ txCreditRemaining, txWindow, creditGrantsReceived }) =>
          txCreditRemaining === txWindow && creditGrantsReceived > 0,
      );
    });
    for (const id of STREAMS) {
      expect(await wheel.peer.call("stream_stats", [ours.nodeId, id])).toMatchObject({
        tx_credit_remaining: 65_536n,
        tx_window: 65_536n,
      });
    }
  });
});

describe("a node of 0.19.0 that is killed", () => {
  it.concurrent.each([
    { when: "before it is missed", where: "at its address", sessionTimeoutMs: 60_000 },
    { when: "before it is missed", where: "elsewhere", sessionTimeoutMs: 60_000 },
    { when: "after it was given up", where: "elsewhere", sessionTimeoutMs: 250 },
  ])(
    "is joined, found and subscribed to again when it returns with its seed $when, $where",
    async ({ when, where, sessionTimeoutMs }) => {
      await using nodes = new Nodes();
      const settings = {
        identity_seed: new Uint8Array(randomBytes(32)),
        heartbeat_interval_ms: 20,
      };
      const ours = await nodes.ours({ tuning: { heartbeatIntervalMs: 50, sessionTimeoutMs } });
      ours.node.announce(CapabilitySet.of(["stays"]));
      const health: string[] = [];
      ours.node.onPeerEvent((event) => {
        if (event.type === "health") health.push(event.to);
        if (event.type === "disconnected") health.push(event.reason);
      });

      const first = await nodes.wheel(settings);
      await join(first, ours);
      await start(first);
      await first.announce("first life");
      await first.peer.call("register_channel", ["life"]);
      await until("the announcement of the first life", async () =>
        (await ours.find("first life")).includes(first.nodeId),
      );
      const subscription = await ours.node.subscribe(first.nodeId, "life");
      await first.peer.call("publish", ["life", new TextEncoder().encode("one")]);
      expect(Buffer.from((await subscription.next()).value?.payload ?? []).toString()).toBe("one");
      await first[Symbol.asyncDispose]();
      if (when === "after it was given up") {
        await until("our side to give the peer up", () => ours.node.peers.length === 0);
        expect(health.slice(-3)).toEqual(["suspected", "failed", "silent"]);
        expect(await ours.find("first life")).toEqual([]);
      }

      const second = await nodes.wheel(settings, where === "elsewhere" ? undefined : first.address);
      expect(second.nodeId).toBe(first.nodeId);
      expect(second.publicKey).not.toEqual(first.publicKey);
      await second.peer.call("register_channel", ["life"]);
      await join(second, ours);
      await start(second);
      expect(ours.node.peers).toHaveLength(1);
      expect(ours.node.peer(second.nodeId)?.address).toBe(second.address);
      await second.announce("second life");
      await until("our announcement to reach the second life", async () =>
        (await second.find("stays")).includes(ours.nodeId),
      );
      await until("the announcement of the second life", async () =>
        (await ours.find("second life")).includes(second.nodeId),
      );
      let published: unknown;
      await until("the second life to have our subscription", async () => {
        published = await second.peer.call("publish", ["life", new TextEncoder().encode("two")]);
        return (published as { readonly delivered: bigint }).delivered === 1n;
      });
      expect(Buffer.from((await subscription.next()).value?.payload ?? []).toString()).toBe("two");
      await subscription.return();
    },
  );
});
