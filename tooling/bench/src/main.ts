import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BenchmarkResult, Comparison, Figure } from "./benchmark.ts";
import { topics } from "./topics.ts";

const { values, positionals } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    out: { type: "string", default: join(import.meta.dirname, "..", "results", "latest.json") },
  },
  allowPositionals: true,
});

const wanted = positionals.length === 0 ? Object.keys(topics) : positionals;
const unknown = wanted.filter((name) => !(name in topics));
if (unknown.length > 0) {
  console.error(`unknown topic ${unknown.join(", ")}; topics: ${Object.keys(topics).join(", ")}`);
  process.exit(64);
}

const results: { topic: string; benchmark: string; result: BenchmarkResult }[] = [];
for (const topic of wanted) {
  const load = topics[topic];
  if (load === undefined) continue;
  const { benchmarks } = await load();
  for (const benchmark of benchmarks) {
    console.log(`\n${topic}: ${benchmark.name}`);
    const directory = await mkdtemp(join(tmpdir(), "gaiaftcl-bench-"));
    try {
      const result = await benchmark.run({
        directory,
        quick: values.quick,
        log: (line) => console.log(`  ${line}`),
      });
      for (const comparison of result.comparisons) console.log(`  ${comparisonLine(comparison)}`);
      for (const figure of result.figures ?? []) console.log(`  ${figureLine(figure)}`);
      results.push({ topic, benchmark: benchmark.name, result });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

await mkdir(join(values.out, ".."), { recursive: true });
await writeFile(
  values.out,
  `${JSON.stringify(
    {
      at: new Date().toISOString(),
      node: process.version,
      cpu: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryBytes: totalmem(),
      quick: values.quick,
      results,
    },
    null,
    2,
  )}\n`,
);
console.log(`\nwritten to ${values.out}`);

function comparisonLine(comparison: Comparison): string {
  const target =
    comparison.target === undefined
      ? ""
      : ` (target ${comparison.target}×: ${comparison.ratio >= comparison.target ? "met" : "missed"})`;
  return `${comparison.name}: ${format(comparison.ours)} ${comparison.unit} against ${format(comparison.theirs)} ${comparison.unit} of ${comparison.peer} = ${comparison.ratio.toFixed(2)}×${target}`;
}

function figureLine(figure: Figure): string {
  const target = figure.target === undefined ? "" : ` (target: ${figure.target})`;
  return `${figure.name}: ${format(figure.value)} ${figure.unit}${target}`;
}

function format(value: number): string {
  return value >= 1000
    ? Math.round(value).toLocaleString("en")
    : Number(value.toPrecision(4)).toString();
}
