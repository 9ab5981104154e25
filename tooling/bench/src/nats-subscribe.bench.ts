import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
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
  medianDurations,
} from "./benchmark.ts";

const TABLE = ensureSealedTable("franklin_heartbeat_history");

/** Writes a file of publications to a broker as fast as it takes them, in a process of its own. */
const PUBLISHER = `
const { connect } = require("node:net");
const { readFileSync } = require("node:fs");
const bytes = readFileSync(process.argv[1]);
const socket = connect(Number(process.argv[2]), "127.0.0.1");
socket.once("data", () => {
  socket.write('CONNECT {"verbose":false}\\r\\n');
  socket.write(bytes);
  socket.write("PING\\r\\n");
  socket.on("data", (answer) => { if (answer.includes("PONG")) socket.end(); });
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
  const file = join(context.directory, "publications");
  const eventBytes = writePublications(file, messages);
  const server = await startServer();
  const url = `nats://127.0.0.1:${server.port}`;
  try {
    const bare = async (): Promise<void> => {
      const connection = await connect({ servers: url });
      const subscription = connection.subscribe(TABLE.subject);
      await connection.flush();
      const publishing = publish(file, server.port);
      let left = messages;
      let bytes = 0;
      for await (const message of subscription) {
        bytes += message.data.byteLength;
        left -= 1;
        if (left === 0) break;
      }
      await publishing;
      await connection.close();
      if (bytes === 0) throw new Error("nothing was received");
    };
    const verified = async (): Promise<void> => {
      await using subscription = subscribe(TABLE.subject, {
        urls: url,
        buffer: { size: messages, bytes: 2 ** 30 },
        // Every row counts once in each pass.
        dedupWindow: messages,
      });
      await subscription.ready();
      const publishing = publish(file, server.port);
      let left = messages;
      for await (const { report } of subscription) {
        if (!report.ok) throw new Error(report.summary);
        left -= 1;
        if (left === 0) break;
      }
      await publishing;
    };
    const median = await medianDurations({ bare, verified }, { rounds: context.quick ? 1 : 7 });
    const rate = (ms: number): number => (messages * 1_000) / ms;
    return {
      comparisons: [
        compareRates(
          `verified subscription, rows of ${Math.round(eventBytes)} B`,
          "the bare @nats-io client",
          rate(median.verified),
          rate(median.bare),
          { unit: "messages/s", target: 0.5 },
        ),
      ],
    };
  } finally {
    await server.stop();
  }
}

async function publish(file: string, port: number): Promise<void> {
  const child = spawn(process.execPath, ["-e", PUBLISHER, file, String(port)], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`the publisher ended with ${code}`);
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
