import { createHash } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { RowRecord } from "@gaiaftcl/sealed-row";
import { measure, openSubstrate, SealQueue } from "@gaiaftcl/substrate";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  compareRates,
  median,
  percentile,
} from "./benchmark.ts";

const IDENTITY = { cellId: "bench-cell", domainId: "qc020" };

/** What the server seals for each request. */
function command(id: number): RowRecord {
  return {
    command_id: `c-${id}`,
    request_id: `r-${id}`,
    operator_context: "operator",
    method: "franklin_authority_show",
    args_json: "{}",
    status: "ok",
    outcome_json: '{"autonomy_envelope":"observe","self_model_version":"1","status":"ok"}',
  };
}

/** The same row into a plain table of the same columns, each with a flushed commit of its own. */
class BareTable implements Disposable {
  readonly #database: DatabaseSync;
  readonly #insert: (row: RowRecord) => void;

  constructor(path: string, example: RowRecord) {
    const names = Object.keys(example).filter((name) => name !== "seq");
    this.#database = new DatabaseSync(path);
    this.#database.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE bare (${names.join(", ")})`,
    );
    const insert = this.#database.prepare(
      `INSERT INTO bare VALUES (${names.map(() => "?").join(", ")})`,
    );
    this.#insert = (row): void => {
      insert.run(...names.map((name) => row[name] ?? null));
    };
  }

  commit(rows: readonly RowRecord[]): void {
    this.#database.exec("BEGIN IMMEDIATE");
    for (const row of rows) this.#insert(row);
    this.#database.exec("COMMIT");
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

async function sealing({ directory, quick }: BenchmarkContext): Promise<BenchmarkResult> {
  const rounds = quick ? 3 : 9;
  const rows = quick ? 50 : 300;
  const inFlight = 64;
  using substrate = openSubstrate(join(directory, "substrate.sqlite"), IDENTITY);
  await using queue = new SealQueue(substrate);
  let next = 0;
  const example = substrate.seal("franklin_commands", command(next));
  using bare = new BareTable(join(directory, "bare.sqlite"), example);

  const rates = { one: [] as number[], grouped: [] as number[], bare: [] as number[] };
  const latencies: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const seconds = async (run: () => Promise<void> | void): Promise<number> => {
      const start = performance.now();
      await run();
      return (performance.now() - start) / 1000;
    };
    const bareSeconds = await seconds(() => {
      for (let n = 0; n < rows; n += 1) bare.commit([example]);
    });
    rates.bare.push(rows / bareSeconds);
    const oneSeconds = await seconds(() => {
      for (let n = 0; n < rows; n += 1) {
        next += 1;
        const start = performance.now();
        substrate.seal("franklin_commands", command(next));
        latencies.push(performance.now() - start);
      }
    });
    rates.one.push(rows / oneSeconds);
    const groups = Math.ceil(rows / 4);
    const groupedSeconds = await seconds(async () => {
      for (let group = 0; group < groups; group += 1) {
        const seals = Array.from({ length: inFlight }, () => {
          next += 1;
          return queue.seal("franklin_commands", command(next));
        });
        await Promise.all(seals);
      }
    });
    rates.grouped.push((groups * inFlight) / groupedSeconds);
  }

  const peer = "a bare SQLite insert and commit of the same row";
  return {
    comparisons: [
      compareRates("sealed rows, one at a time", peer, median(rates.one), median(rates.bare), {
        unit: "rows/s",
      }),
      compareRates("sealed rows, 64 in flight", peer, median(rates.grouped), median(rates.bare), {
        unit: "rows/s",
      }),
    ],
    figures: [
      { name: "one sealed row, p50", value: percentile(latencies, 0.5), unit: "ms" },
      { name: "one sealed row, p99", value: percentile(latencies, 0.99), unit: "ms" },
      {
        name: "sealed rows, 64 in flight",
        value: median(rates.grouped),
        unit: "rows/s",
        target: "at least 1,000",
      },
    ],
  };
}

async function measuring({ quick }: BenchmarkContext): Promise<BenchmarkResult> {
  const nonceCount = quick ? 8192 : 65_536;
  const seedHex = "5a".repeat(32);
  const plain = (): void => {
    const header = Buffer.alloc(80, 7);
    for (let nonce = 0; nonce < nonceCount; nonce += 1) {
      header.writeUInt32LE(nonce, 76);
      const once = createHash("sha256").update(header).digest();
      createHash("sha256").update(once).digest("hex");
    }
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const start = performance.now();
    measure({ seedHex, extranonce: round, nonceStart: 0, nonceCount });
    const middle = performance.now();
    plain();
    const end = performance.now();
    // The first rounds are spent compiling.
    if (round < 2) continue;
    ours.push(nonceCount / ((middle - start) / 1000));
    theirs.push(nonceCount / ((end - middle) / 1000));
  }
  return {
    comparisons: [
      compareRates(
        "measured nonces, one thread",
        "two createHash calls a nonce, counting nothing",
        median(ours),
        median(theirs),
        { unit: "nonces/s" },
      ),
    ],
  };
}

export const benchmarks: readonly Benchmark[] = [
  { name: "sealing commands", run: sealing },
  { name: "measuring", run: measuring },
];
