import type { Benchmark } from "./benchmark.ts";

/** Every topic by name; each is loaded only when it runs. */
export const topics: Readonly<
  Record<string, () => Promise<{ readonly benchmarks: readonly Benchmark[] }>>
> = {
  witness: () => import("./witness.bench.ts"),
};
