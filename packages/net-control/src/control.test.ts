import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MeshNode } from "@gaiaftcl/net-mesh";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  ControlClient,
  ControlServer,
  createNodeKeys,
  ensureNoneRuns,
  formatNodeId,
  formatTicket,
  loadNodeKeys,
  parseNodeId,
  parseTicket,
} from "./index.js";

let home = "";

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "net-control-"));
});

afterEach(async () => {
  await rm(home, { recursive: true });
});

class Pair implements AsyncDisposable {
  readonly node: MeshNode;
  readonly other: MeshNode;
  readonly server: ControlServer;
  readonly client: ControlClient;

  private constructor(
    node: MeshNode,
    other: MeshNode,
    server: ControlServer,
    client: ControlClient,
  ) {
    this.node = node;
    this.other = other;
    this.server = server;
    this.client = client;
  }

  static async start(): Promise<Pair> {
    const psk = randomBytes(32);
    const node = await MeshNode.listen({ bind: "127.0.0.1:0", psk });
    const other = await MeshNode.listen({ bind: "127.0.0.1:0", psk });
    const server = await ControlServer.listen({ socketPath: join(home, "net.sock"), node });
    return new Pair(node, other, server, await ControlClient.connect(join(home, "net.sock")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.server.close();
    await Promise.all([this.node.close(), this.other.close()]);
  }
}

describe("a driven node", () => {
  it("joins by ticket, lists its peer, measures the way and is seen by the peer", async () => {
    await using pair = await Pair.start();
    const { client, node, other } = pair;
    const entry = await client.join(formatTicket(other));
    expect(entry).toMatchObject({
      kind: "peer",
      strict: true,
      relayed: false,
      hops: 1,
      nodeId: formatNodeId(other.nodeId),
    });
    expect(await client.nodes()).toMatchObject([
      { nodeId: formatNodeId(other.nodeId), address: other.address },
    ]);
    expect(await client.status()).toMatchObject({
      nodeId: formatNodeId(node.nodeId),
      address: node.address,
      peers: 1,
    });
    const { rttMs, reflexAddress } = await client.ping(other.nodeId);
    expect(rttMs).toBeGreaterThan(0);
    expect(reflexAddress).toBe(node.address);
    expect(await client.nat()).toEqual({
      natType: "unknown",
      reflexAddress: null,
      portMapping: null,
    });
    expect(entry).toMatchObject({ natType: "unknown", kept: true });
    expect(await client.leave(other.nodeId)).toEqual({ left: true });
    expect(await client.nodes()).toEqual([]);
    expect(await client.leave(other.nodeId)).toEqual({ left: false });
  });

  it("subscribes and publishes, and leaves a channel when its reader does", async () => {
    await using pair = await Pair.start();
    const { client, node, other } = pair;
    await client.join(formatTicket(other));
    other.registerChannel("news");
    const seen: string[] = [];
    const until = new AbortController();
    for await (const event of subscribed(client, other, until.signal)) {
      seen.push(event);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual(["0", "1", "2"]);
    // Unsubscribing is on its way; the publisher has nobody left soon.
    await expect
      .poll(() => other.publish("news", Buffer.from("x")).attempted, { timeout: 20_000 })
      .toBe(0);

    const received = other.subscribe(node.nodeId, "mine");
    await expect(received).rejects.toThrow("channel: unknown channel");
    expect(await client.publish("mine", Buffer.from("first"))).toEqual({
      attempted: 0,
      delivered: 0,
      errors: [],
    });
    const subscription = await other.subscribe(node.nodeId, "mine");
    expect(await client.publish("mine", Buffer.from("second"), { reliable: true })).toMatchObject({
      attempted: 1,
      delivered: 1,
    });
    const { value } = await subscription.next();
    expect(Buffer.from(value?.payload ?? []).toString()).toBe("second");
  });

  it("announces and finds", async () => {
    await using pair = await Pair.start();
    const { client, other } = pair;
    await client.join(formatTicket(other));
    await client.announce({ hardware: { memory_gb: 64 }, tags: ["demo"] });
    const found = (await client.find({ require_tags: ["demo"], min_memory_gb: 32 }))[0];
    expect(found?.tags).toContain("demo");
    expect(await client.find({ min_memory_gb: 65 })).toEqual([]);
    await expect
      .poll(() => other.findNodes({ requireTags: ["demo"] }), { timeout: 20_000 })
      .toHaveLength(1);
    await expect(client.announce({ hardware: 5 })).rejects.toMatchObject({ code: "FAILED" });
  });

  it("says what is wrong with what it is asked", async () => {
    await using pair = await Pair.start();
    const { client, other } = pair;
    await expect(client.join("net://nowhere")).rejects.toMatchObject({ code: "ARGUMENT" });
    await expect(client.ping(other.nodeId)).rejects.toThrow("there is no session with 0x");
    await expect(client.join(formatTicket(pair.node))).rejects.toMatchObject({ code: "ARGUMENT" });
    await client.join(formatTicket(other));
    await expect(client.subscribe(other.nodeId, "none/yet").next()).rejects.toThrow(
      /^channel: unknown channel: 0x[0-9a-f]{16} has no channel none\/yet; it has one once/u,
    );
    const session = pair.node.peer(other.nodeId)?.sessionId;
    await client.join(formatTicket(other));
    expect(pair.node.peer(other.nodeId)?.sessionId).toBe(session);
    await expect(client.publish("Not A Channel", Buffer.from("x"))).rejects.toThrow(
      "uppercase character 'N' not allowed",
    );
    const waiting = client.join(
      formatTicket({ nodeId: 1n, address: "127.0.0.1:9", publicKey: other.publicKey }),
      { signal: AbortSignal.timeout(50) },
    );
    await expect(waiting).rejects.toMatchObject({ name: "TimeoutError" });
  });

  it("survives clients that send garbage, half a message, or nothing, and tells readers of its own end", async () => {
    await using pair = await Pair.start();
    const { client, other, server } = pair;
    for (const bytes of [
      "\u0000\u0001\u0002",
      "Content-Length: 99999\r\n\r\n{",
      "Content-Length: 2\r\n\r\n{]",
      'Content-Length: 17\r\n\r\n{"jsonrpc":"2.0"}',
    ]) {
      const socket = connect(join(home, "net.sock"));
      socket.on("error", () => undefined);
      socket.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.destroy();
    }
    expect(await client.nodes()).toEqual([]);
    await client.join(formatTicket(other));
    other.registerChannel("news");
    const reading = client.subscribe(other.nodeId, "news").next();
    await expect
      .poll(() => other.publish("news", Buffer.from("x")).attempted, { timeout: 20_000 })
      .toBe(1);
    await reading;
    const next = client.status();
    await server.close();
    await expect(Promise.all([next, client.nodes()])).rejects.toMatchObject({
      code: "NOT_RUNNING",
    });
  });
});

describe("the control socket", () => {
  it("tells a node that does not answer from none", async () => {
    const socketPath = join(home, "stopped.sock");
    // Accepts and says nothing, as the system does for a process that is stopped.
    const silent = createServer(() => undefined).listen(socketPath);
    await once(silent, "listening");
    try {
      await expect(ControlClient.connect(socketPath, { patienceMs: 100 })).rejects.toMatchObject({
        code: "NOT_ANSWERING",
      });
      await expect(
        ControlClient.connect(socketPath, { signal: AbortSignal.timeout(100) }),
      ).rejects.toMatchObject({ name: "TimeoutError" });
      await expect(ensureNoneRuns(socketPath)).rejects.toMatchObject({ code: "ALREADY_RUNNING" });
    } finally {
      silent.close();
    }
    await ensureNoneRuns(join(home, "nothing.sock"));
  });

  it("is the user's alone, refuses a second node, and is taken over from a dead one", async () => {
    const socketPath = join(home, "run", "net.sock");
    await expect(ControlClient.connect(socketPath)).rejects.toMatchObject({ code: "NOT_RUNNING" });
    await using node = await MeshNode.listen({ bind: "127.0.0.1:0", psk: randomBytes(32) });
    {
      await using _server = await ControlServer.listen({ socketPath, node });
      expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
      expect((await stat(join(home, "run"))).mode & 0o777).toBe(0o700);
      await expect(ControlServer.listen({ socketPath, node })).rejects.toMatchObject({
        code: "ALREADY_RUNNING",
      });
    }
    await writeFile(socketPath, "");
    await expect(
      ControlServer.listen({ socketPath: join(socketPath, "x"), node }),
    ).rejects.toThrow();
    await using again = await ControlServer.listen({ socketPath, node });
    expect(again).toBeDefined();
    await (await ControlClient.connect(socketPath)).close();
  });
});

describe("the keys of a node", () => {
  it("are made once, kept from others, and are the same after a restart", async () => {
    const directory = join(home, "net");
    await expect(loadNodeKeys(directory)).rejects.toMatchObject({ code: "NO_KEYS" });
    const made = await createNodeKeys(directory);
    const loaded = await loadNodeKeys(directory);
    expect(loaded.identity.nodeId).toBe(made.identity.nodeId);
    expect([loaded.secretKey, loaded.psk].map((key) => Buffer.from(key))).toEqual(
      [made.secretKey, made.psk].map((key) => Buffer.from(key)),
    );
    await expect(createNodeKeys(directory)).rejects.toMatchObject({ code: "KEYS_EXIST" });
    expect((await loadNodeKeys(directory)).psk).toEqual(loaded.psk);
    await chmod(join(directory, "psk"), 0o644);
    await expect(loadNodeKeys(directory)).rejects.toThrow("others can read");
    await chmod(join(directory, "psk"), 0o600);
    await writeFile(join(directory, "psk"), "short");
    await expect(loadNodeKeys(directory)).rejects.toMatchObject({ code: "KEY_FILE" });
  });
});

describe("tickets and node ids", () => {
  it("read back what they were written from", () => {
    const ticket = {
      nodeId: 0x1fn,
      address: "[2001:db8::1]:9000",
      publicKey: new Uint8Array(32).fill(7),
    };
    expect(parseTicket(formatTicket(ticket))).toEqual(ticket);
    expect(parseNodeId("0x1f")).toBe(0x1fn);
    expect(parseNodeId("31")).toBe(31n);
  });

  it.each([
    "",
    "net://",
    "net://5@1.2.3.4:5/00",
    "net://x@1.2.3.4:5/".padEnd(90, "0"),
    "http://5@1.2.3.4:5/".padEnd(83, "0"),
  ])("refuse %j", (text) => {
    expect(() => parseTicket(text)).toThrow(expect.objectContaining({ code: "ARGUMENT" }));
  });

  it.each(["", "-1", "0x", "0x11111111111111111", "18446744073709551616", "1e3"])(
    "refuse node id %j",
    (text) => {
      expect(() => parseNodeId(text)).toThrow(expect.objectContaining({ code: "ARGUMENT" }));
    },
  );
});

/** Texts of a channel on which the publisher counts up as soon as somebody listens. */
async function* subscribed(
  client: ControlClient,
  publisher: MeshNode,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let next = 0;
  const timer = setInterval(() => {
    next += publisher.publish("news", Buffer.from(String(next))).delivered;
  }, 10);
  try {
    for await (const event of client.subscribe(publisher.nodeId, "news", { signal }))
      yield Buffer.from(event).toString();
  } finally {
    clearInterval(timer);
  }
}
