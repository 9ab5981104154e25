import { SeededRandom } from "../simulated/seeded-random.js";

/** The seeds of one scenario when nobody asks for others; far apart, so that scenarios share none. */
const SEEDS_PER_SCENARIO = 1_000_000;

/**
 * Runs `scenario` once for each of `runs` seeds. A failure names its seed and how to run it again:
 * `NET_SEED=<seed>` runs that seed alone, `NET_RUNS=<n>` multiplies how many are run by `n`.
 *
 * @param number tells the scenarios of one file apart
 */
export function forEachSeed(
  number: number,
  runs: number,
  scenario: (seed: number, random: SeededRandom) => void,
): void {
  const only = process.env["NET_SEED"];
  const times = Number(process.env["NET_RUNS"] ?? 1);
  if (only !== undefined) {
    // A seed belongs to the scenario that printed it.
    if (Math.floor(Number(only) / SEEDS_PER_SCENARIO) === number) {
      runSeed(Number(only), scenario);
    }
    return;
  }
  for (let run = 0; run < Math.max(1, Math.round(runs * times)); run += 1) {
    runSeed(number * SEEDS_PER_SCENARIO + run, scenario);
  }
}

function runSeed(seed: number, scenario: (seed: number, random: SeededRandom) => void): void {
  try {
    scenario(seed, new SeededRandom(seed));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`NET_SEED=${seed} repeats this failure: ${message}`, { cause: error });
  }
}
