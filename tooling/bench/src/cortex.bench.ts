import { join } from "node:path";
import { type TaskFilter, TasksAdapter } from "@gaiaftcl/cortex";
import { LinePeer } from "@gaiaftcl/peers";
import { Redex } from "@gaiaftcl/redex";
import { ensurePeers } from "../../bootstrap/peers.mjs";
import { type Benchmark, compareDurations, median } from "./benchmark.ts";

const peer = "net-mesh 0.19.0";
const script = join(import.meta.dirname, "../../interop/python/cortex_bench.py");
const burst = 500;

const queries = {
  list: {},
  completed: { status: "completed" },
  contains: { titleContains: "NUMBER 77" },
  top10: { orderBy: "created_desc", limit: 10 },
} as const satisfies Record<string, TaskFilter>;

async function fresh(): Promise<TasksAdapter> {
  const log = await (await Redex.open()).openFile("cortex/tasks");
  return TasksAdapter.open(log, { originHash: 7n });
}

/** Microseconds of one call. */
function timed(call: () => unknown, count = 1): number {
  const start = performance.now();
  call();
  return ((performance.now() - start) * 1000) / count;
}

function medianOf(rounds: number, sample: () => number): number {
  return median(Array.from({ length: rounds }, sample));
}

async function create(tasks: TasksAdapter): Promise<number> {
  const samples: number[] = [];
  let id = BigInt(tasks.count());
  for (let round = 0; round < 10; round += 1) {
    let last = 0n;
    samples.push(
      timed(() => {
        for (let count = 0; count < burst; count += 1, id += 1n) {
          last = tasks.create(id, "task number", id);
        }
      }, burst),
    );
    await tasks.waitForSeq(last);
  }
  return median(samples);
}

async function createAndWait(): Promise<number> {
  const tasks = await fresh();
  const samples: number[] = [];
  // The clock of this runtime is too coarse for one call, and its promises are part of the price.
  for (let round = 0; round < 40; round += 1) {
    const start = performance.now();
    for (let count = 0; count < 50; count += 1) {
      const id = BigInt(round * 50 + count);
      await tasks.waitForSeq(tasks.create(id, "task number", id));
    }
    samples.push(((performance.now() - start) * 1000) / 50);
  }
  return median(samples);
}

async function fill(rows: number): Promise<TasksAdapter> {
  const tasks = await fresh();
  for (let id = 0; id < rows; id += 1) {
    tasks.create(BigInt(id), `task number ${id}`, BigInt((id * 7919) % rows));
  }
  for (let id = 0; id < rows; id += 3) tasks.complete(BigInt(id), BigInt(rows + id));
  return tasks;
}

const tasksModel: Benchmark = {
  name: "the tasks model: writes, queries, snapshot",
  async run({ quick, log }) {
    const rows = quick ? 1_000 : 10_000;
    const rounds = quick ? 1 : 7;
    const { python } = await ensurePeers(["python"]);
    await using reference = new LinePeer(python, [script, String(rows)], {
      encode: String,
      decode: Number,
    });
    const full = await fill(rows);
    const listed = (filter: TaskFilter) => () => medianOf(15, () => timed(() => full.list(filter)));
    const ours: Readonly<Record<string, () => number | Promise<number>>> = {
      create: async () => create(await fresh()),
      "create-and-wait": createAndWait,
      list: listed(queries.list),
      completed: listed(queries.completed),
      contains: listed(queries.contains),
      top10: listed(queries.top10),
      snapshot: () => medianOf(15, () => timed(() => full.snapshot())),
    };
    const samples = new Map(
      Object.keys(ours).map((name) => [
        name,
        { ours: [], theirs: [] } as {
          ours: number[];
          theirs: number[];
        },
      ]),
    );
    for (let round = 0; round < rounds + 1; round += 1) {
      for (const [name, sample] of samples) {
        const own = (await ours[name]?.()) ?? Number.NaN;
        const their = await reference.ask<number>(name);
        if (round > 0) {
          sample.ours.push(own);
          sample.theirs.push(their);
        }
      }
      log(`round ${round} of ${rounds}`);
    }
    const labels: Readonly<Record<string, readonly [string, number?]>> = {
      create: ["create a task"],
      "create-and-wait": ["create a task and wait until it is folded", 5],
      list: [`list ${rows} tasks`, 4],
      completed: ["list the completed third of them", 4],
      contains: ["list those whose title contains a text", 4],
      top10: ["the 10 created last", 4],
      snapshot: ["snapshot of all"],
    };
    const comparisons = [...samples].map(([name, sample]) => {
      const [label, target] = labels[name] ?? [name];
      return compareDurations(label, peer, median(sample.ours), median(sample.theirs), {
        unit: "µs",
        ...(target === undefined ? {} : { target }),
      });
    });
    const indexed = await create(full);
    return {
      comparisons,
      figures: [
        {
          name: "create a task while every index of these queries is in use",
          value: indexed,
          unit: "µs",
        },
      ],
    };
  },
};

export const benchmarks: readonly Benchmark[] = [tasksModel];
