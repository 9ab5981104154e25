import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { subscribe } from "@gaiaftcl/nats-subscribe";
import { encodeEvent, ensureSealedTable, GENESIS_HASH, sealRow } from "@gaiaftcl/sealed-row";
import type { Sha256Hex } from "@gaiaftcl/witness";
import { connect } from "@nats-io/transport-node";
import { ensurePeers } from "../../bootstrap/peers.mjs";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  compareRates,
  median,
} from "./benchmark.ts";

const TABLE = ensureSealedTable("franklin_heartbeat_history");

/**
 * Writes a file of publications to a broker as fast as it takes them, in a process of its own, when
 * it is told to.
 */
const PUBLISHER = `
const { connect } = require("node:net");
const { readFileSync } = require("node:fs");
const bytes = readFileSync(process.argv[1]);
const socket = connect(Number(process.argv[2]), "127.0.0.1");
socket.once("data", () => {
  socket.write('CONNECT {"verbose":false}\\r\\n');
  process.stdin.once("data", () => {
    process.stdin.destroy();
    socket.write(bytes);
    socket.write("PING\\r\\n");
    socket.on("data", (answer) => { if (answer.includes("PONG")) socket.end(); });
  });
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
  const server = await startServer();
  const url = `nats://127.0.0.1:${server.port}`;
  const contestants = {
    bare: (publisher: Publisher) => receiveBare(url, messages, publisher),
    parsed: (publisher: Publisher) => receiveBare(url, messages, publisher, JSON.parse),
    verified: (publisher: Publisher) => receiveVerified(url, messages, publisher),
  };
  const rates: Record<keyof typeof contestants, number[]> = { bare: [], parsed: [], verified: [] };
  try {
    // In turn, so that all see the same machine; the first round warms up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const [name, receive] of Object.entries(contestants)) {
        const publisher = await Publisher.start(file, server.port);
        const milliseconds = await receive(publisher);
        await publisher.ended;
        if (round > 0) rates[name as keyof typeof rates].push((messages * 1000) / milliseconds);
      }
    }
  } finally {
    await server.stop();
  }
  const name = `verified subscription, rows of ${Math.round(eventBytes)} B`;
  const ours = median(rates.verified);
  return {
    comparisons: [
      compareRates(name, "the bare @nats-io client", ours, median(rates.bare), {
        unit: "messages/s",
        target: 0.5,
      }),
      compareRates(name, "the client and JSON.parse, unverified", ours, median(rates.parsed), {
        unit: "messages/s",
      }),
    ],
  };
}

/** @returns milliseconds from the first publication to the last message */
async function receiveBare(
  url: string,
  messages: number,
  publisher: Publisher,
  read?: (text: string) => unknown,
): Promise<number> {
  const connection = await connect({ servers: url });
  const subscription = connection.subscribe(TABLE.subject);
  await connection.flush();
  const start = performance.now();
  publisher.go();
  let left = messages;
  let bytes = 0;
  for await (const message of subscription) {
    bytes += message.data.byteLength;
    read?.(message.string());
    left -= 1;
    if (left === 0) break;
  }
  const elapsed = performance.now() - start;
  await connection.close();
  if (bytes === 0) throw new Error("nothing was received");
  return elapsed;
}

async function receiveVerified(
  url: string,
  messages: number,
  publisher: Publisher,
): Promise<number> {
  await using subscription = subscribe(TABLE.subject, {
    urls: url,
    buffer: { size: messages, bytes: 2 ** 30 },
    dedupWindow: messages,
  });
  await subscription.ready();
  const start = performance.now();
  publisher.go();
  let left = messages;
  for await (const { report } of subscription) {
    if (!report.ok) throw new Error(report.summary);
    left -= 1;
    if (left === 0) return performance.now() - start;
  }
  throw new Error("the subscription ended early");
}

class Publisher {
  readonly ended: Promise<void>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.ended = once(child, "exit").then(([code]) => {
      if (code !== 0) throw new Error(`the publisher ended with ${code}`);
    });
  }

  /** Connected, with everything in memory. */
  static async start(file: string, port: number): Promise<Publisher> {
    const child = spawn(process.execPath, ["-e", PUBLISHER, file, String(port)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(createInterface(child.stdout), "line");
    return new Publisher(child);
  }

  go(): void {
    this.#child.stdin.write("go\n");
  }
}

/** @returns the mean size of an event */
function writePublications(file: string, count: number): number {
  const parts: Uint8Array[] = [];
  let previous: string = GENESIS_HASH;
  let bytes = 0;
  for (let index = 0; index < count; index += 1) {
    const at = new Date(Date.UTC(2026, 10, 20) + index * 1000).toISOString();
    const row = sealRow(TABLE, {
      columns: {
        heartbeat_id: `hb-${index}-9f3c51d2`,
        tick_at_iso: at,
        daemon_session_id: "session-5b1e",
        tick_cadence_seconds: 60,
        observations_count: index,
        classifications_count: index % 7,
        commission_proposals_count: index % 3,
        tuning_adjustments_applied: 0,
        tuning_adjustments_held: 1,
        filtering_decisions_applied: 2,
        game_evaluations_run: 3,
        healing_escalations_processed: 0,
        substrate_state_summary_json: JSON.stringify({ queue: index, state: "running" }),
      },
      cellId: "gaiaftcl-bench-cell",
      domainId: "substrate",
      sealedAtIso: at,
      broadcastAtIso: at,
      previous: previous as Sha256Hex,
    });
    previous = String(row["witness_hash_sha256"]);
    const event = encodeEvent(TABLE.name, { seq: BigInt(index + 1), ...row });
    bytes += event.byteLength;
    parts.push(Buffer.from(`PUB ${TABLE.subject} ${event.byteLength}\r\n`), event);
    parts.push(Buffer.from("\r\n"));
  }
  writeFileSync(file, Buffer.concat(parts));
  return bytes / count;
}

async function startServer(): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const natsServer = process.env["NATS_SERVER"] ?? (await ensurePeers(["natsServer"])).natsServer;
  const child = spawn(natsServer, ["--addr", "127.0.0.1", "--port", "-1"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  for await (const line of createInterface(child.stderr)) {
    const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stderr.resume();
    return { port: Number(port), stop: () => stop(child) };
  }
  throw new Error("nats-server ended before it listened");
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill();
  await ended;
}
