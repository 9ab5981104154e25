import { rm } from "node:fs/promises";
import { join } from "node:path";
import { LinePeer } from "@gaiaftcl/peers";
import { Redex, type RedexFile } from "@gaiaftcl/redex";
import { ensurePeers } from "../../bootstrap/peers.mjs";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  type Comparison,
  compareDurations,
  median,
} from "./benchmark.ts";

const PEER = "net-mesh 0.19.0";
const script = join(import.meta.dirname, "../../interop/python/redex_bench.py");
const small = new Uint8Array(32).fill(120);
const large = new Uint8Array(1_024).fill(120);
const batch = Array.from({ length: 64 }, () => small);

/** The wheel in a process of its own; it measures itself, so that the pipe costs it nothing. */
class Wheel implements AsyncDisposable {
  readonly #peer: LinePeer;

  constructor(python: string, directory: string) {
    this.#peer = new LinePeer(python, [script, directory]);
  }

  /** Microseconds an operation. */
  measure(work: string, argument: number | string): Promise<number> {
    return this.#peer.ask([work, argument]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }
}

interface Contest {
  readonly name: string;
  readonly work: string;
  readonly count: number;
  readonly persistent?: boolean;
  readonly target: number;
  readonly ours: (file: RedexFile, count: number) => unknown;
}

const contests: readonly Contest[] = [
  {
    name: "append, 32 B, memory",
    work: "append32",
    count: 100_000,
    target: 1,
    ours: (file, count) => {
      for (let n = 0; n < count; n += 1) file.append(small);
    },
  },
  {
    name: "append, 1 KB, memory",
    work: "append1k",
    count: 20_000,
    target: 1,
    ours: (file, count) => {
      for (let n = 0; n < count; n += 1) file.append(large);
    },
  },
  {
    name: "batch of 64 x 32 B, memory",
    work: "batch",
    count: 5_000,
    target: 1,
    ours: (file, count) => {
      for (let n = 0; n < count; n += 1) file.appendBatch(batch);
    },
  },
  {
    name: "append, 32 B, persistent, no fsync",
    work: "persistent",
    count: 30_000,
    persistent: true,
    target: 1,
    ours: (file, count) => {
      for (let n = 0; n < count; n += 1) file.append(small);
    },
  },
  {
    name: "append and fsync, one writer",
    work: "sync",
    count: 100,
    persistent: true,
    target: 1,
    ours: async (file, count) => {
      for (let n = 0; n < count; n += 1) await file.appendDurable(small);
    },
  },
  {
    name: "append and fsync, 64 writers in group commit against one at a time",
    work: "sync",
    count: 100,
    persistent: true,
    target: 10,
    ours: (file, count) =>
      Promise.all(
        batch.map(async () => {
          for (let n = 0; n < count / 4; n += 1) await file.appendDurable(small);
        }),
      ),
  },
  {
    name: "append, then next of a tail, one thread",
    work: "tail",
    count: 20_000,
    target: 1,
    ours: async (file, count) => {
      const tail = file.tail(0);
      for (let n = 0; n < count; n += 1) {
        file.append(small);
        await tail.next();
      }
      await tail.return();
    },
  },
  {
    name: "append, then poll of a tail, one thread",
    work: "tail",
    count: 20_000,
    target: 1,
    ours: (file, count) => {
      const tail = file.tail(0);
      for (let n = 0; n < count; n += 1) {
        file.append(small);
        tail.poll();
      }
      return tail.return();
    },
  },
  {
    name: "append until a reader parked in the tail has it",
    work: "parked",
    count: 400,
    target: 5,
    ours: async (file, count) => {
      const tail = file.tail(0);
      for (let n = 0; n < count; n += 1) {
        const next = tail.next();
        file.append(small);
        await next;
      }
      await tail.return();
    },
  },
];

async function appending({ directory, quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
  const { python } = await ensurePeers(["python"]);
  await using wheel = new Wheel(python, join(directory, "theirs"));
  await using disk = await Redex.open(join(directory, "ours"));
  const rounds = quick ? 3 : 9;
  const comparisons: Comparison[] = [];
  for (const contest of contests) {
    const count = quick ? Math.ceil(contest.count / 20) : contest.count;
    const ours: number[] = [];
    const theirs: number[] = [];
    // The group commit does sixteen times as many operations.
    const operations = contest.target === 10 ? 64 * Math.ceil(count / 4) : count;
    for (let round = 0; round < rounds + 2; round += 1) {
      const memory = await Redex.open();
      const redex = contest.persistent === true ? disk : memory;
      const file = await redex.openFile(`${contests.indexOf(contest)}/${round}`);
      const start = performance.now();
      await contest.ours(file, count);
      const elapsed = ((performance.now() - start) * 1_000) / operations;
      await file.close();
      const peer = await wheel.measure(contest.work, count);
      if (round < 2) continue;
      ours.push(elapsed);
      theirs.push(peer);
    }
    log(
      `${contest.name}: ours ${median(ours).toFixed(3)} µs, theirs ${median(theirs).toFixed(3)} µs`,
    );
    comparisons.push(
      compareDurations(contest.name, PEER, median(ours), median(theirs), {
        unit: "µs",
        target: contest.target,
      }),
    );
  }
  return { comparisons };
}

async function opening({ directory, quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
  const { python } = await ensurePeers(["python"]);
  const events = quick ? 200_000 : 10_000_000;
  const root = join(directory, "large");
  {
    await using redex = await Redex.open(root);
    const file = await redex.openFile("log");
    const chunk = Array.from({ length: 10_000 }, () => small);
    for (let n = 0; n < events; n += chunk.length) file.appendBatch(chunk);
  }
  const ours: { readonly ms: number; readonly events: number; readonly bytes: number }[] = [];
  const theirs: number[] = [];
  await using wheel = new Wheel(python, join(directory, "theirs"));
  for (let round = 0; round < 3; round += 1) {
    const process_ = join(import.meta.dirname, "redex-open-process.ts");
    await using opening = new LinePeer(process.execPath, ["--expose-gc", process_, root]);
    ours.push(await opening.next());
    theirs.push((await wheel.measure("open", root)) / 1_000);
  }
  await rm(root, { recursive: true });
  const bytes = median(ours.map((each) => each.bytes)) / events;
  const milliseconds = median(ours.map(({ ms }) => ms));
  log(`open ${events} events: ${milliseconds.toFixed(0)} ms, ${bytes.toFixed(1)} B each`);
  return {
    comparisons: [
      compareDurations(`open a log of ${events} events`, PEER, milliseconds, median(theirs)),
    ],
    figures: [
      {
        name: `open a log of ${events} events`,
        value: milliseconds,
        unit: "ms",
        target: "below 2,000 ms for 10 million",
      },
      {
        name: "memory for each event of an open persistent log, 32 B payload",
        value: bytes,
        unit: "B",
        target: "that of the index only",
      },
    ],
  };
}

export const benchmarks: readonly Benchmark[] = [
  { name: "append and tail", run: appending },
  { name: "open", run: opening },
];
