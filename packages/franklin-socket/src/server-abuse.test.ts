import { encode } from "@gaiaftcl/canonical-json";
import { decodeBase64, encodeBase64, sign } from "@gaiaftcl/witness/ed25519";
import { describe, expect, it } from "vitest";
import { alice, RawPeer, TestCell, until } from "./cell.testing.js";
import { encodeFrame } from "./frame.js";
import { ask, gate, reasonOf } from "./peer.testing.js";

describe("a peer that", () => {
  it("replays the signature of another connection is refused", async () => {
    await using cell = await TestCell.start();
    using first = await cell.peer();
    const challenge = decodeBase64(String((await first.next())?.["challenge"]));
    const handshake = {
      op: "handshake",
      operator_context: "alice",
      signature: encodeBase64(sign(alice.privateKey, challenge)),
    };
    using second = await cell.peer();
    await second.next();
    second.send(handshake);
    expect(await second.next()).toEqual(reasonOf("SIGNATURE_INVALID"));
    expect(await second.next()).toBeUndefined();
    first.send(handshake);
    expect(await first.next()).toEqual({ accepted: true });
  });

  it("gets a challenge gets one of its own, of 32 bytes", async () => {
    await using cell = await TestCell.start();
    const challenges = new Set<string>();
    for (let count = 0; count < 20; count += 1) {
      using peer = await cell.peer();
      const text = String((await peer.next())?.["challenge"]);
      expect(decodeBase64(text)).toHaveLength(32);
      challenges.add(text);
    }
    expect(challenges.size).toBe(20);
  });

  it("disconnects in the middle of a frame leaves nothing behind", async () => {
    await using cell = await TestCell.start();
    for (let count = 0; count < 10; count += 1) {
      using peer = await cell.peer();
      await peer.handshake();
      peer.socket.write(encodeFrame(encode(ask("r1"))).subarray(0, 20));
      await until(() => cell.server.stats().heldBytes > 0);
      peer.socket.destroy();
      await until(() => cell.server.stats().connections === 0);
    }
    expect(cell.server.stats()).toMatchObject({ unauthenticated: 0, inFlight: 0, heldBytes: 0 });
    expect(cell.sealer.rows).toEqual([]);
  });

  it("disconnects while its request runs stops the handler, and the request is sealed", async () => {
    await using cell = await TestCell.start({
      handler: async (_, { signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { status: "blocked", code: "CANCELLED", reason: String(signal.reason.message) };
      },
    });
    using peer = await cell.peer();
    await peer.handshake();
    peer.send(ask("r1"));
    await until(() => cell.server.stats().inFlight === 1);
    peer.socket.destroy();
    await until(() => cell.sealer.rows.length === 1);
    expect(cell.sealer.rows[0]).toMatchObject({ request_id: "r1", status: "blocked" });
    expect(cell.server.stats()).toMatchObject({ connections: 0, inFlight: 0 });
  });

  it("is gone before its handler looks at the signal still has it aborted", async () => {
    const held = gate();
    await using cell = await TestCell.start({ handler: held.handler });
    using peer = await cell.peer();
    await peer.handshake();
    peer.send(ask("r1"));
    await until(() => held.contexts.length === 1);
    peer.socket.destroy();
    await until(() => cell.server.stats().connections === 0);
    expect(held.contexts[0]?.signal.aborted).toBe(true);
    held.open();
    await until(() => cell.sealer.rows.length === 1);
  });

  it("announces 16 MiB and sends nothing costs nothing", async () => {
    await using cell = await TestCell.start();
    const peers = await Promise.all(Array.from({ length: 40 }, () => cell.peer()));
    await Promise.all(peers.map((peer) => peer.handshake()));
    for (const peer of peers) peer.socket.write(Buffer.from([1, 0, 0, 0, 1, 2, 3]));
    await until(() => cell.server.stats().heldBytes >= 3 * peers.length);
    expect(cell.server.stats().heldBytes).toBeLessThan(100 * peers.length);
    for (const peer of peers) peer.socket.destroy();
    await until(() => cell.server.stats().connections === 0);
  });

  it.each([
    ["announces more than 16 MiB", Buffer.from([1, 0, 0, 1]), "FRAME_TOO_LARGE"],
    ["sends an empty frame", Buffer.from([0, 0, 0, 0]), "FRAME_EMPTY"],
    ["sends no JSON", encodeFrame("{"), "FRAME_INVALID"],
    ["sends duplicate keys", encodeFrame('{"a":1,"a":1}'), "FRAME_INVALID"],
    ["sends bytes that are no UTF-8", Buffer.from([0, 0, 0, 3, 34, 255, 34]), "FRAME_INVALID"],
    ["nests too deep", encodeFrame("[".repeat(100) + "]".repeat(100)), "FRAME_INVALID"],
    ["sends a second handshake", encodeFrame('{"op":"handshake"}'), "PROTOCOL_VIOLATION"],
  ])("%s is told why and hung up on", async (_, bytes, code) => {
    await using cell = await TestCell.start();
    using peer = await cell.peer();
    await peer.handshake();
    peer.socket.write(bytes);
    expect(await peer.rest()).toEqual([reasonOf(code)]);
    await until(() => cell.server.stats().connections === 0);
  });

  it("trickles its handshake is cut off at the deadline", async () => {
    await using cell = await TestCell.start({ limits: { handshakeMs: 60 } });
    using peer = await cell.peer();
    await peer.next();
    const trickle = setInterval(() => peer.socket.write(Buffer.from([0])), 20);
    peer.socket.write(Buffer.from([0, 0, 1, 0]));
    expect((await peer.rest()).at(-1)).toEqual(reasonOf("HANDSHAKE_TIMEOUT"));
    clearInterval(trickle);
  });

  it("trickles a frame is cut off below the minimum rate", async () => {
    await using cell = await TestCell.start({
      limits: { frameGraceMs: 50, minBytesPerSecond: 1_000_000 },
    });
    using peer = await cell.peer();
    await peer.handshake();
    peer.socket.write(Buffer.from([0, 1, 0, 0]));
    const trickle = setInterval(() => peer.socket.write(Buffer.from([32])), 20);
    expect((await peer.rest()).at(-1)).toEqual(reasonOf("FRAME_SLOW"));
    clearInterval(trickle);
  });

  it("asks nothing for too long is sent away", async () => {
    await using cell = await TestCell.start({ limits: { idleMs: 50 } });
    using peer = await cell.peer();
    await peer.handshake();
    expect(await peer.rest()).toEqual([reasonOf("IDLE")]);
  });

  it("never reads what it is sent is asked no further and then cut off", async () => {
    await using cell = await TestCell.start({
      handler: () => ({ status: "ok", text: "x".repeat(200_000) }),
      limits: { stallMs: 100 },
    });
    using peer = await cell.peer();
    await peer.handshake();
    peer.socket.pause();
    for (let id = 0; id < 500; id += 1) peer.send(ask(`r${id}`));
    await until(() => cell.server.stats().connections === 0);
    expect(cell.server.stats().requests).toBeLessThanOrEqual(128 + 8);
  });

  it("reads slowly gets everything", async () => {
    await using cell = await TestCell.start({
      handler: () => ({ status: "ok", text: "x".repeat(300_000) }),
    });
    using peer = await cell.peer();
    await peer.handshake();
    peer.send(...Array.from({ length: 40 }, (_, id) => ask(`r${id}`)));
    for (let count = 0; count < 40; count += 1) {
      peer.socket.pause();
      await new Promise((resolve) => setImmediate(resolve));
      peer.socket.resume();
      expect(await peer.next()).toMatchObject({ outcome: { status: "ok" } });
    }
  });

  it("sends garbage never takes the server down", async () => {
    await using cell = await TestCell.start();
    let seed = 42;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed;
    };
    const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, random));
    for (let round = 0; round < 60; round += 1) {
      using peer = await cell.peer();
      if (round % 2 === 0) await peer.handshake();
      if (round % 3 === 0) peer.socket.write(bytes(1 + (random() % 200)));
      else peer.socket.write(encodeFrame(bytes(1 + (random() % 200)).toString("latin1")));
      if (round % 5 === 0) peer.socket.destroy();
      else peer.socket.end();
      await peer.rest();
    }
    await until(() => cell.server.stats().connections === 0);
    await using client = await cell.connect();
    expect((await client.request("m")).outcome.status).toBe("ok");
  });
});

describe("room", () => {
  it("is for 64 handshakes at a time; who comes then is told to try again", async () => {
    await using cell = await TestCell.start();
    const peers = await Promise.all(Array.from({ length: 70 }, () => cell.peer()));
    const first = await Promise.all(peers.map((peer) => peer.next()));
    const turnedAway = first.filter((message) => message?.["accepted"] === false);
    expect(turnedAway).toEqual(Array.from({ length: 6 }, () => reasonOf("BUSY")));
    expect(cell.server.stats()).toMatchObject({ unauthenticated: 64, turnedAway: 6 });
    for (const peer of peers) peer.socket.destroy();
    await until(() => cell.server.stats().connections === 0);
    expect(cell.server.stats().unauthenticated).toBe(0);
  });

  it("is for 256 connections in all", async () => {
    await using cell = await TestCell.start();
    const clients = await Promise.all(Array.from({ length: 256 }, () => cell.connect()));
    using late = await cell.peer();
    expect(await late.rest()).toEqual([reasonOf("BUSY")]);
    expect(cell.server.stats()).toMatchObject({ connections: 256, unauthenticated: 0 });
    await Promise.all(clients.map((client) => client.close()));
    await using client = await cell.connect();
    expect((await client.request("m")).outcome.status).toBe("ok");
  });

  it("is found by each of 1,000 clients that come at once, and none leaves anything behind", async () => {
    await using cell = await TestCell.start();
    const statuses = await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        await using client = await cell.connect({ timeoutMs: 60_000 });
        const { outcome } = await client.request("m", { index });
        return encode(outcome["args"]);
      }),
    );
    expect(statuses).toEqual(statuses.map((_, index) => `{"index":${index}}`));
    expect(cell.sealer.rows).toHaveLength(1000);
    await until(() => cell.server.stats().connections === 0);
    expect(cell.server.stats()).toMatchObject({
      unauthenticated: 0,
      inFlight: 0,
      heldBytes: 0,
      accepted: 1000,
      requests: 1000,
    });
  });
});

it("speaks to a peer that writes byte by byte", async () => {
  await using cell = await TestCell.start();
  using peer = await RawPeer.connect(cell.server.socketPath);
  await peer.handshake();
  for (const byte of encodeFrame(encode(ask("r1")))) {
    peer.socket.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await peer.next()).toMatchObject({ request_id: "r1" });
});
