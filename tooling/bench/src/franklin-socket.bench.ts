import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { encodeFrame } from "@gaiaftcl/franklin-socket";
import { FranklinClient } from "@gaiaftcl/franklin-socket/client";
import { LinePeer } from "@gaiaftcl/peers";
import { openSubstrate } from "@gaiaftcl/substrate";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  type Comparison,
  compareDurations,
  compareRates,
  type Figure,
  median,
  percentile,
} from "./benchmark.ts";
import { benchOperator } from "./franklin-socket-operator.ts";

/** One round trip of some kind. */
type Trip = () => Promise<unknown>;

interface Run {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

const COLUMNS = {
  request_id: "bench-1",
  operator_context: "bench",
  method: "franklin_authority_show",
  args_json: "{}",
  status: "ok",
  outcome_json: '{"self_model_version":"1.0.0","status":"ok"}',
};

export const benchmarks: Benchmark[] = [
  {
    name: "round trip of franklin_authority_show, sealed in SQLite, client and daemon in two processes",
    run: (context) => compare(context, "database"),
  },
  {
    name: "the same, sealed in memory: what the socket alone costs",
    run: (context) => compare(context, "memory"),
  },
];

async function compare(
  context: BenchmarkContext,
  kind: "database" | "memory",
): Promise<BenchmarkResult> {
  await using daemon = await startPeer(kind, context.directory);
  await using echoPeer = await startPeer("echo", context.directory);
  await using client = await FranklinClient.connect({
    socketPath: daemon.socketPath,
    ...benchOperator,
  });
  using echo = new EchoClient(connect(echoPeer.socketPath));
  using substrate = openSubstrate(join(context.directory, "commit.sqlite"), {
    cellId: "bench",
    domainId: "bench",
  });
  const trips: Readonly<Record<"franklin" | "echo" | "commit", Trip>> = {
    franklin: () => client.request("franklin_authority_show", {}),
    echo: () => echo.send(),
    commit: async () =>
      substrate.seal("franklin_commands", { ...COLUMNS, command_id: crypto.randomUUID() }),
  };
  const comparisons: Comparison[] = [];
  const figures: Figure[] = [];
  for (const inFlight of [1, 64]) {
    const names =
      inFlight === 1 ? (["franklin", "echo", "commit"] as const) : (["franklin", "echo"] as const);
    const runs = await interleaved(context, names, trips, inFlight);
    const ours = runs.franklin;
    const what = `${inFlight} in flight`;
    comparisons.push(
      compareDurations(`p50, ${what}`, "a bare echo", ours.p50, runs.echo.p50, { unit: "µs" }),
      compareDurations(`p99, ${what}`, "a bare echo", ours.p99, runs.echo.p99, { unit: "µs" }),
    );
    if (runs.commit !== undefined) {
      comparisons.push(
        compareDurations(`p50, ${what}`, "one SQLite commit", ours.p50, runs.commit.p50, {
          unit: "µs",
        }),
        compareDurations(`p99, ${what}`, "one SQLite commit", ours.p99, runs.commit.p99, {
          unit: "µs",
        }),
      );
    }
    comparisons.push(
      compareRates(`commands, ${what}`, "a bare echo", ours.perSecond, runs.echo.perSecond),
    );
    if (inFlight === 64) {
      figures.push({
        name: "sealed commands",
        value: ours.perSecond,
        unit: "/s",
        target: "at least 1,000",
      });
    }
  }
  return { comparisons, figures };
}

type Runs<Name extends string> = Record<Name, Run> & { readonly commit?: Run };

/** Several rounds in turn, so that a drift of the machine's speed hits all alike; medians of each. */
async function interleaved<Name extends "franklin" | "echo" | "commit">(
  { quick }: BenchmarkContext,
  names: readonly Name[],
  trips: Readonly<Record<Name, Trip>>,
  inFlight: number,
): Promise<Runs<Name>> {
  const rounds = quick ? 2 : 7;
  const total = (quick ? 200 : 2000) * (inFlight === 1 ? 1 : 4);
  const results = new Map<Name, Run[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds + 1; round += 1) {
    for (const name of names) {
      const run = await measure(trips[name], total, inFlight);
      if (round > 0) results.get(name)?.push(run);
    }
  }
  const entries = names.map((name) => {
    const runs = results.get(name) ?? [];
    const middle = (pick: (run: Run) => number): number => median(runs.map(pick));
    return [
      name,
      {
        p50: middle((run) => run.p50),
        p99: middle((run) => run.p99),
        perSecond: middle((run) => run.perSecond),
      },
    ];
  });
  return Object.fromEntries(entries) as Runs<Name>;
}

/** Keeps so many trips under way until `total` are done; durations in microseconds. */
async function measure(trip: Trip, total: number, inFlight: number): Promise<Run> {
  const durations: number[] = [];
  let left = total;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (left > 0) {
        left -= 1;
        const before = performance.now();
        await trip();
        durations.push((performance.now() - before) * 1000);
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  return {
    p50: percentile(durations, 0.5),
    p99: percentile(durations, 0.99),
    perSecond: total / seconds,
  };
}

/** Sends a frame as large as a request and waits until as many bytes have come back. */
class EchoClient implements Disposable {
  readonly #socket: Socket;
  readonly #frame = encodeFrame(
    '{"args":{},"method":"franklin_authority_show","request_id":"AbCdEfGhIjKl-12345"}',
  );
  readonly #waiting: (() => void)[] = [];
  #received = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received += chunk.length;
      while (this.#received >= this.#frame.length) {
        this.#received -= this.#frame.length;
        this.#waiting.shift()?.();
      }
    });
  }

  send(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#socket.write(this.#frame);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

interface Peer extends AsyncDisposable {
  readonly socketPath: string;
}

async function startPeer(kind: string, directory: string): Promise<Peer> {
  const file = join(import.meta.dirname, "franklin-socket-process.ts");
  const peer = new LinePeer(process.execPath, [file, kind, directory], {
    encode: String,
    decode: String,
  });
  return {
    socketPath: await peer.next(),
    async [Symbol.asyncDispose]() {
      await peer.program.end("SIGTERM");
    },
  };
}
