import { randomBytes } from "node:crypto";
import {
  decodeRoutingHeader,
  encodeRouted,
  generateDhKeyPair,
  handshakeMessage,
  handshakePacket,
  meshPrologue,
  ROUTED_HANDSHAKE_TTL,
  ROUTING_HEADER_BYTES,
  respond,
} from "@gaiaftcl/net-wire";
import { describe, expect, it } from "vitest";
import { SimulatedNetwork, type SimulatedSocket } from "../simulated/simulated-network.js";
import { attach, PSK, type TestNode } from "./mesh-core.testing.js";

/** Answers as a started 0.19.0 node does: the latest first message makes the session. */
class StartedReference {
  readonly nodeId = 0x1122_3344_5566_7788n;
  readonly keyPair: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array } =
    generateDhKeyPair(randomBytes);
  sessionId = 0n;
  answers = 0;
  readonly #socket: SimulatedSocket;

  constructor(socket: SimulatedSocket) {
    this.#socket = socket;
  }

  receive(datagram: Uint8Array, from: string): void {
    const header = decodeRoutingHeader(datagram);
    const message1 =
      header === undefined ? undefined : handshakeMessage(datagram.subarray(ROUTING_HEADER_BYTES));
    if (header === undefined || message1 === undefined) {
      return;
    }
    const answer = respond({
      prologue: meshPrologue(BigInt(header.source), this.nodeId),
      keyPair: this.keyPair,
      psk: PSK,
      message1,
      routed: true,
      randomBytes,
    });
    if (answer?.initiatorNodeId === undefined) {
      return;
    }
    this.answers += 1;
    this.sessionId = answer.keys.sessionId;
    this.#socket.transmit(
      encodeRouted(
        {
          ttl: ROUTED_HANDSHAKE_TTL,
          hopCount: 0,
          flags: 0,
          source: Number(this.nodeId & 0xffff_ffffn),
          destination: answer.initiatorNodeId,
        },
        handshakePacket(answer.message2),
      ),
      from,
    );
  }

  tick(): void {}

  deadline(): number {
    return Number.POSITIVE_INFINITY;
  }
}

function connect(network: SimulatedNetwork, node: TestNode, reference: StartedReference): string[] {
  const said: string[] = [];
  node.do((core, now) =>
    core.connect(
      {
        nodeId: reference.nodeId,
        publicKey: reference.keyPair.publicKey,
        path: { kind: "address", address: "10.0.0.2:1" },
      },
      now,
      (outcome) => {
        said.push(outcome.ok ? "ok" : outcome.reason);
      },
    ),
  );
  network.wake(node.address);
  return said;
}

describe("a handshake this node begins", () => {
  it("ends on the session that a slow 0.19.0 node made last", () => {
    const network = new SimulatedNetwork({ seed: 3, conditions: { delayMs: 400 } });
    const node = attach(network, "10.0.0.1:1");
    const reference = network.attach("10.0.0.2:1", (socket) => new StartedReference(socket));
    const said = connect(network, node, reference);
    network.run(10_000);
    expect(said).toEqual(["ok"]);
    expect(reference.answers).toBeGreaterThan(1);
    expect(node.core.peer(reference.nodeId)).toMatchObject({
      strict: false,
      sessionId: reference.sessionId,
    });
  });

  it("survives false answers from anybody", () => {
    const network = new SimulatedNetwork({ seed: 3, conditions: { delayMs: 20 } });
    const node = attach(network, "10.0.0.1:1");
    const reference = network.attach("10.0.0.2:1", (socket) => new StartedReference(socket));
    const said = connect(network, node, reference);
    const lie = encodeRouted(
      {
        ttl: 16,
        hopCount: 0,
        flags: 0,
        source: Number(reference.nodeId & 0xffff_ffffn),
        destination: node.nodeId,
      },
      handshakePacket(new Uint8Array(randomBytes(48))),
    );
    node.receive(lie, "10.0.0.2:1", network.now);
    network.run(100);
    expect(said).toEqual(["ok"]);
    expect(reference.answers).toBe(1);
  });

  it("is kept by no flood of false answers from elsewhere, which costs no more than is allowed", () => {
    const network = new SimulatedNetwork({ seed: 3, conditions: { delayMs: 20 } });
    const node = attach(network, "10.0.0.1:1", { handshakesPerSecond: 100 });
    const reference = network.attach("10.0.0.2:1", (socket) => new StartedReference(socket));
    const said = connect(network, node, reference);
    const lie = encodeRouted(
      {
        ttl: 16,
        hopCount: 0,
        flags: 0,
        source: Number(reference.nodeId & 0xffff_ffffn),
        destination: node.nodeId,
      },
      handshakePacket(new Uint8Array(48).fill(9)),
    );
    for (let count = 0; count < 500; count += 1) {
      node.receive(lie, `10.0.1.${count % 250}:1`, network.now);
    }
    expect(node.core.stats.counters.rateLimited).toBeGreaterThan(400);
    network.run(100);
    expect(said).toEqual(["ok"]);
  });

  it("is one at a time for each node, and can be given up", () => {
    const network = new SimulatedNetwork({ seed: 3, conditions: { loss: 1 } });
    const node = attach(network, "10.0.0.1:1");
    const reference = network.attach("10.0.0.2:1", (socket) => new StartedReference(socket));
    const first = connect(network, node, reference);
    const second = connect(network, node, reference);
    expect(second).toEqual([
      "connect_via: handshake already in flight for peer 0x1122334455667788",
    ]);
    network.run(20_000);
    expect(first).toEqual(["handshake timeout"]);
    expect(node.core.stats.pendingHandshakes).toBe(0);
    let said = 0;
    const cancel = node.do((core, now) =>
      core.connect(
        {
          nodeId: reference.nodeId,
          publicKey: reference.keyPair.publicKey,
          path: { kind: "address", address: "10.0.0.2:1" },
        },
        now,
        () => {
          said += 1;
        },
      ),
    );
    cancel();
    network.run(20_000);
    expect(said).toBe(0);
  });

  it.each([
    ["of another length", new Uint8Array(31)],
    ["that no secret belongs to", new Uint8Array(32)],
  ])("is refused for a public key %s", (_name, publicKey) => {
    const network = new SimulatedNetwork({ seed: 3 });
    const node = attach(network, "10.0.0.1:1");
    const said: string[] = [];
    node.do((core, now) =>
      core.connect(
        { nodeId: 7n, publicKey, path: { kind: "address", address: "10.0.0.2:1" } },
        now,
        (outcome) => {
          said.push(outcome.ok ? "ok" : outcome.reason);
        },
      ),
    );
    network.run(20_000);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/key/u);
    expect(node.core.stats.pendingHandshakes).toBe(0);
  });

  it("needs a relay it has a session with", () => {
    const network = new SimulatedNetwork({ seed: 3 });
    const node = attach(network, "10.0.0.1:1");
    const far = attach(network, "10.0.0.2:1");
    expect(node.connect(far, far)).toMatch(/^no session with relay 0x/u);
  });
});
