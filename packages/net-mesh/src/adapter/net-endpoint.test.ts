import { EventBus } from "@gaiaftcl/event-bus";
import { dhKeyPair } from "@gaiaftcl/net-wire";
import { describe, expect, it } from "vitest";
import { UdpSocket } from "../node/udp-socket.js";
import { EndpointLink } from "./endpoint-link.js";
import {
  type EndpointReliability,
  endpointSettings,
  type NetEndpointOptions,
} from "./endpoint-options.js";
import { InboundShard } from "./inbound-shard.js";
import { NetEndpoint } from "./net-endpoint.js";

const secretKey = "07".repeat(32);
const publicKey = Buffer.from(dhKeyPair(Buffer.from(secretKey, "hex")).publicKey).toString("hex");
const psk = "42".repeat(32);

const initiatorOptions: NetEndpointOptions = {
  bind: "127.0.0.1:0",
  peer: "127.0.0.1:1",
  psk,
  role: "initiator",
  peerPublicKey: publicKey,
};

async function responderAndInitiator(
  reliability: EndpointReliability,
): Promise<readonly [NetEndpoint, EventBus, NetEndpoint, EventBus]> {
  const responder = new NetEndpoint({
    bind: "127.0.0.1:0",
    peer: "127.0.0.1:1",
    psk,
    role: "responder",
    secretKey,
    reliability,
  });
  const answering = new EventBus({ adapter: responder, numShards: 4 });
  const answered = responder.connect(AbortSignal.timeout(30_000));
  while (responder.address === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  const initiator = new NetEndpoint({ ...initiatorOptions, peer: responder.address, reliability });
  const calling = new EventBus({ adapter: initiator, numShards: 4 });
  await Promise.all([answered, initiator.connect(AbortSignal.timeout(30_000))]);
  return [responder, answering, initiator, calling];
}

async function collect(bus: EventBus, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const event of bus.events({ signal: AbortSignal.timeout(30_000) })) {
    found.push(event.raw);
    if (found.length >= count) break;
  }
  return found;
}

describe.each(["none", "full"] as const)("two endpoints with reliability %s", (reliability) => {
  it("give each other's bus what theirs takes, both ways", async () => {
    const [responder, answering, initiator, calling] = await responderAndInitiator(reliability);
    await using _calling = calling;
    await using _answering = answering;
    expect([responder.stats.strict, initiator.stats.strict]).toEqual([true, true]);
    const there = Array.from({ length: 500 }, (_, index) => JSON.stringify({ there: index }));
    const back = Array.from({ length: 300 }, (_, index) => JSON.stringify({ back: index }));
    for (const event of there) calling.ingestRaw(event);
    for (const event of back) answering.ingestRaw(event);
    const [received, returned] = await Promise.all([
      collect(answering, there.length),
      collect(calling, back.length),
    ]);
    expect(received.toSorted()).toEqual(there.toSorted());
    expect(returned.toSorted()).toEqual(back.toSorted());
  });
});

describe("an endpoint", () => {
  it("keeps only JSON texts, and counts the rest", async () => {
    const responder = new NetEndpoint({
      bind: "127.0.0.1:0",
      peer: "127.0.0.1:1",
      psk,
      role: "responder",
      secretKey,
    });
    await using _bus = new EventBus({ adapter: responder, numShards: 1 });
    const answered = responder.connect(AbortSignal.timeout(30_000));
    await expect.poll(() => responder.address, { timeout: 20_000 }).toBeDefined();
    const events = { deliver: () => undefined, changed: () => undefined };
    const settings = endpointSettings({ ...initiatorOptions, peer: responder.address ?? "" });
    const link = new EndpointLink(settings, events);
    await link.open();
    await answered;
    const texts = ["{", '{"a":1}', "\u0000"].map((text) => Buffer.from(text));
    link.session?.streams.sendTo(0n, [...texts, Uint8Array.of(0xff)], performance.now());
    link.flushSoon();
    await expect.poll(() => responder.stats.unreadable, { timeout: 20_000 }).toBe(3);
    expect(responder.stats.received).toBe(1);
    await link.close();
  });

  it("says that nobody answers, and ends at once when told to", async () => {
    const silent = await UdpSocket.bind({ bind: "127.0.0.1:0", received: () => undefined });
    const endpoint = new NetEndpoint({ ...initiatorOptions, peer: silent.address });
    await expect(endpoint.connect(AbortSignal.timeout(50))).rejects.toMatchObject({
      code: "ABORTED",
    });
    const waiting = endpoint.connect(new AbortController().signal);
    await endpoint.close();
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED" });
    await silent.close();
  });

  it.each<[Partial<NetEndpointOptions> & Record<string, unknown>, string]>([
    [{ bind: "x" }, "Invalid bind: invalid socket address syntax"],
    [{ peer: "x" }, "Invalid peer: invalid socket address syntax"],
    [{ psk: "zz" }, "Invalid psk hex"],
    [{ psk: "42" }, "psk must be exactly 32 bytes"],
    [{ role: "leader" as "initiator" }, "Invalid role: leader. Use 'initiator' or 'responder'"],
    [{ role: "responder" }, "secretKey is required for responder"],
    [{ peerPublicKey: "42" }, "peerPublicKey must be exactly 32 bytes"],
    [{ heartbeatIntervalMs: 0 }, "heartbeat_interval must be > 0"],
    [{ heartbeatIntervalMs: 9 }, "heartbeat_interval 9ms is below the 10ms minimum"],
    [{ sessionTimeoutMs: 0 }, "session_timeout must be > 0"],
    [{ sessionTimeoutMs: 5_000 }, "session_timeout must be > heartbeat_interval"],
  ])("refuses %j", (change, message) => {
    expect(() => endpointSettings({ ...initiatorOptions, ...change })).toThrow(message);
  });
});

describe("the events received for one shard", () => {
  it("are read on from any position, and what was given up is counted as missed", () => {
    const shard = new InboundShard(2);
    for (let index = 0; index < 5_000; index += 1) shard.add(String(index), 1n);
    for (let index = 0; index < 4_000; index += 1) shard.dropOldest();
    const page = shard.read(0, 2);
    expect(page).toMatchObject({ position: "4002", more: true, missed: 4_000 });
    expect(page.events.map(({ raw }) => raw)).toEqual(["4000", "4001"]);
    expect(shard.read(4_999, 10)).toMatchObject({ position: "5000", more: false, missed: 0 });
    expect(shard.read(5_000, 10)).toMatchObject({ position: undefined, more: false, missed: 0 });
  });
});
