/** One measured comparison: ours against a named peer, both taken in the same run. */
export interface Comparison {
  /** What was measured, for example `encode, manifest of 1,000 artifacts, unsorted`. */
  readonly name: string;
  readonly peer: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number;
  /** Ours relative to the peer, oriented so that larger is better: 2 means twice as fast. */
  readonly ratio: number;
  /** The ratio aimed for; printed beside the result, never asserted in a test. */
  readonly target?: number;
}

/** A figure that has no peer, such as peak memory. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The bound aimed for, in words: `at most 200 MiB`. */
  readonly target?: string;
}

export interface BenchmarkContext {
  /** A scratch directory that is removed after the run. */
  readonly directory: string;
  /** Shorter inputs, to see that a benchmark runs. */
  readonly quick: boolean;
  readonly log: (line: string) => void;
}

export interface BenchmarkResult {
  readonly comparisons: readonly Comparison[];
  readonly figures?: readonly Figure[];
}

export interface Benchmark {
  readonly name: string;
  run(context: BenchmarkContext): Promise<BenchmarkResult>;
}

/** Compares durations: the ratio is theirs over ours. */
export function compareDurations(
  name: string,
  peer: string,
  ours: number,
  theirs: number,
  options: { readonly unit?: string; readonly target?: number } = {},
): Comparison {
  return comparison(name, peer, options.unit ?? "ms", ours, theirs, theirs / ours, options.target);
}

/** Compares rates: the ratio is ours over theirs. */
export function compareRates(
  name: string,
  peer: string,
  ours: number,
  theirs: number,
  options: { readonly unit?: string; readonly target?: number } = {},
): Comparison {
  return comparison(name, peer, options.unit ?? "/s", ours, theirs, ours / theirs, options.target);
}

function comparison(
  name: string,
  peer: string,
  unit: string,
  ours: number,
  theirs: number,
  ratio: number,
  target: number | undefined,
): Comparison {
  return { name, peer, unit, ours, theirs, ratio, ...(target === undefined ? {} : { target }) };
}

/**
 * Runs the contestants in turn, A B A B …, so that a drift of the machine's speed hits all alike,
 * and returns the median duration of each in milliseconds.
 */
export async function medianDurations<Name extends string>(
  contestants: Readonly<Record<Name, () => unknown>>,
  options: { readonly rounds: number; readonly warmup?: number },
): Promise<Record<Name, number>> {
  const names = Object.keys(contestants) as Name[];
  const samples = new Map<Name, number[]>(names.map((name) => [name, []]));
  const warmup = options.warmup ?? 2;
  for (let round = 0; round < options.rounds + warmup; round += 1) {
    for (const name of names) {
      const start = performance.now();
      await contestants[name]();
      const elapsed = performance.now() - start;
      if (round >= warmup) samples.get(name)?.push(elapsed);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(samples.get(name) ?? [])])) as Record<
    Name,
    number
  >;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value below which `fraction` of the samples lie; NaN for no samples. */
export function percentile(values: readonly number[], fraction: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
