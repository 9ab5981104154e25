import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { failureOf, type NatsCase, takeText } from "./nats-case.ts";
import { RawClient } from "./nats-raw-client.ts";

/** How a connection comes about, what it is told, and how it comes back. */
export const connectionCases: readonly NatsCase[] = [
  {
    name: "a client learns the limits and features",
    settings: { maxPayload: 2_000 },
    expected: { headers: true, maxPayload: 2_000, authRequired: false, proto: 1, rtt: true },
    run: async (bench) => {
      const client = await bench.connect();
      return {
        headers: client.info?.headers,
        maxPayload: client.info?.max_payload,
        authRequired: client.info?.auth_required ?? false,
        proto: client.info?.proto,
        rtt: (await client.rtt()) >= 0,
      };
    },
  },
  {
    name: "a token lets in those who know it",
    settings: { token: "s3cret" },
    expected: {
      right: "succeeded",
      wrong: "AuthorizationError: Authorization Violation",
      none: "AuthorizationError: Authorization Violation",
      password: "AuthorizationError: Authorization Violation",
      required: true,
    },
    run: async (bench) => {
      const attempt = (options: ConnectionOptions): Promise<string> =>
        failureOf(() => bench.connect(options));
      const client = await bench.connect({ token: "s3cret" });
      return {
        right: await attempt({ token: "s3cret" }),
        wrong: await attempt({ token: "s3cre" }),
        none: await attempt({}),
        password: await attempt({ user: "s3cret", pass: "s3cret" }),
        required: client.info?.auth_required,
      };
    },
  },
  {
    name: "a message over the largest payload is refused by the client itself",
    settings: { maxPayload: 1_000 },
    expected: {
      most: "succeeded",
      more: "InvalidArgumentError: 'payload' max_payload size exceeded",
      alive: true,
    },
    run: async (bench) => {
      const client = await bench.connect();
      const most = await failureOf(() => client.publish("large", new Uint8Array(1_000)));
      const more = await failureOf(() => client.publish("large", new Uint8Array(1_001)));
      await client.flush();
      return { most, more, alive: !client.isClosed() };
    },
  },
  {
    name: "an invalid subject that passes the client costs the subscription, not the connection",
    expected: { status: "error: Invalid Subject", works: ["ok"] },
    run: async (bench) => {
      const client = await bench.connect();
      const status = firstError(client);
      client.subscribe("invalid..subject");
      const messages = client.subscribe("invalid.not");
      client.publish("invalid.not", "ok");
      return { works: await takeText(messages, 1), status: await status };
    },
  },
  {
    name: "a connection beyond the number allowed is refused, until one is closed",
    settings: { maxConnections: 2 },
    expected: { third: "refused", after: "succeeded" },
    run: async (bench) => {
      const first = await bench.connect();
      await bench.connect();
      const third = await failureOf(() => bench.connect({ timeout: 5_000 }));
      await first.close();
      // The broker hears of the end a moment after the client.
      let after = "refused";
      while (after !== "succeeded")
        after = await failureOf(() => bench.connect({ timeout: 5_000 }));
      return { third: third === "succeeded" ? third : "refused", after };
    },
  },
  {
    name: "a client that pings often enough to be cut off without answers is not",
    expected: { open: true },
    run: async (bench) => {
      const client = await bench.connect({ pingInterval: 20, maxPingOut: 3 });
      let pings = 0;
      for await (const { type } of client.status()) {
        if (type === "ping") pings += 1;
        if (pings === 10) break;
      }
      await client.flush();
      return { open: !client.isClosed() };
    },
  },
  {
    name: "a client that does nothing but answer pings stays connected",
    settings: { pingIntervalMs: 200, pingMax: 1 },
    expected: { open: true, pinged: 6 },
    run: async (bench) => {
      const idle = await bench.connect();
      // Pinged alike, it tells how often the client has been.
      using clock = new RawClient(bench.broker.port);
      let pinged = 0;
      for (; pinged < 6; pinged += 1) {
        await clock.until(() => clock.received.split("PING\r\n").length > pinged + 1);
        clock.socket.write("PONG\r\n");
      }
      await idle.flush();
      return { open: !idle.isClosed(), pinged };
    },
  },
  {
    name: "after the broker was killed and is back, clients reconnect and their subscriptions work",
    settings: {},
    expected: {
      statuses: ["disconnect", "reconnecting", "reconnect"],
      plain: ["after"],
      wildcard: ["after"],
      queue: ["after"],
      reply: "pong",
      remainingOfMax: ["before", "after"],
    },
    run: async (bench) => {
      const endless: ConnectionOptions = {
        reconnect: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 20,
        reconnectJitter: 0,
      };
      const [client, publisher] = [await bench.connect(endless), await bench.connect(endless)];
      const plain = client.subscribe("back.again");
      const wildcard = client.subscribe("back.*");
      const queue = client.subscribe("back.>", { queue: "q" });
      const limited = client.subscribe("limited", { max: 2 });
      client.subscribe("back.service", { callback: (_, message) => void message.respond("pong") });
      await client.flush();
      publisher.publish("limited", "before");
      await publisher.flush();
      await client.flush();
      const statuses = reconnection(client);
      const other = reconnection(publisher);
      await bench.broker.kill();
      await using _restarted = await bench.start({ port: bench.broker.port });
      const seen = await statuses;
      await other;
      await client.flush();
      publisher.publish("back.again", "after");
      publisher.publish("limited", "after");
      publisher.publish("limited", "too many");
      const reply = await publisher.request("back.service", "", { timeout: 20_000 });
      const outcome = {
        statuses: seen,
        plain: await takeText(plain, 1),
        wildcard: await takeText(wildcard, 1),
        queue: await takeText(queue, 1),
        reply: reply.string(),
        remainingOfMax: await takeText(limited, 2),
      };
      await Promise.all([client.close(), publisher.close()]);
      return outcome;
    },
  },
];

/** The kinds of status from losing the broker to having it back, repetitions left out. */
async function reconnection(client: NatsConnection): Promise<string[]> {
  const seen: string[] = [];
  for await (const { type } of client.status()) {
    if (["disconnect", "reconnecting", "reconnect"].includes(type) && seen.at(-1) !== type) {
      seen.push(type);
    }
    if (type === "reconnect") break;
  }
  return seen;
}

async function firstError(client: NatsConnection): Promise<string> {
  for await (const status of client.status()) {
    if (status.type === "error") return `error: ${status.error.message}`;
  }
  return "the connection closed without an error";
}
