import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensurePeers } from "../../bootstrap/peers.mjs";
import {
  type BrokerSettings,
  brokers,
  type RunningBroker,
  type StartBroker,
} from "./nats-broker-process.ts";
import { NatsBench, type NatsCase } from "./nats-case.ts";
import { connectionCases } from "./nats-connection-cases.ts";
import { deliveryCases } from "./nats-delivery-cases.ts";
import {
  type ProtocolCase,
  protocolCases,
  protocolSettings,
  tokenCases,
  tokenSettings,
} from "./nats-protocol-cases.ts";
import { RawClient } from "./nats-raw-client.ts";
import { requestCases } from "./nats-request-cases.ts";

const kinds = Object.entries(brokers);

beforeAll(async () => {
  await ensurePeers(["natsServer"]);
}, 600_000);

describe.each(kinds)("%s, through the @nats-io client", (_, start) => {
  let shared: RunningBroker;
  beforeAll(async () => {
    shared = await start();
  });
  afterAll(() => shared.kill());

  const all: readonly NatsCase[] = [...deliveryCases, ...requestCases, ...connectionCases];
  it.each(all)("$name", async ({ settings, expected, run }) => {
    if (settings === undefined) {
      await using bench = new NatsBench(shared, start);
      expect(await run(bench)).toEqual(expected);
      return;
    }
    await using own = await start(settings);
    await using bench = new NatsBench(own, start);
    expect(await run(bench)).toEqual(expected);
  });
});

describe.each([
  ["without a token", protocolSettings, protocolCases],
  ["with a token", tokenSettings, tokenCases],
] as const)("the same bytes get the same answer from both, %s", (_, settings, cases) => {
  const running: RunningBroker[] = [];
  beforeAll(async () => {
    for (const [, start] of kinds) running.push(await start(settings));
  });
  afterAll(() => Promise.all(running.map((broker) => broker.kill())));

  it.each<ProtocolCase>(cases)("$name", async ({ chunks }) => {
    const [embedded, server] = await Promise.all(
      running.map(async ({ port }) => {
        using client = new RawClient(port);
        return await client.exchange(chunks);
      }),
    );
    expect(embedded).toBe(server);
  });
});

describe("both deal alike with", () => {
  async function outcomes(
    settings: BrokerSettings,
    scenario: (broker: RunningBroker) => Promise<unknown>,
  ): Promise<[unknown, unknown]> {
    const run = async (start: StartBroker): Promise<unknown> => {
      await using broker = await start(settings);
      return await scenario(broker);
    };
    return [await run(brokers.embedded), await run(brokers["nats-server"])];
  }

  it("a client that answers no ping", async () => {
    const [embedded, server] = await outcomes(
      { pingIntervalMs: 300, pingMax: 2 },
      async (broker) => {
        using client = new RawClient(broker.port);
        client.socket.write('CONNECT {"verbose":false}\r\n');
        await client.until(() => client.closed);
        return client.transcript;
      },
    );
    expect(embedded).toBe("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n<closed>");
    expect(server).toBe(embedded);
  });

  it("a connection too many", async () => {
    const [embedded, server] = await outcomes({ maxConnections: 1 }, async (broker) => {
      using first = new RawClient(broker.port);
      await first.exchange(["PING\r\n"]);
      using second = new RawClient(broker.port);
      await second.until(() => second.closed);
      return [second.transcript, await first.exchange(["PING\r\n"])];
    });
    expect(embedded).toEqual(server);
  });

  it("a consumer that reads nothing: it is cut off, and everybody else goes on", async () => {
    const settings = { maxPayload: 100_000, maxPending: 2_000_000 };
    const message = `PUB flood 100000\r\n${"x".repeat(100_000)}\r\n`;
    const [embedded, server] = await outcomes(settings, async (broker) => {
      using slow = new RawClient(broker.port);
      await slow.exchange(['CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n']);
      slow.socket.pause();
      using quick = new RawClient(broker.port);
      await quick.exchange(['CONNECT {"verbose":false}\r\nSUB flood 1\r\nPING\r\n']);
      using publisher = new RawClient(broker.port);
      await publisher.exchange(['CONNECT {"verbose":false}\r\nPING\r\n']);
      // More than the system buffers for a socket, and the broker for a client.
      publisher.received = "";
      for (let sent = 0; sent < 300; sent += 1) publisher.socket.write(message);
      publisher.socket.write("PING\r\n");
      await publisher.until(() => publisher.received !== "");
      await quick.until(() => quick.received.length >= 300 * 100_000);
      slow.socket.resume();
      await slow.until(() => slow.closed);
      return {
        publisher: publisher.transcript,
        quick: quick.received.split("MSG flood 1 100000\r\n").length - 1,
        slowGotAll: slow.received.split("MSG flood 1 100000\r\n").length - 1 >= 300,
        slowWasTold: slow.received.includes("-ERR"),
      };
    });
    expect(embedded).toEqual({
      publisher: "PONG\r\n",
      quick: 300,
      slowGotAll: false,
      slowWasTold: false,
    });
    expect(server).toEqual(embedded);
  });
});
