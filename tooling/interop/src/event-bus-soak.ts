// Load on a memory bus, a Redis bus and a JetStream bus at once, with readers on each, for as long
// as is asked for: node --expose-gc src/event-bus-soak.ts --seconds 300
// Ends with 0 when nothing was lost and the memory stayed flat.
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type EventAdapter, EventBus } from "@gaiaftcl/event-bus";
import { jetStream } from "@gaiaftcl/event-bus/jetstream";
import { memoryStore } from "@gaiaftcl/event-bus/memory";
import { redisStreams } from "@gaiaftcl/event-bus/redis";
import { durableRedis, jetStreamServer } from "./event-bus-peers.ts";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "300" } } });
const durationMs = Number(values.seconds) * 1_000;
const SAMPLES = 20;
const MIB = 2 ** 20;

/** One bus, a producer that keeps it busy, and a reader that has to get everything. */
class Load {
  readonly name: string;
  produced = 0;
  received = 0;
  missed = 0;
  readonly #bus: EventBus;
  readonly #perTurn: number;
  readonly #end: AbortController = new AbortController();
  readonly #producing: Promise<unknown>;
  readonly #consuming: Promise<void>;
  #isStopping = false;

  constructor(name: string, adapter: EventAdapter, perTurn: number) {
    this.name = name;
    this.#perTurn = perTurn;
    this.#bus = new EventBus({ numShards: 4, adapter, backpressure: "failProducer" });
    this.#producing = Promise.all([this.#produce(), this.#poll()]);
    this.#consuming = this.#consume();
  }

  async stop(): Promise<string> {
    this.#isStopping = true;
    await this.#producing;
    for (let i = 0; i < 3_000 && this.received + this.missed < this.produced; i += 1) {
      await delay(10);
    }
    this.#end.abort();
    await this.#consuming;
    const { ingested, delivered, failed, evicted, undelivered } = await this.#bus.close();
    const isWhole =
      ingested === this.produced &&
      delivered === this.produced &&
      failed + evicted + undelivered === 0 &&
      this.received + this.missed === this.produced;
    return `${isWhole ? "ok" : "LOST"} ${this.name}: ${this.produced} produced, ${this.received} received, ${this.missed} missed`;
  }

  async #produce(): Promise<void> {
    while (!this.#isStopping) {
      for (let i = 0; i < this.#perTurn; i += 1) {
        this.#bus.ingest({ kind: this.produced % 10, index: this.produced, text: "héllo" });
        this.produced += 1;
      }
      await this.#bus.writable();
      await delay(5);
    }
    await this.#bus.flush();
  }

  async #consume(): Promise<void> {
    await using stream = this.#bus.events({ signal: this.#end.signal });
    while (!(await stream.next()).done) {
      this.received += 1;
      this.missed = stream.missed;
    }
  }

  async #poll(): Promise<void> {
    let cursor: string | null = null;
    while (!this.#isStopping) {
      const filter = '{"$and":[{"path":"kind","value":3},{"$not":{"path":"text","value":"x"}}]}';
      const response = await this.#bus.poll({ limit: 500, cursor, filter });
      cursor = response.nextId;
      await delay(20);
    }
  }
}

await using redis = await durableRedis();
await using nats = await jetStreamServer();
const loads = [
  new Load("memory", memoryStore({ maxEvents: 50_000 }), 500),
  new Load("redis", redisStreams({ url: redis.url, maxStreamLength: 50_000 }), 100),
  new Load("jetstream", jetStream({ url: nats.url, maxMessages: 50_000 }), 20),
];
const samples: number[] = [];
for (let sample = 1; sample <= SAMPLES; sample += 1) {
  await delay(durationMs / SAMPLES);
  globalThis.gc?.();
  const rss = process.memoryUsage().rss / MIB;
  samples.push(rss);
  const counts = loads.map(({ name, received }) => `${name} ${received}`);
  console.log(
    `${String(sample).padStart(3)}/${SAMPLES} ${rss.toFixed(1)} MiB ${counts.join(", ")}`,
  );
}
let isFine = true;
for (const load of loads) {
  const outcome = await load.stop();
  console.log(outcome);
  isFine &&= outcome.startsWith("ok");
}
// The first tenth warms up. What grows for ever is far above this after a few minutes.
const settled = samples.slice(2);
const half = Math.floor(settled.length / 2);
const [first, second] = [Math.max(...settled.slice(0, half)), Math.max(...settled.slice(half))];
const isFlat = second <= first * 1.1 + 16;
console.log(
  `${isFlat ? "ok" : "GROWING"} memory: at most ${first.toFixed(1)} MiB, then ${second.toFixed(1)} MiB`,
);
process.exitCode = isFine && isFlat ? 0 : 1;
