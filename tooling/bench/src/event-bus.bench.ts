import { join } from "node:path";
import { EventBus, type EventBusOptions } from "@gaiaftcl/event-bus";
import { discard } from "@gaiaftcl/event-bus/memory";
import { redisStreams } from "@gaiaftcl/event-bus/redis";
import { LinePeer, RedisServer } from "@gaiaftcl/peers";
import { ensurePeers } from "../../bootstrap/peers.mjs";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  type Comparison,
  compareRates,
  percentile,
} from "./benchmark.ts";

const peerName = "net-mesh 0.19.0 (Python wheel)";
const peerScript = join(import.meta.dirname, "..", "..", "interop", "python", "event_bus_bench.py");
const COUNT = 100_000;
/** 36 bytes each. */
const texts: readonly string[] = Array.from(
  { length: COUNT },
  (_, i) => JSON.parse(JSON.stringify(`{"token": "hello", "index": ${1_000_000 + i}}`)) as string,
);

/** The wheel in a process of its own, doing one task at a time. */
class Wheel implements AsyncDisposable {
  readonly #peer: LinePeer;

  private constructor(python: string) {
    this.#peer = new LinePeer(python, [peerScript]);
  }

  static async start(): Promise<Wheel> {
    return new Wheel((await ensurePeers(["python"])).python);
  }

  ask<T>(task: string, ...args: readonly unknown[]): Promise<T> {
    return this.#peer.ask({ task, args });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer[Symbol.asyncDispose]();
  }
}

/**
 * Seconds until a fresh bus has taken in `expected` events and its adapter has got every one of
 * them. The wheel's clock stops when it has accepted the last, whatever is still in its rings.
 */
async function timed(
  options: EventBusOptions,
  expected: number,
  work: (bus: EventBus) => void,
): Promise<number> {
  const bus = new EventBus(options);
  const start = performance.now();
  work(bus);
  const { ingested, delivered } = await bus.close();
  const elapsed = (performance.now() - start) / 1_000;
  if (ingested !== expected || delivered !== expected) {
    throw new Error(`${delivered} of ${expected} events got through`);
  }
  return elapsed;
}

/** Events per second in the median of several turns. */
function medianRate(events: number, seconds: readonly number[]): number {
  return events / percentile(seconds, 0.5);
}

interface Contest {
  readonly name: string;
  readonly task: string;
  readonly shards: number;
  readonly target: number;
  readonly rounds: number;
  readonly work: (bus: EventBus, rounds: number) => void;
}

const batches = Array.from({ length: COUNT / 1_000 }, (_, i) =>
  texts.slice(i * 1_000, (i + 1) * 1_000),
);
const values = texts.map((_, i) => ({ token: "hello", index: 1_000_000 + i }));

function single(bus: EventBus, rounds: number): void {
  for (let round = 0; round < rounds; round += 1) for (const text of texts) bus.ingestRaw(text);
}

function batched(bus: EventBus, rounds: number): void {
  for (let round = 0; round < rounds; round += 1) {
    for (const batch of batches) bus.ingestRawBatch(batch);
  }
}

function objects(bus: EventBus, rounds: number): void {
  for (let round = 0; round < rounds; round += 1) for (const value of values) bus.ingest(value);
}

const contests: readonly Contest[] = [
  ...[1, 2, 8].map((shards) => ({
    name: `ingestRaw, 36 B, ${shards} shard${shards > 1 ? "s" : ""}`,
    task: "ingest_raw",
    shards,
    target: shards === 1 ? 4 : 2,
    rounds: 10,
    work: single,
  })),
  ...[1, 8].map((shards) => ({
    name: `ingestRawBatch of 1,000, 36 B, ${shards} shard${shards > 1 ? "s" : ""}`,
    task: "ingest_batch",
    shards,
    target: 4,
    rounds: 20,
    work: batched,
  })),
  {
    name: "ingest(object), 2 shards",
    task: "ingest_dict",
    shards: 2,
    target: 6,
    rounds: 2,
    work: objects,
  },
];

const ingesting: Benchmark = {
  name: "taking events in, both discarding them",
  async run({ quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
    await using wheel = await Wheel.start();
    const comparisons: Comparison[] = [];
    for (const { name, task, shards, target, rounds, work } of contests) {
      const each = quick ? 1 : rounds;
      const [ours, stored, theirs]: [number[], number[], number[]] = [[], [], []];
      const count = COUNT * each;
      const load = (bus: EventBus): void => work(bus, each);
      for (let turn = 0; turn < (quick ? 2 : 7); turn += 1) {
        ours.push(await timed({ numShards: shards, adapter: discard() }, count, load));
        theirs.push(await wheel.ask<number>(task, shards, each));
      }
      for (let turn = 0; turn < (quick ? 2 : 4); turn += 1) {
        stored.push(await timed({ numShards: shards }, count, load));
      }
      const [mine, its] = [medianRate(count, ours), medianRate(count, theirs)];
      comparisons.push(compareRates(name, peerName, mine, its, { target }));
      log(
        `${name}: into a memory store, ${(medianRate(count, stored) / 1e6).toFixed(2)} million/s`,
      );
    }
    return { comparisons };
  },
};

const polling: Benchmark = {
  name: "a Redis Stream of 36 B events",
  async run({ quick }: BenchmarkContext): Promise<BenchmarkResult> {
    await using redis = await RedisServer.run();
    await using wheel = await Wheel.start();
    const comparisons: Comparison[] = [];
    for (const shards of [1, 2, 8]) {
      const prefix = `bench${shards}`;
      await wheel.ask<number>("store", shards, redis.url, prefix);
      for (const limit of quick ? [1_000] : [100, 1_000, 10_000]) {
        const [ours, theirs]: [number[], number[]] = [[], []];
        for (let turn = 0; turn < (quick ? 2 : 7); turn += 1) {
          ours.push(await pollAll(redis.url, prefix, shards, limit));
          const [seconds, count] = await wheel.ask<[number, number]>(
            "poll",
            shards,
            limit,
            redis.url,
            prefix,
          );
          if (count !== COUNT) throw new Error(`the wheel polled ${count} events`);
          theirs.push(seconds);
        }
        const [mine, its] = [medianRate(COUNT, ours), medianRate(COUNT, theirs)];
        const name = `poll, limit ${limit}, ${shards} shard${shards > 1 ? "s" : ""}`;
        comparisons.push(compareRates(name, peerName, mine, its, { target: 1.5 }));
      }
    }
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let turn = 0; turn < (quick ? 2 : 7); turn += 1) {
      const bus = new EventBus({
        numShards: 8,
        adapter: redisStreams({ url: redis.url, prefix: "ours" }),
      });
      await bus.ready();
      const start = performance.now();
      for (const batch of batches) bus.ingestRawBatch(batch);
      await bus.close({ timeoutMs: 60_000 });
      ours.push((performance.now() - start) / 1_000);
      theirs.push(await wheel.ask<number>("store", 8, redis.url, "theirs"));
    }
    const [mine, its] = [medianRate(COUNT, ours), medianRate(COUNT, theirs)];
    comparisons.push(compareRates("store until closed, 8 shards", peerName, mine, its));
    return { comparisons };
  },
};

async function pollAll(
  url: string,
  prefix: string,
  numShards: number,
  limit: number,
): Promise<number> {
  const bus = new EventBus({ numShards, adapter: redisStreams({ url, prefix }) });
  await bus.ready();
  const start = performance.now();
  let count = 0;
  let bytes = 0;
  let cursor: string | null = null;
  for (let hasMore = true; hasMore; ) {
    const response = await bus.poll({ limit, cursor });
    for (const { raw } of response.events) bytes += raw.length;
    count += response.events.length;
    cursor = response.nextId;
    hasMore = response.hasMore;
  }
  const elapsed = (performance.now() - start) / 1_000;
  await bus.close();
  if (count !== COUNT || bytes !== COUNT * 36) throw new Error(`polled ${count} events`);
  return elapsed;
}

const latency: Benchmark = {
  name: "one event through the memory store",
  async run({ quick }: BenchmarkContext): Promise<BenchmarkResult> {
    const bus = new EventBus({ numShards: 1 });
    await using stream = bus.events();
    const samples: number[] = [];
    const count = quick ? 2_000 : 50_000;
    for (let i = 0; i < count; i += 1) {
      const next = stream.next();
      // The reader waits; the producer runs in a turn of its own, as it does in a program.
      await new Promise(setImmediate);
      const start = performance.now();
      bus.ingestRaw(texts[i % COUNT] as string);
      await next;
      samples.push((performance.now() - start) * 1_000);
    }
    const settled = samples.slice(Math.floor(count / 5));
    await bus.close();
    return {
      comparisons: [],
      figures: [
        { name: "latency, median", value: percentile(settled, 0.5), unit: "µs" },
        {
          name: "latency, p99",
          value: percentile(settled, 0.99),
          unit: "µs",
          target: "under 50 µs",
        },
      ],
    };
  },
};

const memory: Benchmark = {
  name: "a million events of 36 B queued before a backend that does not answer",
  async run({ quick }: BenchmarkContext): Promise<BenchmarkResult> {
    const count = quick ? 100_000 : 1_000_000;
    const script = join(import.meta.dirname, "event-bus-memory-process.ts");
    await using ours = new LinePeer(process.execPath, ["--expose-gc", script, String(count)]);
    const queued = await ours.next<number>();
    const mebibytes = (bytes: number): number => (bytes / 2 ** 20) * (1_000_000 / count);
    await using redis = await RedisServer.run();
    await using wheel = await Wheel.start();
    await wheel.ask("open_queue", redis.url);
    redis.signal("SIGSTOP");
    const theirs = await wheel.ask<number>("queue", count);
    return {
      comparisons: [],
      figures: [
        {
          name: "memory, ours",
          value: mebibytes(queued),
          unit: "MiB",
          target: "at most 60 MiB",
        },
        { name: `memory, ${peerName}`, value: mebibytes(theirs), unit: "MiB" },
      ],
    };
  },
};

export const benchmarks: Benchmark[] = [ingesting, polling, latency, memory];
