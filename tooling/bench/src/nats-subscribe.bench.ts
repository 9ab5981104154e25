import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { subscribe } from "@gaiaftcl/nats-subscribe";
import { LinePeer, NatsServer } from "@gaiaftcl/peers";
import { encodeEvent } from "@gaiaftcl/sealed-row";
import { connect } from "@nats-io/transport-node";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  compareRates,
  median,
} from "./benchmark.ts";
import { heartbeatRows, TABLE } from "./heartbeat-rows.ts";

/**
 * Writes a file of publications to a broker as fast as it takes them, in a process of its own, each
 * time it is told to.
 */
const PUBLISHER = `
const { connect } = require("node:net");
const { readFileSync } = require("node:fs");
const bytes = readFileSync(process.argv[1]);
const socket = connect(Number(process.argv[2]), "127.0.0.1");
socket.once("data", () => {
  socket.write('CONNECT {"verbose":false}\\r\\n');
  process.stdin.on("data", () => {
    socket.write(bytes);
    socket.write("PING\\r\\n");
  });
  socket.on("data", (answer) => { if (answer.includes("PONG")) console.log("sent"); });
  console.log("ready");
});`;

export const benchmarks: Benchmark[] = [
  {
    name: "rows received, read and verified, beside messages merely received",
    run: compareWithBare,
  },
];

async function compareWithBare(context: BenchmarkContext): Promise<BenchmarkResult> {
  // What waits stays below the 64 MiB at which nats-server cuts a consumer off.
  const messages = context.quick ? 5_000 : 30_000;
  const rounds = context.quick ? 1 : 9;
  const file = join(context.directory, "publications");
  const eventBytes = writePublications(file, messages);
  // Each has a server, a publisher, a connection and a subscription of its own, which last over all
  // rounds, as subscriptions do; the processes of the others have nothing to do meanwhile. None is
  // started between rounds: a fork slows its parent down by as much memory as that has.
  const contestants = {
    bare: await Contestant.start(file, (url) => receiveBare(url)),
    parsed: await Contestant.start(file, (url) => receiveBare(url, JSON.parse)),
    // The rows come again in the next round, when they must no longer be remembered.
    verified: await Contestant.start(file, (url) => receiveVerified(url, messages / 2)),
    read: await Contestant.start(file, (url) => receiveVerified(url, messages / 2, true)),
  };
  const names = Object.keys(contestants) as (keyof typeof contestants)[];
  const rates = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  const costs = Object.fromEntries(names.map((name) => [name, [] as number[]]));
  try {
    // In turn, so that all see the same machine; the first round warms up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of names) {
        const { milliseconds, cpuMicroseconds } = await contestants[name].receive(messages);
        if (round === 0) continue;
        rates[name]?.push((messages * 1000) / milliseconds);
        costs[name]?.push(cpuMicroseconds / messages);
      }
    }
  } finally {
    for (const name of names) await contestants[name].stop();
  }
  const rateOf = (name: keyof typeof contestants): number => median(rates[name] ?? []);
  const name = `verified subscription, rows of ${Math.round(eventBytes)} B`;
  const unit = "messages/s";
  const bare = "the bare @nats-io client";
  return {
    comparisons: [
      compareRates(name, bare, rateOf("verified"), rateOf("bare"), { unit, target: 0.5 }),
      compareRates(`${name}, every column read`, bare, rateOf("read"), rateOf("bare"), { unit }),
      compareRates(
        `${name}, every column read`,
        "the client and JSON.parse, unverified",
        rateOf("read"),
        rateOf("parsed"),
        { unit },
      ),
    ],
    // What remains comparable where others use the machine as well.
    figures: names.map((contestant) => ({
      name: `CPU of the receiving process, ${CONTESTANTS[contestant]}`,
      value: median(costs[contestant] ?? []),
      unit: "µs/message",
    })),
  };
}

const CONTESTANTS = {
  bare: "bare client",
  parsed: "client and JSON.parse",
  verified: "verified",
  read: "verified, every column read",
} as const;

interface Receiver {
  /** Settles after so many messages. */
  take(messages: number): Promise<void>;
  close(): Promise<void>;
}

class Contestant {
  readonly #server: NatsServer;
  readonly #publisher: LinePeer;
  readonly #receiver: Receiver;

  private constructor(server: NatsServer, publisher: LinePeer, receiver: Receiver) {
    this.#server = server;
    this.#publisher = publisher;
    this.#receiver = receiver;
  }

  static async start(file: string, open: (url: string) => Promise<Receiver>): Promise<Contestant> {
    const server = await NatsServer.run();
    const publisher = await startPublisher(file, server.port);
    return new Contestant(server, publisher, await open(`nats://127.0.0.1:${server.port}`));
  }

  /** From the first publication to the last message, in all threads of this process. */
  async receive(messages: number): Promise<{ milliseconds: number; cpuMicroseconds: number }> {
    const before = process.cpuUsage();
    const start = performance.now();
    const sent = this.#publisher.ask("go");
    await this.#receiver.take(messages);
    const milliseconds = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    await sent;
    return { milliseconds, cpuMicroseconds: user + system };
  }

  async stop(): Promise<void> {
    await this.#receiver.close();
    await this.#publisher[Symbol.asyncDispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

async function receiveBare(url: string, read?: (text: string) => unknown): Promise<Receiver> {
  const connection = await connect({ servers: url });
  const subscription = connection.subscribe(TABLE.subject)[Symbol.asyncIterator]();
  await connection.flush();
  return {
    async take(messages) {
      let bytes = 0;
      for (let left = messages; left > 0; left -= 1) {
        const { value, done } = await subscription.next();
        if (done === true) throw new Error("the subscription ended early");
        bytes += value.data.byteLength;
        read?.(value.string());
      }
      if (bytes === 0) throw new Error("nothing was received");
    },
    close: () => connection.close(),
  };
}

async function receiveVerified(url: string, window: number, reads = false): Promise<Receiver> {
  const subscription = subscribe(TABLE.subject, {
    urls: url,
    buffer: { size: 2 * window, bytes: 2 ** 30 },
    dedupWindow: window,
  });
  await subscription.ready();
  return {
    async take(messages) {
      for (let left = messages; left > 0; left -= 1) {
        const { value, done } = await subscription.next();
        if (done === true) throw new Error("the subscription ended early");
        if (!value.report.ok) throw new Error(value.report.summary);
        if (reads && value.row?.["heartbeat_id"] === undefined) throw new Error("no row");
      }
    },
    close: () => subscription.close(),
  };
}

/** Connected, with everything in memory. */
async function startPublisher(file: string, port: number): Promise<LinePeer> {
  const publisher = new LinePeer(process.execPath, ["-e", PUBLISHER, file, String(port)], {
    encode: String,
    decode: String,
  });
  await publisher.next();
  return publisher;
}

/** @returns the mean size of an event */
function writePublications(file: string, count: number): number {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let seq = 0n;
  for (const row of heartbeatRows(count)) {
    seq += 1n;
    const event = encodeEvent(TABLE.name, { seq, ...row });
    bytes += event.byteLength;
    parts.push(Buffer.from(`PUB ${TABLE.subject} ${event.byteLength}\r\n`), event);
    parts.push(Buffer.from("\r\n"));
  }
  writeFileSync(file, Buffer.concat(parts));
  return bytes / count;
}
