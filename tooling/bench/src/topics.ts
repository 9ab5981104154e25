import type { Benchmark } from "./benchmark.ts";

/** Every topic by name; each is loaded only when it runs. */
export const topics: Readonly<
  Record<string, () => Promise<{ readonly benchmarks: readonly Benchmark[] }>>
> = {
  "canonical-json": () => import("./canonical-json.bench.ts"),
  cortex: () => import("./cortex.bench.ts"),
  "event-bus": () => import("./event-bus.bench.ts"),
  "franklin-socket": () => import("./franklin-socket.bench.ts"),
  manifest: () => import("./manifest.bench.ts"),
  "mesh-loader": () => import("./mesh-loader.bench.ts"),
  "nats-broker": () => import("./nats-broker.bench.ts"),
  "nats-subscribe": () => import("./nats-subscribe.bench.ts"),
  "net-mesh": () => import("./net-mesh.bench.ts"),
  "net-wire": () => import("./net-wire.bench.ts"),
  redex: () => import("./redex.bench.ts"),
  "sealed-reader": () => import("./sealed-reader.bench.ts"),
  substrate: () => import("./substrate.bench.ts"),
  witness: () => import("./witness.bench.ts"),
};
