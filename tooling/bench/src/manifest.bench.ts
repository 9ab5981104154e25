import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkResult,
  compareDurations,
  type Figure,
  median,
} from "./benchmark.ts";

const run = promisify(execFile);

/** Verifies again and again in a process of its own; prints the durations and its peak memory. */
const VERIFY = `
import { readFile } from "node:fs/promises";
import { Manifest, ManifestVerifier } from "@gaiaftcl/manifest";
const [file, directory, rounds] = process.argv.slice(1);
const verifier = new ManifestVerifier();
const bytes = await readFile(file);
const parses = [];
const durations = [];
for (let round = 0; round < Number(rounds); round += 1) {
  const start = performance.now();
  const manifest = Manifest.fromJson(bytes);
  parses.push(performance.now() - start);
  const parsed = performance.now();
  const report = await verifier.verify(manifest, directory);
  durations.push(performance.now() - parsed);
  if (!report.ok) throw new Error(report.summary);
}
console.log(JSON.stringify({ parses, durations, peakKiB: process.resourceUsage().maxRSS }));
`;

const SIGN = `
import { writeFile } from "node:fs/promises";
import { ManifestSigner } from "@gaiaftcl/manifest";
const [file, directory] = process.argv.slice(1);
const signer = new ManifestSigner({ cellId: "bench", domainId: "bench" });
await writeFile(file, (await signer.signDirectory(directory)).toJson());
`;

/** Writes random files and returns their paths. */
async function makeFiles(directory: string, count: number, sizeOf: (index: number) => number) {
  const paths: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const parent = join(directory, String(index % 100));
    if (index < 100) await mkdir(parent, { recursive: true });
    const path = join(parent, `f${index}`);
    await writeFile(path, randomBytes(sizeOf(index)));
    paths.push(path);
  }
  return paths;
}

/** Verifies a directory against `sha256sum` over the same files, A B A B …. */
async function compareWithSha256sum(
  context: BenchmarkContext,
  what: string,
  directory: string,
  paths: readonly string[],
  target: number,
): Promise<BenchmarkResult> {
  const file = join(context.directory, "manifest.json");
  await run(process.execPath, ["--input-type=module", "-e", SIGN, file, directory], {
    cwd: import.meta.dirname,
  });
  const rounds = context.quick ? 2 : 7;
  const ours: number[] = [];
  const parses: number[] = [];
  const theirs: number[] = [];
  let peakKiB = 0;
  for (let round = 0; round < rounds; round += 1) {
    const { stdout } = await run(
      process.execPath,
      ["--input-type=module", "-e", VERIFY, file, directory, "2"],
      { cwd: import.meta.dirname },
    );
    const result: { parses: number[]; durations: number[]; peakKiB: number } = JSON.parse(stdout);
    // The first has the compiler's warm-up in it, as the first run of a command has.
    ours.push(...result.durations);
    parses.push(...result.parses);
    peakKiB = Math.max(peakKiB, result.peakKiB);
    const start = performance.now();
    await run("sha256sum", paths, { maxBuffer: 64 * 1024 * 1024 });
    theirs.push(performance.now() - start);
  }
  const figures: Figure[] = [
    { name: `Manifest.fromJson, ${what}`, value: median(parses), unit: "ms" },
    {
      name: `peak memory of the process, ${what}`,
      value: peakKiB / 1024,
      unit: "MiB",
      target: "under 200 MiB",
    },
  ];
  return {
    comparisons: [
      compareDurations(
        `ManifestVerifier.verify, ${what}`,
        "sha256sum",
        median(ours),
        median(theirs),
        {
          target,
        },
      ),
    ],
    figures,
  };
}

export const benchmarks: Benchmark[] = [
  {
    name: "1 GiB in 200 files",
    async run(context) {
      const total = context.quick ? 64 * 1024 * 1024 : 1024 * 1024 * 1024;
      const directory = join(context.directory, "big");
      const paths = await makeFiles(directory, 200, () => Math.ceil(total / 200));
      const what = context.quick ? "64 MiB in 200 files" : "1 GiB in 200 files";
      return compareWithSha256sum(context, what, directory, paths, 1.6);
    },
  },
  {
    name: "20,000 small files",
    async run(context) {
      const count = context.quick ? 2000 : 20_000;
      const directory = join(context.directory, "small");
      const paths = await makeFiles(directory, count, (index) => 100 + ((index * 37) % 4000));
      const what = `${count.toLocaleString("en")} files of 0.1 to 4 kB`;
      return compareWithSha256sum(context, what, directory, paths, 1);
    },
  },
];
