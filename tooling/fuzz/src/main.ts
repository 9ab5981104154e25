import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readSources } from "./engine/instrumented-sources.ts";
import { type FuzzJob, type FuzzOutcome, runJob } from "./supervisor.ts";
import { allTargets } from "./targets/index.ts";

const USAGE = `npm run fuzz -- <target> …    a name, or the beginning of names
  --seconds n      how long each target is tried; 60
  --runs n         how many inputs each target is tried with instead
  --seed n         another order of the same kind; 1
  --jobs n         how many targets at once; 2
  --save           keep the inputs that pass something new in tooling/fuzz/corpus
  --replay file    try one input, as a finding was written
  --check          every target for a while, as \`npm test\` does
  --list           the names of all targets`;

const CHECK_RUNS = 3000;
const failures = join(import.meta.dirname, "..", "failures");

readSources();
const targetNames = (await allTargets()).map(({ name }) => name);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string" },
    runs: { type: "string" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "2" },
    save: { type: "boolean", default: false },
    replay: { type: "string" },
    check: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
  },
});

const wanted = targetNames.filter(
  (name) => values.check || positionals.some((prefix) => name.startsWith(prefix)),
);
if (values.list) console.log(targetNames.join("\n"));
else if (wanted.length === 0 || (values.replay !== undefined && wanted.length > 1)) {
  console.error(`${USAGE}\n\nTargets:\n  ${targetNames.join("\n  ")}`);
  process.exitCode = 64;
} else process.exitCode = (await runAll()) ? 0 : 1;

async function runAll(): Promise<boolean> {
  const job: Omit<FuzzJob, "target"> = {
    seed: Number(values.seed),
    save: values.save,
    ...(await limit()),
  };
  const queue = [...wanted];
  let failed = 0;
  const lane = async (): Promise<void> => {
    for (let target = queue.shift(); target !== undefined; target = queue.shift()) {
      const start = performance.now();
      const outcome = await runJob({ ...job, target });
      if (outcome.finding !== undefined) failed += 1;
      await report(target, outcome, (performance.now() - start) / 1000);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, lane));
  console.log(`${wanted.length - failed} of ${wanted.length} targets without a finding`);
  return failed === 0;
}

async function limit(): Promise<Pick<FuzzJob, "runs" | "seconds" | "replay">> {
  if (values.replay !== undefined) return { replay: await readFile(values.replay) };
  if (values.runs !== undefined) return { runs: Number(values.runs) };
  // By number and not by time, so that every machine tries the same.
  if (values.check) return { runs: CHECK_RUNS };
  return { seconds: Number(values.seconds ?? 60) };
}

async function report(target: string, outcome: FuzzOutcome, seconds: number): Promise<void> {
  const { runs, blocks, features, inputs, finding } = outcome;
  const figures = `${runs} inputs in ${seconds.toFixed(1)} s, ${blocks} blocks, ${features} features, ${inputs} kept`;
  console.log(`${finding === undefined ? "ok    " : "FAILED"} ${target.padEnd(32)} ${figures}`);
  if (finding === undefined) return;
  const name = createHash("sha256").update(finding.input).digest("hex").slice(0, 12);
  const file = join(failures, `${target.replace("/", "-")}-${name}`);
  await mkdir(failures, { recursive: true });
  await writeFile(file, finding.input);
  console.log(finding.message);
  console.log(
    `input, ${finding.input.length} bytes: ${Buffer.from(finding.input).toString("base64")}`,
  );
  console.log(`again: npm run fuzz -- ${target} --replay ${file}`);
}
