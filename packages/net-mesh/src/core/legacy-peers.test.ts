import { randomBytes } from "node:crypto";
import {
  decodeRoutingHeader,
  encodeRouted,
  generateDhKeyPair,
  handshakeMessage,
  handshakePacket,
  InitiatorHandshake,
  meshPrologue,
  ROUTED_HANDSHAKE_TTL,
  ROUTING_HEADER_BYTES,
  respond,
  Session,
} from "@gaiaftcl/net-wire";
import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedNetwork } from "../simulated/simulated-network.js";
import { attach, PSK, type TestNode } from "./mesh-core.testing.js";

const LEFT = 0x1111_1111_2222_2222n;
const RIGHT = 0x3333_3333_4444_4444n;
const [LEFT_ADDRESS, RIGHT_ADDRESS] = ["10.0.0.1:1", "10.0.0.2:1"];
const HEARTBEAT = 1000;

let network: SimulatedNetwork;
let node: TestNode;

beforeEach(() => {
  network = new SimulatedNetwork({ seed: 5 });
  node = attach(network, "10.0.0.9:1", { heartbeatIntervalMs: HEARTBEAT });
});

/** A first message in the direct form, as a 0.19.0 node sends it; gives the packet, for who records it. */
function begins(nodeId: bigint, from: string): Uint8Array {
  const handshake = new InitiatorHandshake({
    prologue: meshPrologue(nodeId, node.nodeId),
    responderPublicKey: node.keyPair.publicKey,
    psk: PSK,
    randomBytes,
  });
  const packet = handshakePacket(handshake.message1());
  node.receive(packet, from, network.now);
  return packet;
}

function joins(nodeId: bigint, from: string): Uint8Array {
  node.do((core, now) => core.accept(nodeId, now, () => undefined));
  const packet = begins(nodeId, from);
  expect(node.core.peer(nodeId)).toMatchObject({ address: from, strict: false });
  return packet;
}

function routed(source: bigint, destination: bigint, packet: Uint8Array, hopCount = 0): Uint8Array {
  return encodeRouted(
    {
      ttl: ROUTED_HANDSHAKE_TTL,
      hopCount,
      flags: 0,
      source: Number(source & 0xffff_ffffn),
      destination,
    },
    packet,
  );
}

/** A sealed packet of a session of others: nothing of it is read but the id. */
function sealed(sessionId: bigint): Uint8Array {
  const packet = new Uint8Array(80);
  packet.set([0x45, 0x4e, 1]);
  new DataView(packet.buffer).setBigUint64(24, sessionId, true);
  return packet;
}

describe("a node of 0.19.0 that began a session directly", () => {
  it("returns from another address once it was silent, unexpected as it is", () => {
    joins(LEFT, LEFT_ADDRESS);
    begins(LEFT, "10.0.0.1:2");
    expect(node.core.peer(LEFT)?.address).toBe(LEFT_ADDRESS);
    network.run(2 * HEARTBEAT + 1);
    begins(RIGHT, "10.0.0.1:2");
    expect(node.core.peers()).toHaveLength(1);
    begins(LEFT, "10.0.0.1:2");
    expect(node.core.peer(LEFT)?.address).toBe("10.0.0.1:2");
  });

  it("loses its session to nobody who repeats what it began with before", () => {
    const former = joins(LEFT, LEFT_ADDRESS);
    begins(LEFT, LEFT_ADDRESS);
    const { sessionId } = node.core.peer(LEFT) ?? {};
    network.run(2 * HEARTBEAT + 1);
    for (const from of [LEFT_ADDRESS, "10.0.0.66:1"]) node.receive(former, from, network.now);
    expect(node.core.peer(LEFT)?.sessionId).toBe(sessionId);
    node.do((core, now) => core.disconnect(LEFT, now));
    let arrivals = 0;
    node.do((core, now) => core.accept(LEFT, now, () => (arrivals += 1)));
    const sent = node.core.stats.counters.datagramsSent;
    node.receive(former, "10.0.0.66:1", network.now);
    expect([arrivals, node.core.peers().length]).toEqual([0, 0]);
    expect(node.core.stats.counters.datagramsSent).toBe(sent);
    begins(LEFT, LEFT_ADDRESS);
    expect(arrivals).toBe(1);
  });

  it("is looked for among those expected no oftener than key agreements are allowed", () => {
    node = attach(network, "10.0.0.8:1", { handshakesPerSecond: 40, handshakesPerSource: 1000 });
    for (let id = 1n; id <= 16n; id += 1n) {
      node.do((core, now) => core.accept(LEFT + id, now, () => undefined));
    }
    const forged = handshakePacket(new Uint8Array(48).fill(9));
    for (let count = 0; count < 100; count += 1) node.receive(forged, "10.0.0.66:1", network.now);
    // 40 agreements: 16, 16 and 8 of three messages.
    const { rateLimited, datagramsDropped } = node.core.stats.counters;
    expect([rateLimited, datagramsDropped]).toEqual([98, 100]);
  });
});

describe("a node of 0.19.0 that answers by another way than it was asked", () => {
  it("is a peer at the address that was asked", () => {
    const keyPair = generateDhKeyPair(randomBytes);
    const asked: Uint8Array[] = [];
    node.rewrite = (datagram) => {
      asked.push(datagram);
      return datagram;
    };
    node.do((core, now) =>
      core.connect(
        {
          nodeId: LEFT,
          publicKey: keyPair.publicKey,
          path: { kind: "address", address: LEFT_ADDRESS },
        },
        now,
        () => undefined,
      ),
    );
    const question = asked.find((datagram) => decodeRoutingHeader(datagram) !== undefined);
    const answer = respond({
      prologue: meshPrologue(node.nodeId, LEFT),
      keyPair,
      psk: PSK,
      message1:
        handshakeMessage(question?.subarray(ROUTING_HEADER_BYTES) ?? sealed(0n)) ?? sealed(0n),
      routed: true,
      randomBytes,
    });
    const message2 = handshakePacket(answer?.message2 ?? new Uint8Array(48));
    node.receive(routed(LEFT, node.nodeId, message2, 1), RIGHT_ADDRESS, network.now);
    expect(node.core.peer(LEFT)).toMatchObject({ address: LEFT_ADDRESS, relayed: false });
  });
});

describe("a node of 0.19.0 that is heard elsewhere", () => {
  it("is reached where it was, and asked nothing: it would take a question for an event", () => {
    const sent: { readonly datagram: Uint8Array }[] = [];
    node.rewrite = (datagram) => {
      sent.push({ datagram });
      return datagram;
    };
    node.do((core, now) => core.accept(LEFT, now, () => undefined));
    const handshake = new InitiatorHandshake({
      prologue: meshPrologue(LEFT, node.nodeId),
      responderPublicKey: node.keyPair.publicKey,
      psk: PSK,
      randomBytes,
    });
    node.receive(handshakePacket(handshake.message1()), LEFT_ADDRESS, network.now);
    const answer = sent.map(({ datagram }) => handshakeMessage(datagram)).find(Boolean);
    const keys = handshake.finish(answer ?? sealed(0n));
    if (keys === undefined) {
      throw new Error("the answer does not verify");
    }
    const session = new Session(keys, network.now);
    sent.length = 0;
    node.receive(session.heartbeat(network.now), "10.0.0.66:6", network.now);
    node.tick(network.now);
    expect(node.core.peer(LEFT)).toMatchObject({ address: LEFT_ADDRESS, silentMs: 0 });
    network.run(500);
    expect(node.core.peer(LEFT)?.address).toBe(LEFT_ADDRESS);
    expect(sent).toEqual([]);
  });
});

describe("a node of 0.19.0 that this node joined", () => {
  it("keeps its session until a new one that seemed to begin where it is was used", () => {
    const keyPair = generateDhKeyPair(randomBytes);
    let question = sealed(0n);
    node.rewrite = (datagram) => {
      question = decodeRoutingHeader(datagram) === undefined ? question : datagram;
      return datagram;
    };
    node.do((core, now) =>
      core.connect(
        {
          nodeId: LEFT,
          publicKey: keyPair.publicKey,
          path: { kind: "address", address: LEFT_ADDRESS },
        },
        now,
        () => undefined,
      ),
    );
    const answer = respond({
      prologue: meshPrologue(node.nodeId, LEFT),
      keyPair,
      psk: PSK,
      message1: handshakeMessage(question.subarray(ROUTING_HEADER_BYTES)) ?? sealed(0n),
      routed: true,
      randomBytes,
    });
    node.receive(
      routed(LEFT, node.nodeId, handshakePacket(answer?.message2 ?? new Uint8Array(48))),
      LEFT_ADDRESS,
      network.now,
    );
    const session = node.core.peer(LEFT)?.sessionId;
    expect(session).toBe(answer?.keys.sessionId);

    begins(LEFT, "10.0.0.66:1");
    expect(node.core.peer(LEFT)?.sessionId).toBe(session);

    let reply = new Uint8Array(0);
    node.rewrite = (datagram) => {
      reply = new Uint8Array(datagram);
      return datagram;
    };
    const handshake = new InitiatorHandshake({
      prologue: meshPrologue(LEFT, node.nodeId),
      responderPublicKey: node.keyPair.publicKey,
      psk: PSK,
      randomBytes,
    });
    node.receive(handshakePacket(handshake.message1()), LEFT_ADDRESS, network.now);
    const keys = handshake.finish(handshakeMessage(reply) ?? reply);
    expect(node.core.peer(LEFT)?.sessionId).toBe(session);
    if (keys === undefined) {
      throw new Error("the answer does not verify");
    }
    node.receive(new Session(keys, network.now).heartbeat(network.now), LEFT_ADDRESS, network.now);
    expect(node.core.peer(LEFT)?.sessionId).toBe(keys.sessionId);
  });
});

describe("two nodes of 0.19.0 that shook hands over this one", () => {
  const heard: Uint8Array[][] = [];

  beforeEach(() => {
    for (const [index, address] of [LEFT_ADDRESS, RIGHT_ADDRESS].entries()) {
      const here: Uint8Array[] = [];
      heard[index] = here;
      network.attach(address, () => ({
        receive: (datagram: Uint8Array) => {
          here.push(Uint8Array.from(datagram));
        },
        tick: () => undefined,
        deadline: () => Number.POSITIVE_INFINITY,
      }));
    }
    joins(LEFT, LEFT_ADDRESS);
    joins(RIGHT, RIGHT_ADDRESS);
  });

  it("get what they send each other without a routing header", () => {
    const packet = sealed(77n);
    node.receive(packet, LEFT_ADDRESS, network.now);
    network.run(100);
    expect(heard[1]).not.toContainEqual(packet);

    const message = handshakePacket(new Uint8Array(randomBytes(48)));
    node.receive(routed(LEFT, RIGHT, message), LEFT_ADDRESS, network.now);
    node.receive(routed(RIGHT, LEFT, message), RIGHT_ADDRESS, network.now);
    node.receive(packet, LEFT_ADDRESS, network.now);
    network.run(100);
    expect(heard[1]).toContainEqual(packet);
    expect(node.core.stats.relayedSessions).toBe(0);
    node.receive(packet, RIGHT_ADDRESS, network.now);
    network.run(100);
    expect(heard[0]).toContainEqual(packet);
    expect(node.core.stats.relayedSessions).toBe(1);
  });

  it("are not reached by strangers who name their session", () => {
    const message = handshakePacket(new Uint8Array(randomBytes(48)));
    node.receive(routed(LEFT, RIGHT, message), LEFT_ADDRESS, network.now);
    const packet = sealed(78n);
    node.receive(packet, "10.0.0.66:1", network.now);
    network.run(100);
    expect([...(heard[0] ?? []), ...(heard[1] ?? [])]).not.toContainEqual(packet);
  });
});
