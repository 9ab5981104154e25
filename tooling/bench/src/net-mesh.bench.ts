import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
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
import { dropping } from "./net-mesh-dropping.ts";
import { flooding } from "./net-mesh-flooding.ts";
import { type Kind, NodeProcess } from "./net-mesh-nodes.ts";

const peerName = "net-mesh 0.19.0 (Python wheel)";
/** Two nodes of one kind with a session, in two processes. */
class Pair implements AsyncDisposable {
  readonly from: NodeProcess;
  readonly to: NodeProcess;

  private constructor(from: NodeProcess, to: NodeProcess) {
    this.from = from;
    this.to = to;
  }

  static async start(kind: Kind): Promise<Pair> {
    const [from, to] = await Promise.all([NodeProcess.start(kind), NodeProcess.start(kind)]);
    const accepted = kind === "wheel" ? to.ask("accept", from.me.nodeId) : undefined;
    if (kind === "wheel") await delay(200);
    await from.ask("connect", to.me.address, to.me.publicKey, to.me.nodeId);
    await accepted;
    return new Pair(from, to);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.from[Symbol.asyncDispose]();
    await this.to[Symbol.asyncDispose]();
  }
}

interface Flow {
  /** Received events per second, from the first call to the receipt of the last event. */
  readonly rate: number;
  readonly lost: number;
}

interface Contest {
  readonly name: string;
  readonly target: number;
  readonly size: number;
  readonly perCall: number;
  readonly events: number;
}

/** The wheel's default. With more it is no faster, and loses packets, whose credit never comes back. */
const SAME_WINDOW = 64 * 1024;
/** Ours, left to itself: what the receiver announces. */
const OWN_WINDOW = 0;

const contests: readonly Contest[] = [
  { name: "64 B, 64 a call", target: 1.2, size: 64, perCall: 64, events: 3_200_000 },
  { name: "64 B, one a call", target: 5, size: 64, perCall: 1, events: 320_000 },
  { name: "1 KB, 7 a call", target: 1, size: 1024, perCall: 7, events: 420_000 },
];

let streams = 0;

async function flow(
  pair: Pair,
  { size, perCall }: Contest,
  events: number,
  window: number,
): Promise<Flow> {
  const count = Math.floor(events / perCall) * perCall;
  streams += 1;
  const receipt = pair.to.ask<{ received: number; last: number | null }>("receive", count, 3);
  const { start } = await pair.from.ask<{ start: number }>(
    "send",
    pair.to.me.nodeId,
    streams,
    count,
    size,
    perCall,
    window,
  );
  const { received, last } = await receipt;
  if (last === null) throw new Error("nothing arrived");
  return { rate: received / ((last - start) / 1e9), lost: count - received };
}

const throughput: Benchmark = {
  name: "events from one process to another over loopback, counted where they arrive",
  async run({ quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
    const comparisons: Comparison[] = [];
    await using ours = await Pair.start("ours");
    await using theirs = await Pair.start("wheel");
    for (const contest of contests) {
      const events = quick ? contest.events / 10 : contest.events;
      const rates: Record<Kind, number[]> = { ours: [], wheel: [] };
      const own: number[] = [];
      let lost = 0;
      await flow(ours, contest, events / 4, OWN_WINDOW);
      await flow(theirs, contest, events / 4, SAME_WINDOW);
      for (let round = 0; round < (quick ? 3 : 7); round += 1) {
        rates.ours.push((await flow(ours, contest, events, SAME_WINDOW)).rate);
        const its = await flow(theirs, contest, events, SAME_WINDOW);
        rates.wheel.push(its.rate);
        lost += its.lost;
        own.push((await flow(ours, contest, events, OWN_WINDOW)).rate);
      }
      const [mine, its] = [median(rates.ours), median(rates.wheel)];
      comparisons.push(
        compareRates(`${contest.name}, windows of 64 KiB`, peerName, mine, its, {
          target: contest.target,
        }),
      );
      const whole = `${contest.name}, each with its default window`;
      comparisons.push(compareRates(whole, peerName, median(own), its, { target: contest.target }));
      log(
        `${contest.name}: ours ${spread(rates.ours)}, with its own window ${spread(own)}; wheel ${spread(rates.wheel)}, which lost ${lost}; load ${load()}`,
      );
    }
    return { comparisons };
  },
};

const latency: Benchmark = {
  name: "one event of 64 B at a time, from the call to the application at the other end",
  async run({ quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
    const count = quick ? 300 : 2000;
    const figures: Figure[] = [];
    const p50: Partial<Record<Kind, number>> = {};
    for (const kind of ["ours", "wheel"] as const) {
      await using pair = await Pair.start(kind);
      const receipt = pair.to.ask<number[]>("receive_stamps", count);
      await pair.from.ask("send_stamps", pair.to.me.nodeId, 1, count, 0.002);
      const samples = (await receipt).slice(Math.floor(count / 10));
      p50[kind] = percentile(samples, 0.5);
      const whose = kind === "ours" ? "ours" : peerName;
      figures.push(
        { name: `one-way latency, median, ${whose}`, value: percentile(samples, 0.5), unit: "µs" },
        { name: `one-way latency, p99, ${whose}`, value: percentile(samples, 0.99), unit: "µs" },
      );
    }
    log(`500 a second; load ${load()}`);
    return {
      comparisons: [
        compareDurations("one-way latency, median", peerName, p50.ours ?? 0, p50.wheel ?? 0, {
          unit: "µs",
        }),
      ],
      figures,
    };
  },
};

/**
 * Handshakes that warm a process up: what has run seldom is not compiled, or not optimised yet. The wheel
 * is compiled, and now and then misses a first message, which is less likely with few.
 */
const UNCOUNTED: Readonly<Record<Kind, number>> = { ours: 100, wheel: 20 };

/** Seconds that so many handshakes take, each begun when the one before is done. */
async function oneAfterAnother(
  kind: Kind,
  count: number,
  log: BenchmarkContext["log"],
  triesLeft = 4,
): Promise<number> {
  await using to = await NodeProcess.start(kind);
  await using from = await NodeProcess.start(kind);
  const ids = await from.ask<string[]>("prepare", UNCOUNTED[kind] + count);
  const { address, publicKey, nodeId } = to.me;
  const accepted = kind === "wheel" ? to.ask("accept_each", ids) : undefined;
  if (kind === "wheel") await delay(200);
  const connected = from.ask<number>("connect_each", address, publicKey, nodeId, UNCOUNTED[kind]);
  try {
    const [nanoseconds] = await Promise.all([connected, accepted]);
    return nanoseconds / 1e9;
  } catch (error) {
    if (kind === "ours" || triesLeft === 0) throw error;
    log("the wheel missed a first message; once more");
    return oneAfterAnother(kind, count, log, triesLeft - 1);
  }
}

const handshakes: Benchmark = {
  name: "handshakes of nodes in one process with a node in another",
  async run({ quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
    const count = quick ? 40 : 100;
    const seconds: Record<Kind, number[]> = { ours: [], wheel: [] };
    const together: number[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round += 1) {
      for (const kind of ["ours", "wheel"] as const) {
        seconds[kind].push(await oneAfterAnother(kind, count, log));
      }
      await using to = await NodeProcess.start("ours");
      await using from = await NodeProcess.start("ours");
      await from.ask("prepare", 5 * count);
      const { address, publicKey, nodeId } = to.me;
      together.push((await from.ask<number>("connect_all", address, publicKey, nodeId)) / 1e9);
    }
    const [mine, its] = [median(seconds.ours), median(seconds.wheel)];
    log(`load ${load()}`);
    return {
      comparisons: [compareRates("one after another", peerName, count / mine, count / its)],
      figures: [
        {
          name: `${5 * count} at once, ours`,
          value: (5 * count) / median(together),
          unit: "handshakes/s",
        },
      ],
    };
  },
};

interface Usage {
  readonly cpu: number;
  readonly rss: number;
  readonly peers: number;
}

const idle: Benchmark = {
  name: "a node with idle peers, heartbeats every 5 s",
  async run({ quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
    const count = quick ? 100 : 1000;
    const figures: Figure[] = [];
    for (const kind of ["ours", "wheel"] as const) {
      await using hub = await NodeProcess.start(kind);
      if (kind === "wheel") await hub.ask("serve");
      // The peers are ours in both cases: a thousand nodes of the wheel do not fit on a machine.
      await using around = await NodeProcess.start("ours");
      await around.ask("prepare", count);
      const before = await hub.ask<Usage>("usage");
      const { address, publicKey, nodeId } = hub.me;
      await around.ask("connect_each", address, publicKey, nodeId);
      await delay(2000);
      const begun = await hub.ask<Usage>("usage");
      const seconds = quick ? 5 : 20;
      await delay(seconds * 1000);
      const ended = await hub.ask<Usage>("usage");
      if (ended.peers < count) throw new Error(`${ended.peers} of ${count} peers stayed`);
      const whose = kind === "ours" ? "ours" : peerName;
      figures.push(
        {
          name: `CPU for 1,000 idle peers, ${whose}`,
          value: ((ended.cpu - begun.cpu) / seconds) * 100 * (1000 / count),
          unit: "% of a core",
        },
        {
          name: `memory of 1,000 idle peers, ${whose}`,
          value: ((ended.rss - before.rss) / 2 ** 20) * (1000 / count),
          unit: "MiB",
        },
      );
    }
    log(`load ${load()}`);
    return { comparisons: [], figures };
  },
};

export const benchmarks: Benchmark[] = [throughput, latency, handshakes, idle, dropping, flooding];

function spread(rates: readonly number[]): string {
  const thousands = rates.map((rate) => Math.round(rate / 1000));
  return `${Math.min(...thousands)}–${Math.max(...thousands)} thousand/s`;
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
