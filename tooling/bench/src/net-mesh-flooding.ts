import { loadavg } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LinePeer } from "@gaiaftcl/peers";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  type Comparison,
  compareDurations,
  type Figure,
  percentile,
} from "./benchmark.ts";
import { hostileKinds } from "./net-mesh-hostile.ts";
import { NodeProcess, PSK } from "./net-mesh-nodes.ts";

const script = join(import.meta.dirname, "net-mesh-flood-process.ts");
const SOURCES = 64;
const EVENTS_PER_SECOND = 100;
const NEWCOMERS = 5;

interface Usage {
  readonly cpu: number;
  readonly rss: number;
  readonly dropped: number;
  readonly delayP99: number;
}

interface Flood {
  readonly kind: string;
  readonly seconds: number;
  /** As many as can be sent if absent. */
  readonly perSecond?: number;
}

interface Sent {
  readonly sent: number;
  readonly seconds: number;
}

/** One process that sends what is hostile. */
class Flooder extends LinePeer {
  static async start(): Promise<Flooder> {
    const flooder = new Flooder(process.execPath, [script, PSK]);
    await flooder.next();
    return flooder;
  }

  flood({ kind, seconds, perSecond }: Flood, to?: string): Promise<Sent> {
    const args = [kind, seconds, SOURCES, perSecond ?? null, ...(to === undefined ? [] : [to])];
    return this.ask({ task: "flood", args });
  }
}

/** What a node did with a flood. */
interface Endured {
  /** Microseconds of CPU for each datagram that was dropped. */
  readonly each: number;
  readonly dropsPerSecond: number;
}

/** A node, a peer of it, others that connect, and somebody who floods it, all in processes of their own. */
class Siege implements AsyncDisposable {
  readonly #home: NodeProcess;
  readonly #friend: NodeProcess;
  readonly #newcomers: NodeProcess;
  readonly #flooder: Flooder;
  readonly #log: (line: string) => void;
  #stream = 100;

  private constructor(nodes: readonly NodeProcess[], flooder: Flooder, log: (_: string) => void) {
    [this.#home, this.#friend, this.#newcomers] = nodes as [NodeProcess, NodeProcess, NodeProcess];
    this.#flooder = flooder;
    this.#log = log;
  }

  static async start(log: (line: string) => void): Promise<Siege> {
    const nodes = await Promise.all([1, 2, 3].map(() => NodeProcess.start("guarded")));
    const siege = new Siege(nodes, await Flooder.start(), log);
    const { address, publicKey, nodeId } = siege.#home.me;
    await siege.#friend.ask("connect", address, publicKey, nodeId);
    await siege.#flooder.ask({ task: "join", args: [siege.#home.me] });
    return siege;
  }

  async endure(flood: Flood): Promise<Endured> {
    const { address, publicKey, nodeId } = this.#home.me;
    this.#stream += 1;
    await this.#newcomers.ask("prepare", NEWCOMERS);
    const before = await this.#home.ask<Usage>("usage");
    const count = flood.seconds * EVENTS_PER_SECOND;
    const receipt = this.#home.ask<number[]>("receive_stamps", count, this.#stream);
    const flooding = this.#flooder.flood(flood);
    await delay(200);
    const trickle = this.#friend.ask(
      "send_stamps",
      nodeId,
      this.#stream,
      count,
      1 / EVENTS_PER_SECOND,
    );
    const connecting = await this.#newcomers.ask<number>(
      "connect_each",
      address,
      publicKey,
      nodeId,
    );
    const { sent, seconds } = await flooding;
    await trickle;
    const latencies = await receipt;
    const after = await this.#home.ask<Usage>("usage");
    const dropped = after.dropped - before.dropped;
    this.#log(
      [
        `${flood.kind}: ${whole(sent / seconds)}/s sent, ${whole(dropped / seconds)}/s dropped`,
        `event loop late by ${after.delayP99.toFixed(1)} ms (p99)`,
        `${((after.rss - before.rss) / 2 ** 20).toFixed(1)} MiB more`,
        `${latencies.length} of the peer's ${count} events came, ${milliseconds(latencies, 0.5)} (median), ${milliseconds(latencies, 0.99)} (p99)`,
        `${NEWCOMERS} handshakes in ${whole(connecting / 1e6)} ms`,
        `load ${(loadavg()[0] ?? 0).toFixed(1)}`,
      ].join("; "),
    );
    return {
      each: ((after.cpu - before.cpu) / dropped) * 1e6,
      dropsPerSecond: dropped / seconds,
    };
  }

  /** Microseconds of CPU that a socket takes for each datagram, with nothing behind it. */
  async bareSocket(flood: Flood): Promise<number> {
    await using bare = await Flooder.start();
    const address = await bare.ask<string>({ task: "listen", args: [] });
    await this.#flooder.flood(flood, address);
    const { received, cpu } = await bare.ask<{ received: number; cpu: number }>({
      task: "listened",
      args: [],
    });
    return (cpu / received) * 1e6;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of [this.#home, this.#friend, this.#newcomers, this.#flooder]) {
      await one[Symbol.asyncDispose]();
    }
  }
}

/** What a node does with hostile datagrams, the socket included. */
export const flooding: Benchmark = {
  name: "hostile datagrams sent to a node over UDP, while a peer sends events and others connect",
  async run({ quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
    const comparisons: Comparison[] = [];
    const figures: Figure[] = [];
    const seconds = quick ? 1 : 3;
    await using siege = await Siege.start(log);
    for (const kind of Object.keys(hostileKinds)) {
      const bare = await siege.bareSocket({ kind, seconds });
      const { each, dropsPerSecond } = await siege.endure({ kind, seconds });
      comparisons.push(
        compareDurations(
          `CPU of dropping one of ${kind}`,
          "a node:dgram socket that does nothing",
          each,
          bare,
          { unit: "µs" },
        ),
      );
      figures.push({ name: `${kind} dropped by one process`, value: dropsPerSecond, unit: "/s" });
    }
    // Below what the socket takes, so that the system has nothing to throw away.
    log("and 20,000 a second of them:");
    for (const kind of Object.keys(hostileKinds)) {
      await siege.endure({ kind, seconds, perSecond: 20_000 });
    }
    return { comparisons, figures };
  },
};

function whole(count: number): string {
  return Math.round(count).toLocaleString("en");
}

function milliseconds(latencies: readonly number[], share: number): string {
  return `${(percentile(latencies, share) / 1000).toFixed(1)} ms`;
}
