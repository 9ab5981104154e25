import { once } from "node:events";
import { createServer } from "node:net";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect as connectClient } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { NatsBroker, type NatsBrokerOptions } from "./nats-broker.js";
import { NatsBrokerError } from "./nats-broker-error.js";
import { RawClient } from "./raw-client.testing.js";

const CONNECT = 'CONNECT {"verbose":false,"protocol":1}\r\n';

async function codeOf(options: NatsBrokerOptions): Promise<string> {
  try {
    await using broker = await NatsBroker.listen(options);
    return `listens on ${broker.host}`;
  } catch (error) {
    if (error instanceof NatsBrokerError) return error.code;
    throw error;
  }
}

async function lameDuck(client: NatsConnection): Promise<void> {
  for await (const { type } of client.status()) if (type === "ldm") return;
}

/** Settles when `condition` holds; a test's own limit ends a wait for what never comes. */
async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((turn) => setTimeout(turn, 5));
}

describe("listening", () => {
  it.each(["127.0.0.1", "localhost", "127.0.0.53"])("takes %s", async (host) => {
    expect(await codeOf({ host })).toMatch(/^listens on 127\./u);
  });

  it("takes ::1 where there is IPv6", async () => {
    expect(["listens on ::1", "LISTEN_FAILED"]).toContain(await codeOf({ host: "::1" }));
  });

  it.each([
    "0.0.0.0",
    "::",
    "",
    "192.168.1.1",
    "8.8.8.8",
    "example.org",
    "::ffff:0.0.0.0",
    "127.1",
  ])("refuses %j, which is not loopback", async (host) => {
    expect(await codeOf({ host })).toBe("NOT_LOOPBACK");
  });

  it.each<NatsBrokerOptions>([
    { port: -1 },
    { port: 65_536 },
    { port: 1.5 },
    { token: "" },
    { maxPayload: 0 },
    { maxPayload: Number.NaN },
    { maxPayload: 1_000_000_000 },
    { maxPayload: 2_000, maxPending: 1_000 },
    { maxPending: 2_000_000, maxTotalPending: 1_999_999 },
    { pingIntervalMs: 2 ** 31 },
    { maxConnections: Number.POSITIVE_INFINITY },
  ])("refuses %j", async (options) => {
    expect(await codeOf(options)).toBe("INVALID_OPTION");
  });

  it("says that an address is taken, and by what it might be", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await expect(NatsBroker.listen({ port })).rejects.toThrow(`127.0.0.1:${port} is taken`);
    expect(await codeOf({ port })).toBe("ADDRESS_IN_USE");
    server.close();
  });

  it("introduces itself to each client, with its limits", async () => {
    await using broker = await NatsBroker.listen({ maxPayload: 1_000, token: "t" });
    using first = await RawClient.open(broker.port);
    using second = await RawClient.open(broker.port);
    expect(first.info).toMatchObject({
      proto: 1,
      headers: true,
      auth_required: true,
      max_payload: 1_000,
      host: "127.0.0.1",
      port: broker.port,
      client_id: 1,
      client_ip: "127.0.0.1",
    });
    expect(second.info).toMatchObject({ client_id: 2, server_id: first.info["server_id"] });
    expect(broker.url).toBe(`nats://127.0.0.1:${broker.port}`);
  });
});

describe("closing", () => {
  it("ends every connection after what was pending, and takes no more", async () => {
    const broker = await NatsBroker.listen();
    using client = await RawClient.open(broker.port);
    await client.exchange(`${CONNECT}SUB a 1\r\n`);
    using publisher = await RawClient.open(broker.port);
    publisher.send(`${CONNECT}PUB a 1000000\r\n${"x".repeat(1_000_000)}\r\n`);
    await eventually(() => broker.stats().outMessages === 1);
    await Promise.all([broker.close(), broker.close()]);
    await broker.closed;
    await client.until(() => client.closed);
    expect(client.received.endsWith(`${"x".repeat(1_000)}\r\n`)).toBe(true);
    expect(broker.stats()).toMatchObject({ connections: 0, subscriptions: 0, pendingBytes: 0 });
    const late = await RawClient.open(broker.port);
    expect([late.closed, late.received]).toEqual([true, ""]);
  });

  it("with a grace tells clients to leave first, and ends when they have", async () => {
    const broker = await NatsBroker.listen();
    const client = await connectClient({ servers: broker.url, reconnect: false });
    const told = lameDuck(client);
    const closed = broker.close({ graceMs: 60_000 });
    await told;
    expect(await Promise.race([closed, client.flush().then(() => "still served")])).toBe(
      "still served",
    );
    await client.close();
    await closed;
  });

  it("cuts a grace short when asked again", async () => {
    const broker = await NatsBroker.listen();
    using client = await RawClient.open(broker.port);
    await client.exchange(CONNECT);
    const closed = broker.close({ graceMs: 60_000 });
    await client.until(() => client.received.includes('"ldm":true'));
    await broker.close();
    await closed;
  });

  it("follows a signal, before and after it listens", async () => {
    expect(await codeOf({ signal: AbortSignal.abort() })).toBe("ABORTED");
    const early = new AbortController();
    const starting = codeOf({ signal: early.signal });
    early.abort();
    expect(await starting).toBe("ABORTED");

    const controller = new AbortController();
    const broker = await NatsBroker.listen({ signal: controller.signal });
    using client = await RawClient.open(broker.port);
    controller.abort();
    await broker.closed;
    await client.until(() => client.closed);
  });

  it("does not wait for a client that takes nothing", async () => {
    const broker = await NatsBroker.listen();
    using client = await RawClient.open(broker.port);
    await client.exchange(`${CONNECT}SUB a 1\r\n`);
    client.socket.pause();
    using publisher = await RawClient.open(broker.port);
    for (let sent = 0; sent < 20; sent += 1) {
      publisher.send(`PUB a 1000000\r\n${"x".repeat(1_000_000)}\r\n`);
    }
    await eventually(() => broker.stats().outMessages === 20);
    await broker.close();
    expect(broker.stats()).toMatchObject({ connections: 0, pendingBytes: 0 });
  });
});

describe("hostile clients", () => {
  it("are turned away beyond the number allowed, until one leaves", async () => {
    await using broker = await NatsBroker.listen({ maxConnections: 2 });
    using first = await RawClient.open(broker.port);
    using second = await RawClient.open(broker.port);
    await Promise.all([first.exchange(CONNECT), second.exchange(CONNECT)]);
    using third = await RawClient.open(broker.port);
    await third.until(() => third.closed);
    expect(third.received).toMatch(/^INFO .*\r\n-ERR 'maximum connections exceeded'\r\n$/u);
    first.socket.destroy();
    await eventually(() => broker.stats().connections === 1);
    using fourth = await RawClient.open(broker.port);
    expect(await fourth.exchange(CONNECT)).toBe("");
  });

  it("cannot hold a connection without the token", async () => {
    await using broker = await NatsBroker.listen({ token: "t", authTimeoutMs: 50 });
    using client = await RawClient.open(broker.port);
    client.send("CONNECT {");
    await client.until(() => client.closed);
    expect(client.received).toContain("-ERR 'Authentication Timeout'\r\n");
  });

  it("that vanish in the middle of a message leave nothing behind", async () => {
    await using broker = await NatsBroker.listen();
    const clients = await Promise.all(
      Array.from({ length: 50 }, () => RawClient.open(broker.port)),
    );
    for (const [index, client] of clients.entries()) {
      client.send(`${CONNECT}SUB a.${index} 1\r\nPUB a.> 500000\r\n${"x".repeat(index * 1_000)}`);
    }
    await eventually(() => broker.stats().subscriptions === 50);
    for (const client of clients) client.socket.resetAndDestroy();
    await eventually(() => broker.stats().connections === 0);
    expect(broker.stats()).toMatchObject({ subscriptions: 0, pendingBytes: 0, inMessages: 0 });
  });

  it("that send noise are disconnected, while others are served", async () => {
    await using broker = await NatsBroker.listen({ maxPayload: 10_000 });
    using good = await RawClient.open(broker.port);
    await good.exchange(`${CONNECT}SUB good 1\r\n`);
    let seed = 1;
    const noise = (): string => {
      let text = "";
      while (text.length < 2_000) {
        seed = (seed * 48_271) % 2_147_483_647;
        const verbs = [
          "PUB ",
          "SUB ",
          "HPUB ",
          "\r\n",
          "a.b 5",
          "CONNECT {",
          "\0\xff",
          "UNSUB ",
          " 1",
        ];
        text += verbs[seed % verbs.length];
      }
      return text;
    };
    const attackers = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const attacker = await RawClient.open(broker.port);
        attacker.send(noise());
        await attacker.until(() => attacker.closed);
        return attacker;
      }),
    );
    expect(attackers).toHaveLength(40);
    expect(await good.exchange("PUB good 2\r\nok\r\n")).toBe("MSG good 1 2\r\nok\r\n");
  });

  it("that read nothing are cut off, and the publisher is not", async () => {
    await using broker = await NatsBroker.listen({ maxPayload: 100_000, maxPending: 200_000 });
    using slow = await RawClient.open(broker.port);
    await slow.exchange(`${CONNECT}SUB a 1\r\n`);
    slow.socket.pause();
    using publisher = await RawClient.open(broker.port);
    const message = `PUB a 100000\r\n${"x".repeat(100_000)}\r\n`;
    publisher.send(CONNECT);
    while (broker.stats().slowConsumers === 0) await publisher.exchange(message);
    expect(broker.stats()).toMatchObject({ connections: 1, subscriptions: 0 });
    slow.socket.resume();
    await slow.until(() => slow.closed);
    expect(slow.received).not.toContain("-ERR");
  });
});

describe("a fast publisher", () => {
  it("loses nothing to a consumer that keeps up on average", async () => {
    await using broker = await NatsBroker.listen({ maxPayload: 10_000, maxPending: 1_000_000 });
    using consumer = await RawClient.open(broker.port);
    await consumer.exchange(`${CONNECT}SUB a 1\r\n`);
    using publisher = await RawClient.open(broker.port);
    publisher.send(CONNECT);
    const message = `PUB a 10000\r\n${"x".repeat(10_000)}\r\n`;
    const total = 3_000;
    let bytes = consumer.received.length;
    const expected = bytes + total * message.replace("PUB a", "MSG a 1").length;
    consumer.socket.on("data", (text: string) => {
      bytes += text.length;
      consumer.received = "";
    });
    for (let sent = 0; sent < total; sent += 1) publisher.send(message);
    await consumer.until(() => bytes >= expected || consumer.closed);
    expect([bytes, broker.stats().slowConsumers]).toEqual([expected, 0]);
  });
});
