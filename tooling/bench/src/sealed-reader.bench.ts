import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openSealed } from "@gaiaftcl/sealed-reader";
import { SEAL_COLUMNS } from "@gaiaftcl/sealed-row";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  compareDurations,
  median,
  medianDurations,
} from "./benchmark.ts";
import { heartbeatRows, TABLE } from "./heartbeat-rows.ts";

/**
 * What anybody would write with Python's standard library: every check that `verifyAll` makes of a
 * row, the chain, and the numbers.
 */
const PYTHON = `
import hashlib, json, sqlite3, sys, time
TABLE = ${JSON.stringify(TABLE.name)}
OWN = ${JSON.stringify(TABLE.columns.map((column) => column.name))}
SUBJECT = ${JSON.stringify(TABLE.subject)}

def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()

def verify(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    db.row_factory = sqlite3.Row
    previous, last, at, rows = "0" * 64, 0, "", 0
    for row in db.execute(f"SELECT * FROM {TABLE} ORDER BY seq"):
        payload = json.dumps({name: row[name] for name in OWN}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        cell, domain = row["cell_id"], row["domain_id"]
        witness = f"sealed;table={TABLE};cell={cell};domain={domain};at={row['sealed_at_iso']};id={row[OWN[0]]};prev={previous};payload_digest={sha(payload)}"
        assert witness == row["canonical_witness"]
        hashed = sha(witness)
        assert hashed == row["witness_hash_sha256"]
        path, tau = row["lean_artifact_path"], row["tau_block"]
        values = (("cell_id", cell), ("domain_id", domain), ("lean_artifact_path", path or ""), ("payload_sha256", hashed), ("tau_block", "" if tau is None else str(tau)))
        facets = [sha(f"{cell}|{context}|{value}|{hashed}") for context, value in values]
        assert json.loads(row["signature_quintet"]) == facets
        assert row["nats_subject_sealed"] == SUBJECT
        assert row["seq"] == last + 1 and row["sealed_at_iso"] >= at
        previous, last, at, rows = hashed, row["seq"], row["sealed_at_iso"], rows + 1
    assert db.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (TABLE,)).fetchone()[0] == last
    return rows

start = time.perf_counter()
rows = verify(sys.argv[1])
print(json.dumps({"rows": rows, "ms": (time.perf_counter() - start) * 1000}))
`;

export const benchmarks: Benchmark[] = [
  { name: "verifyAll over the rows of one table", run: verifyWholeTable },
];

async function verifyWholeTable(context: BenchmarkContext): Promise<BenchmarkResult> {
  const rows = context.quick ? 20_000 : 100_000;
  const path = join(context.directory, "substrate.sqlite");
  writeRows(path, rows);
  const script = join(context.directory, "verify.py");
  writeFileSync(script, PYTHON);
  const python = process.env["PYTHON"] ?? "python3";
  // Without the start of the interpreter, which a loop over rows should not pay for.
  const pythonDurations: number[] = [];
  const runPython = (): void => {
    const output = execFileSync(python, [script, path], { encoding: "utf8" });
    const result: { rows: number; ms: number } = JSON.parse(output);
    if (result.rows !== rows) throw new Error(`the peer verified ${result.rows} rows`);
    pythonDurations.push(result.ms);
  };

  await using reader = await openSealed(path, { foreign: false });
  await using apart = await openSealed(path, { foreign: true });
  const verify = async (which: typeof reader, threads?: number): Promise<void> => {
    const verdict = await which.verifyAll(TABLE.name, { threads });
    if (!verdict.ok || verdict.rows !== rows) throw new Error(verdict.summary);
  };
  const medians = await medianDurations(
    {
      python: runPython,
      ours: () => verify(reader),
      oneThread: () => verify(reader, 1),
      foreign: () => verify(apart),
    },
    { rounds: context.quick ? 1 : 5, warmup: 1 },
  );
  // What the walk keeps shows between its first quarter and its end.
  let early = 0;
  await reader.verifyAll(TABLE.name, {
    threads: 1,
    onProgress: ({ rows: done, expected }) => {
      if (done <= expected / 4) early = process.memoryUsage.rss();
    },
  });
  const growth = Math.max(0, process.memoryUsage.rss() - early) / 2 ** 20;
  const theirs = median(pythonDurations.slice(1));
  const threads = Math.min(4, availableParallelism());
  return {
    comparisons: [
      compareDurations(`verifyAll, ${rows} rows`, "a Python loop", medians.ours, theirs, {
        target: 3,
      }),
      compareDurations("the same in one thread", "a Python loop", medians.oneThread, theirs),
      compareDurations("the same of a foreign file", "a Python loop", medians.foreign, theirs),
    ],
    figures: [
      { name: "threads", value: threads, unit: "" },
      { name: "rows verified", value: (rows / medians.ours) * 1000, unit: "rows/s" },
      {
        name: "memory gained over three quarters of the rows",
        value: growth,
        unit: "MiB",
        target: "flat",
      },
    ],
  };
}

function writeRows(path: string, count: number): void {
  const database = new DatabaseSync(path);
  const columns = [...TABLE.columns, ...SEAL_COLUMNS];
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE ${TABLE.name} (seq INTEGER PRIMARY KEY AUTOINCREMENT, ${columns.map(({ name, type }) => `${name} ${type}`).join(", ")}) STRICT; BEGIN`,
  );
  const names = columns.map(({ name }) => name);
  const insert = database.prepare(
    `INSERT INTO ${TABLE.name} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
  );
  for (const row of heartbeatRows(count)) {
    insert.run(...names.map((name) => row[name] ?? null));
  }
  database.exec("COMMIT");
  database.close();
}
