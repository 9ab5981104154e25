import { createSocket } from "node:dgram";
import { CapabilitySet } from "@gaiaftcl/net-capability";
import { Identity } from "@gaiaftcl/net-identity";
import { generateDhKeyPair } from "@gaiaftcl/net-wire";
import { afterEach, describe, expect, it } from "vitest";
import { MeshNode } from "./mesh-node.js";
import type { MeshNodeOptions } from "./node-options.js";

const PSK = "5a".repeat(32);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const nodes: MeshNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map(async (node) => node.close({ lingerMs: 0 })));
});

async function listen(options: Partial<MeshNodeOptions> = {}): Promise<MeshNode> {
  const node = await MeshNode.listen({ bind: "127.0.0.1:0", psk: PSK, ...options });
  nodes.push(node);
  return node;
}

async function pair(): Promise<readonly [MeshNode, MeshNode]> {
  const [left, right] = await Promise.all([listen(), listen()]);
  await left.connect(right.address, right.publicKey, right.nodeId);
  await right.accept(left.nodeId);
  return [left, right];
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function take(events: AsyncIterable<{ readonly payload: Uint8Array }>, count: number) {
  const texts: string[] = [];
  for await (const { payload } of events) {
    texts.push(text(payload));
    if (texts.length === count) {
      break;
    }
  }
  return texts;
}

describe("a node", () => {
  it("is who its identity and its key say, and where it is bound", async () => {
    const identity = Identity.generate();
    const keyPair = generateDhKeyPair((length) => new Uint8Array(length).fill(9));
    const node = await listen({ identity, secretKey: keyPair.secretKey });
    expect(node.nodeId).toBe(identity.nodeId);
    expect(node.publicKey).toEqual(keyPair.publicKey);
    expect(node.address).toMatch(/^127\.0\.0\.1:\d+$/u);
  });

  it.each([
    [{ bind: "nowhere" }, "invalid address: invalid socket address syntax"],
    [{ psk: "11" }, "PSK must be 32 bytes (64 hex chars)"],
    [{ psk: "z".repeat(64) }, "invalid PSK hex: Invalid character 'z' at position 0"],
    [{ reflexOverride: "x" }, "invalid reflex_override: invalid socket address syntax"],
    [{ secretKey: new Uint8Array(31) }, "secretKey must be 32 bytes, got 31"],
    [{ identity: Identity.readOnly(new Uint8Array(32)) }, "expected an identity with its seed"],
    [{ tuning: { heartbeatIntervalMs: 1 } }, "heartbeatIntervalMs must be"],
  ])("refuses %j in the reference's words", async (options, message) => {
    await expect(listen(options)).rejects.toThrow(message);
  });

  it("says that an address is taken", async () => {
    const node = await listen();
    await expect(listen({ bind: node.address })).rejects.toMatchObject({ code: "SOCKET" });
  });

  it("exchanges events with another, over IPv6 too", async () => {
    const [left, right] = await Promise.all([
      listen({ bind: "[::1]:0" }),
      listen({ bind: "[::]:0" }),
    ]);
    const address = right.address.replace("[::]", "[::1]");
    const accepted = right.accept(left.nodeId);
    await left.connect(address, right.publicKey, right.nodeId);
    expect(await accepted).toBe(left.address);
    left.openStream(right.nodeId, 1n).send([bytes("one"), bytes("two")]);
    expect(await take(right.events(), 2)).toEqual(["one", "two"]);
  });

  it("hears IPv4 nodes on a socket for both, under their IPv4 address", async () => {
    const [left, right] = await Promise.all([listen(), listen({ bind: "[::]:0" })]);
    const port = right.address.split(":").at(-1);
    await left.connect(`127.0.0.1:${port}`, right.publicKey, right.nodeId);
    expect(await right.accept(left.nodeId)).toBe(left.address);
    right.openStream(left.nodeId, 1n).send(bytes("mapped"));
    expect(await take(left.events(), 1)).toEqual(["mapped"]);
  });

  it("gives up a connection when told to, and when closed", async () => {
    const node = await listen();
    const silent = createSocket("udp4");
    await new Promise<void>((resolve) => {
      silent.bind(0, "127.0.0.1", resolve);
    });
    const address = `127.0.0.1:${silent.address().port}`;
    const { publicKey } = generateDhKeyPair((length) => new Uint8Array(length).fill(3));
    const abort = new AbortController();
    const first = node.connect(address, publicKey, 1n, { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    const second = node.connect(address, publicKey, 1n);
    const third = node.accept(2n);
    await node.close();
    await expect(second).rejects.toMatchObject({ code: "CLOSED" });
    await expect(third).rejects.toMatchObject({ code: "CLOSED" });
    expect(() => node.push(1n, bytes(""))).toThrow("MeshNode has been shut down");
    await node.close();
    silent.close();
  });

  it("survives datagrams that no network takes, and addresses that are none", async () => {
    const node = await listen();
    const { publicKey } = generateDhKeyPair((length) => new Uint8Array(length).fill(3));
    const tries = ["127.0.0.1:0", "nonsense", "[::1]:9", "127.0.0.1:9"].map(async (address) =>
      node.connect(address, publicKey, 1n + BigInt(address.length), {
        signal: AbortSignal.timeout(300),
      }),
    );
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
    expect(node.stats.pendingHandshakes).toBe(0);
  });
});

describe("what is not an argument", () => {
  it("is refused with a word on what is, and harms nothing", async () => {
    const [left, right] = await pair();
    const invalid = expect.objectContaining({ name: "NetMeshError", code: "INVALID_OPTION" });
    const stream = left.openStream(right.nodeId, 1n);
    const number = 5 as unknown as bigint;
    const word = "hi" as unknown as Uint8Array;
    for (const misuse of [
      () => left.openStream(right.nodeId, number),
      () => left.openStream(right.nodeId, 2n ** 64n),
      () => stream.send(word),
      () => stream.send([word]),
      () => left.push(right.nodeId, word),
      () => left.publish("news", word),
      () => left.sendSubprotocol(right.nodeId, 0x10000, []),
      () => left.addRoute(-1n, "127.0.0.1:1"),
      () => left.addRoute(1n, "nowhere"),
      () => left.setReflexOverride("nowhere"),
    ]) {
      expect(misuse).toThrow(invalid);
    }
    await expect(left.accept(number)).rejects.toEqual(invalid);
    const key = right.publicKey;
    for (const [address, publicKey, nodeId] of [
      [right.address, key, number],
      [right.address, "5a".repeat(32) as unknown as Uint8Array, 1n],
      ["nowhere", key, 1n],
    ] as const) {
      await expect(left.connect(address, publicKey, nodeId)).rejects.toMatchObject({
        code: "HANDSHAKE",
        message: expect.stringMatching(/^connect: (expected|invalid address)/u),
      });
    }
    await expect(left.subscribe(right.nodeId, "News")).rejects.toMatchObject({
      code: "NAME",
      message: expect.stringMatching(/^channel: invalid name: invalid channel name format/u),
    });
    const caps = { require_tags: ["gpu"] } as object;
    expect(() => left.registerChannel("news", { subscribeCaps: caps })).toThrow("readFilter");
    expect(() => left.findNodes(caps)).toThrow("readFilter");
    const tags = Array.from({ length: 2000 }, (_, index) => `tag-${index}`);
    expect(() => left.announce({ tags })).toThrow("at most 7500 bytes");
    await expect(listen({ capabilities: CapabilitySet.of(tags) })).rejects.toThrow("7500");
    left.announce({ tags: ["role.worker"] });
    expect(left.findNodes({ requireTags: ["role.worker"] })).toEqual([left.nodeId]);
  });
});

describe("streams of a node", () => {
  it("hold the sender back until the receiver takes what came, and lose nothing", async () => {
    const [left, right] = await pair();
    const stream = left.openStream(right.nodeId, 1n, { reliability: "reliable", window: 65_536 });
    const events = Array.from({ length: 3000 }, (_, index) => bytes(String(index).padEnd(1000)));
    let isSent = false;
    const sending = stream.sendAll(events).then(() => {
      isSent = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const received = await take(right.events(), events.length);
    await sending;
    expect(isSent).toBe(true);
    expect(received.map(Number)).toEqual(events.map((_, index) => index));
  });

  it("keep nobody waiting for room on a stream that was closed", async () => {
    const [left, right] = await pair();
    const stream = left.openStream(right.nodeId, 1n, { reliability: "reliable", window: 65_536 });
    while (stream.send(new Uint8Array(1000)) > 0) {}
    const sending = stream.sendAll([new Uint8Array(1000)]);
    stream.close();
    await expect(sending).rejects.toThrow("stream not connected");
    await stream.drained();
  });

  it("carry events of many packets", async () => {
    const [left, right] = await pair();
    const stream = left.openStream(right.nodeId, 1n, { reliability: "reliable" });
    const big = new Uint8Array(3_000_000).map((_, index) => index % 251);
    await stream.sendAll([big, bytes("after")]);
    const [first, second] = await take(right.events(), 2);
    expect(first?.length).toBeGreaterThan(0);
    expect(second).toBe("after");
  });

  it("end with their session, and say so", async () => {
    const [left, right] = await pair();
    const stream = left.openStream(right.nodeId, 1n, { reliability: "reliable", window: 1024 });
    while (stream.send(new Uint8Array(1000)) > 0) {}
    const waiting = stream.drained();
    left.disconnect(right.nodeId);
    await waiting;
    expect(() => stream.send(bytes("x"))).toThrow("stream not connected");
    expect(() => left.openStream(right.nodeId, 1n)).toThrow("no session for peer 0x");
    expect(() => stream.stats).toThrow("stream not connected");
  });

  it("bring each event to the receiver with the narrowest filter", async () => {
    const [left, right] = await pair();
    const all = right.events();
    const one = right.events({ peer: left.nodeId, streamId: 1n });
    left.openStream(right.nodeId, 1n).send(bytes("for one"));
    left.openStream(right.nodeId, 2n).send(bytes("for all"));
    expect(await take(one, 1)).toEqual(["for one"]);
    expect(await take(all, 1)).toEqual(["for all"]);
  });
});

describe("subprotocols", () => {
  it("reach those who ask for them; replication and queries nobody else", async () => {
    const [left, right] = await pair();
    const vendor = right.batches({ subprotocolId: 0x7777 });
    const all = right.events();
    for (const id of [0x0e00, 0x7777, 0x7778]) {
      expect(left.sendSubprotocol(right.nodeId, id, [bytes(String(id))])).toBe(1);
    }
    const { value } = await vendor.next();
    expect(value?.events().map(text)).toEqual([String(0x7777)]);
    expect(await take(all, 1)).toEqual([String(0x7778)]);
  });
});

describe("channels of a node", () => {
  it("bring events to subscribers until they leave, and to one member of a queue group each", async () => {
    const [left, right] = await pair();
    right.registerChannel("news");
    const other = await listen();
    await other.connect(right.address, right.publicKey, right.nodeId);
    await right.accept(other.nodeId);
    const one = await left.subscribe(right.nodeId, "news", { queueGroup: "workers" });
    const two = await other.subscribe(right.nodeId, "news", { queueGroup: "workers" });
    for (const word of ["a", "b", "c", "d"]) {
      expect(right.publish("news", bytes(word), { reliability: "reliable" })).toMatchObject({
        delivered: 1,
      });
    }
    const words = [...(await take(one, 2)), ...(await take(two, 2))];
    expect(words.sort()).toEqual(["a", "b", "c", "d"]);
    expect(right.publish("news", bytes("e")).attempted).toBe(0);
  });

  it("end when their signal says so", async () => {
    const [left, right] = await pair();
    right.registerChannel("news");
    const abort = new AbortController();
    const subscription = await left.subscribe(right.nodeId, "news", { signal: abort.signal });
    const next = subscription.next();
    abort.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    await until(() => right.publish("news", bytes("x")).attempted === 0);
    await expect(left.subscribe(right.nodeId, "unknown")).rejects.toThrow(
      "channel: unknown channel",
    );
  });
});

describe("several subscriptions of a node to one channel", () => {
  it("get each event each, and the publisher hears of the end of the last", async () => {
    const [left, right] = await pair();
    right.registerChannel("news");
    const one = await left.subscribe(right.nodeId, "news");
    const two = await left.subscribe(right.nodeId, "news");
    right.publish("news", bytes("a"), { reliability: "reliable" });
    right.publish("news", bytes("b"), { reliability: "reliable" });
    expect(await take(one, 2)).toEqual(["a", "b"]);
    expect(right.publish("news", bytes("c")).attempted).toBe(1);
    expect(await take(two, 3)).toEqual(["a", "b", "c"]);
    await until(() => right.publish("news", bytes("x")).attempted === 0);
  });
});

describe("a subscription that is given up while it waits for its answer", () => {
  it("leaves nothing behind at the publisher, nor anything to ask for again", async () => {
    const [left, right] = await pair();
    right.registerChannel("news");
    const abort = new AbortController();
    const waiting = left.subscribe(right.nodeId, "news", { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await left.subscribe(right.nodeId, "other").catch(() => undefined);
    expect(right.publish("news", bytes("x")).attempted).toBe(0);
    await right.connect(left.address, left.publicKey, left.nodeId);
    const again = left.subscribe(right.nodeId, "other").catch(() => "answered");
    expect(await again).toBe("answered");
    expect(right.publish("news", bytes("x")).attempted).toBe(0);
  });
});

describe("what a node tells", () => {
  it("is its announcement, peers coming and going, and its figures", async () => {
    const seen: string[] = [];
    const [left, right] = await Promise.all([
      listen({ capabilities: CapabilitySet.of(["role.worker"]) }),
      listen(),
    ]);
    const stop = right.onPeerEvent(({ type }) => seen.push(type));
    await left.connect(right.address, right.publicKey, right.nodeId);
    await right.accept(left.nodeId);
    await until(() => right.findNodes({ requireTags: ["role.worker"] }).length === 1);
    right.disconnect(left.nodeId);
    stop();
    expect(seen).toEqual(["connected", "announced", "disconnected"]);
    expect(await left.probeReflex(right.nodeId).catch((error: Error) => error.message)).toBe(
      "traversal: reflex-timeout",
    );
    expect(right.metrics()).toMatch(/^gaiaftcl_net_peers\{node="0x[0-9a-f]+"\} 0$/mu);
    expect(left.metrics()).toMatch(/^gaiaftcl_net_peer_healthy\{.*address="127.0.0.1:\d+"\} 1$/mu);
  });
});
