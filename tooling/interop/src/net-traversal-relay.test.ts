import { createSocket } from "node:dgram";
import { once } from "node:events";
import { until } from "@gaiaftcl/peers";
import { describe, expect, it } from "vitest";
import type { MeshPeer } from "./net-mesh-peer.ts";
import { exchange, join, Nodes, start, type Wheel } from "./net-traversal-nodes.ts";

const COUNT = 20_000;
const STREAM = 9n;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const numbers = Array.from({ length: COUNT }, (_, index) => `${index}`);

/** What `send_many` of the peer's script sends: numbers filled up with spaces. */
async function sendMany(from: MeshPeer, to: bigint): Promise<() => Promise<unknown>> {
  return from.begin("send_many", to, STREAM, BigInt(COUNT), 16n);
}

const inOrder = (texts: readonly string[]): string[] =>
  texts.map((text) => text.trim()).sort((left, right) => Number(left) - Number(right));

describe("a node of 0.19.0 behind a relay of ours", () => {
  it("exchanges streams with ours, although it does not know of routing headers", async () => {
    await using nodes = new Nodes();
    const [ours, relay, wheel] = await Promise.all([nodes.ours(), nodes.ours(), nodes.wheel()]);
    await join(ours, relay);
    await join(wheel, relay);
    await start(wheel);
    const peer = await ours.node.connectVia(relay.nodeId, wheel.publicKey, wheel.nodeId);
    expect(peer).toMatchObject({ strict: false, relayed: true, address: relay.address });

    const sending = await sendMany(wheel.peer, ours.nodeId);
    const stream = ours.node.openStream(wheel.nodeId, STREAM, { reliability: "reliable" });
    await stream.sendAll(numbers.map(bytes));
    await sending();
    await until(
      "all events on both sides",
      async () =>
        (await wheel.received()).length >= COUNT && (await ours.received()).length >= COUNT,
    );
    expect(inOrder(await wheel.received())).toEqual(numbers);
    expect(inOrder(await ours.received())).toEqual(numbers);
    expect(await relay.received()).toEqual([]);
    expect(relay.node.stats.relayedSessions).toBe(1);
  });
});

describe("nodes of 0.19.0 behind a relay of ours", () => {
  it("hear each other, each in sessions with all others, which no relay of their own kind allows", async () => {
    await using nodes = new Nodes();
    const [relay, ...wheels] = await Promise.all([
      nodes.ours(),
      nodes.wheel(),
      nodes.wheel(),
      nodes.wheel(),
    ]);
    for (const wheel of wheels) await join(wheel, relay);
    await start(...wheels);
    const silent = createSocket("udp4").bind(0, "127.0.0.1");
    await once(silent, "listening");
    for (const wheel of wheels) {
      await wheel.setReflexOverride(`127.0.0.1:${silent.address().port}`);
      await wheel.announce("relayed");
    }
    await until("every node to find all three", async () =>
      (await Promise.all(wheels.map((wheel) => wheel.find("relayed")))).every(
        (found) => found.length === wheels.length,
      ),
    );
    const pairs = [
      [0, 1],
      [1, 2],
      [2, 0],
    ].map(([from = 0, to = 0]) => [wheels[from], wheels[to]] as [Wheel, Wheel]);
    await Promise.all(pairs.map(async ([from, to]) => from.connectDirect(to, relay)));
    silent.close();
    for (const [index, [from, to]] of pairs.entries()) {
      expect(await from.traversalCounts()).toMatchObject({ fallbacks: 1 });
      for (let event = 0; event < 10; event += 1) {
        await exchange(from, to, BigInt(100 * index + event));
      }
    }
    for (const wheel of wheels) expect(await wheel.received()).toHaveLength(20);
    await until("the relay to carry three sessions", () => relay.node.stats.relayedSessions === 3);
  });
});

describe("a relay of 0.19.0", () => {
  it("carries strict sessions between ours: all of it arrives, in order", async () => {
    await using nodes = new Nodes();
    const [left, relay, right] = await Promise.all([nodes.ours(), nodes.wheel(), nodes.ours()]);
    await join(left, relay);
    await join(right, relay);
    await start(relay);
    const peer = await left.node.connectVia(relay.nodeId, right.publicKey, right.nodeId);
    expect(peer).toMatchObject({ strict: true, relayed: true, address: relay.address });
    const events = numbers.map(bytes);
    await Promise.all([
      left.node.openStream(right.nodeId, STREAM, { reliability: "reliable" }).sendAll(events),
      right.node.openStream(left.nodeId, STREAM, { reliability: "reliable" }).sendAll(events),
    ]);
    await until(
      "all events on both sides",
      async () =>
        (await left.received()).length >= COUNT && (await right.received()).length >= COUNT,
    );
    expect(await left.received()).toEqual(numbers);
    expect(await right.received()).toEqual(numbers);
    expect(await relay.received()).toEqual([]);
  });

  it("brings ours to another of 0.19.0, but nothing of its answers", async () => {
    await using nodes = new Nodes();
    const [ours, relay, wheel] = await Promise.all([nodes.ours(), nodes.wheel(), nodes.wheel()]);
    await join(ours, relay);
    await join(wheel, relay);
    await start(relay, wheel);
    await ours.node.connectVia(relay.nodeId, wheel.publicKey, wheel.nodeId);
    await ours.send(wheel, STREAM, "hello");
    await until("the event by the relay", async () => (await wheel.received()).includes("hello"));
    // What 0.19.0 sends without a routing header ends at a relay of its own kind: streams, grants,
    // heartbeats. So the answer is lost there, and ours keeps to the first window of credit.
    await wheel.send(ours, STREAM, "lost");
    await exchange(ours, relay, 1n);
    expect(await ours.received()).toEqual(["1 back"]);
    expect(await relay.received()).toEqual(["1 there"]);
    expect(await wheel.received()).toEqual(["hello"]);
  });
});
