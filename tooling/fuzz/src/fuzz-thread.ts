import { parentPort, workerData } from "node:worker_threads";
import { readCorpus, writeCorpus } from "./corpus-file.ts";
import { Execution, type Surroundings } from "./engine/execution.ts";
import { Fuzzer, type FuzzReport, smallestCover } from "./engine/fuzzer.ts";
import { blockCount, instrumentSources } from "./engine/instrumented-sources.ts";
import { SharedInput } from "./shared-input.ts";
import type { FuzzJob, FuzzOutcome } from "./supervisor.ts";

const {
  target: name,
  seed,
  runs,
  seconds,
  save,
  replay,
  shared,
} = workerData as FuzzJob & {
  readonly shared: SharedArrayBuffer;
};
const input = new SharedInput(shared);
const surroundings: Surroundings = {
  blocks: blockCount,
  begin: (bytes) => {
    input.begin(bytes);
  },
};

// Before the target is imported, and with it what it fuzzes.
instrumentSources();
const { loadTarget } = await import("./targets/index.ts");
const target = await loadTarget(name);

async function fuzz(): Promise<FuzzReport> {
  const until = seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + 1000 * seconds;
  const most = runs === undefined ? Number.POSITIVE_INFINITY : runs * (target.share ?? 1);
  const report = await new Fuzzer(target, {
    seed,
    corpus: await readCorpus(name),
    ...surroundings,
    goesOn: (count) => count < most && Date.now() < until,
  }).run();
  if (save && report.finding === undefined) {
    const kept = await smallestCover(target, report.corpus, surroundings);
    await writeCorpus(name, kept);
  }
  return report;
}

async function replayOne(bytes: Uint8Array): Promise<FuzzReport> {
  const finding = await new Execution(target, surroundings).run(bytes);
  return {
    runs: 1,
    features: 0,
    blocks: 0,
    corpus: [],
    ...(finding === undefined ? {} : { finding }),
  };
}

const { corpus, ...report } = await (replay === undefined ? fuzz() : replayOne(replay));
parentPort?.postMessage({ ...report, inputs: corpus.length } satisfies FuzzOutcome);
