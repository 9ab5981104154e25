import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { join } from "node:path";
import { LinePeer, NatsServer } from "@gaiaftcl/peers";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import {
  type Benchmark,
  type BenchmarkContext,
  type Comparison,
  compareDurations,
  compareRates,
  medianDurations,
  percentile,
} from "./benchmark.ts";

const PEER = "nats-server";
const PAYLOAD = new Uint8Array(128).fill(0x78);

interface Broker {
  readonly url: string;
}

export const benchmarks: Benchmark[] = [
  {
    name: "embedded broker under the load of the @nats-io client",
    run: (context) =>
      withBrokers(async (ours, theirs) => ({
        comparisons: [
          await throughput("1 publisher to 1 subscriber, 128 B", context, ours, theirs, 1),
          await throughput("1 publisher to 8 subscribers, 128 B", context, ours, theirs, 8),
          ...(await requests(context, ours, theirs)),
        ],
      })),
  },
  {
    name: "embedded broker under a raw flood, which costs the client next to nothing",
    run: (context) =>
      withBrokers(async (ours, theirs) => ({
        comparisons: [
          await flood("flood 1 to 1, 128 B", context, ours, theirs, { size: 128, subscribers: 1 }),
          await flood("flood 1 to 8, 128 B", context, ours, theirs, { size: 128, subscribers: 8 }),
          await flood("flood 1 to 1, 16 KiB", context, ours, theirs, {
            size: 16_384,
            subscribers: 1,
          }),
        ],
      })),
  },
];

async function throughput(
  name: string,
  { quick }: BenchmarkContext,
  ours: Broker,
  theirs: Broker,
  subscribers: number,
): Promise<Comparison> {
  const messages = Math.ceil((quick ? 5_000 : 200_000) / subscribers);
  const pass = async (broker: Broker): Promise<void> => {
    const publisher = await connect({ servers: broker.url });
    const consumers = await Promise.all(
      Array.from({ length: subscribers }, () => connect({ servers: broker.url })),
    );
    const received = Promise.all(consumers.map((consumer) => receive(consumer, messages)));
    await Promise.all(consumers.map((consumer) => consumer.flush()));
    for (let sent = 0; sent < messages; sent += 1) {
      publisher.publish("bench.events", PAYLOAD);
      // The client buffers without bound; a real publisher lets its socket drain now and then.
      if (sent % 1_000 === 999) await publisher.flush();
    }
    await received;
    await Promise.all([publisher, ...consumers].map((connection) => connection.close()));
  };
  const median = await medianDurations(
    { ours: () => pass(ours), theirs: () => pass(theirs) },
    { rounds: quick ? 1 : 5, warmup: 1 },
  );
  const rate = (ms: number): number => (messages * subscribers * 1_000) / ms;
  return compareRates(name, PEER, rate(median.ours), rate(median.theirs), { unit: "deliveries/s" });
}

async function receive(consumer: NatsConnection, messages: number): Promise<void> {
  let left = messages;
  for await (const _ of consumer.subscribe("bench.events")) {
    left -= 1;
    if (left === 0) return;
  }
}

async function requests(
  { quick }: BenchmarkContext,
  ours: Broker,
  theirs: Broker,
): Promise<Comparison[]> {
  const samples = { ours: [] as number[], theirs: [] as number[] };
  const brokers = { ours, theirs };
  // In slices that alternate, so that both see the same machine.
  for (let slice = 0; slice < (quick ? 2 : 10); slice += 1) {
    for (const side of ["ours", "theirs"] as const) {
      const service = await connect({ servers: brokers[side].url });
      const client = await connect({ servers: brokers[side].url });
      service.subscribe("bench.echo", {
        callback: (_, message) => void message.respond(message.data),
      });
      await service.flush();
      for (let index = 0; index < 600; index += 1) {
        const start = performance.now();
        await client.request("bench.echo", PAYLOAD);
        if (index >= 100) samples[side].push((performance.now() - start) * 1_000);
      }
      await Promise.all([client.close(), service.close()]);
    }
  }
  return ([0.5, 0.99] as const).map((fraction) =>
    compareDurations(
      `request and reply, 128 B, p${fraction * 100}`,
      PEER,
      percentile(samples.ours, fraction),
      percentile(samples.theirs, fraction),
      { unit: "µs" },
    ),
  );
}

async function flood(
  name: string,
  { quick }: BenchmarkContext,
  ours: Broker,
  theirs: Broker,
  load: { readonly size: number; readonly subscribers: number },
): Promise<Comparison> {
  const bytes = quick ? 2_000_000 : 100_000_000;
  const messages = Math.ceil(bytes / (load.size + 32) / load.subscribers);
  const publication = Buffer.from(`PUB bench.flood ${load.size}\r\n${"x".repeat(load.size)}\r\n`);
  const perWrite = Math.max(1, Math.floor(65_536 / publication.length));
  const pass = async (broker: Broker): Promise<void> => {
    const consumers = await Promise.all(
      Array.from({ length: load.subscribers }, () =>
        rawClient(broker.url, "SUB bench.flood 1\r\n"),
      ),
    );
    const publisher = await rawClient(broker.url, "");
    const delivery = `MSG bench.flood 1 ${load.size}\r\n`.length + load.size + 2;
    const done = Promise.all(consumers.map((consumer) => count(consumer, delivery * messages)));
    for (let sent = 0; sent < messages; sent += perWrite) {
      const batch = Buffer.concat(
        new Array<Buffer>(Math.min(perWrite, messages - sent)).fill(publication),
      );
      if (!publisher.write(batch)) await once(publisher, "drain");
    }
    await done;
    for (const socket of [publisher, ...consumers]) socket.destroy();
  };
  const median = await medianDurations(
    { ours: () => pass(ours), theirs: () => pass(theirs) },
    { rounds: quick ? 1 : 5, warmup: 1 },
  );
  const rate = (ms: number): number => (messages * load.subscribers * 1_000) / ms;
  return compareRates(name, PEER, rate(median.ours), rate(median.theirs), { unit: "deliveries/s" });
}

/** A socket that has sent CONNECT and `line`, and knows that the broker has read them. */
async function rawClient(url: string, line: string): Promise<Socket> {
  const socket = connectSocket(Number(new URL(url).port), "127.0.0.1");
  socket.setNoDelay(true);
  await once(socket, "data");
  socket.write(`CONNECT {"verbose":false}\r\n${line}PING\r\n`);
  await once(socket, "data");
  return socket;
}

function count(socket: Socket, expected: number): Promise<void> {
  return new Promise((settle, fail) => {
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes >= expected) settle();
    });
    socket.on("close", () => fail(new Error(`closed after ${bytes} of ${expected} bytes`)));
  });
}

async function withBrokers<T>(action: (ours: Broker, theirs: Broker) => Promise<T>): Promise<T> {
  const main = join(import.meta.dirname, "nats-broker-process.ts");
  await using embedded = new LinePeer(process.execPath, [main], { encode: String, decode: String });
  const url = await embedded.next<string>();
  await using server = await NatsServer.run();
  return await action({ url }, server);
}
