import { randomBytes } from "node:crypto";
import type { MeshCore } from "@gaiaftcl/net-mesh";
import type { Benchmark, BenchmarkContext, BenchmarkResult, Figure } from "./benchmark.ts";
import { median } from "./benchmark.ts";
import { type Captured, coreAt, hostileKinds } from "./net-mesh-hostile.ts";

const HOME = "127.0.0.1:1000";
const PEER = "127.0.0.1:2000";

/** A core with one peer, and what somebody between the two saw. */
function target(): { readonly core: MeshCore; readonly captured: Captured } {
  const psk = new Uint8Array(randomBytes(32));
  const [toHome, toPeer]: [Uint8Array[], Uint8Array[]] = [[], []];
  const home = coreAt(HOME, psk, (datagram) => toPeer.push(datagram));
  const peer = coreAt(PEER, psk, (datagram) => toHome.push(datagram));
  const now = performance.now();
  const { nodeId } = home.core;
  const { publicKey } = home;
  const path = { kind: "address", address: HOME } as const;
  peer.core.connect({ nodeId, publicKey, path }, now, () => undefined);
  const deliver = (): Uint8Array => {
    home.core.tick(now);
    peer.core.tick(now);
    const delivered = toHome.splice(0);
    for (const datagram of delivered) home.core.receive(datagram, PEER, now);
    for (const datagram of toPeer.splice(0)) peer.core.receive(datagram, HOME, now);
    return (delivered.at(-1) ?? new Uint8Array(0)).slice();
  };
  for (let turn = 0; turn < 4; turn += 1) deliver();
  const handle = peer.core.openStream(nodeId, 1n, now, { reliability: "reliable" });
  const [small, large] = [64, 8000].map((size) => {
    peer.core.send(nodeId, handle, [new Uint8Array(size)], now);
    return deliver();
  }) as [Uint8Array, Uint8Array];
  if (large.length < 8000 || home.core.peers().length !== 1) throw new Error("no session");
  return { core: home.core, captured: { small, large, nodeId, publicKey } };
}

/** What the core does with hostile datagrams, without the socket in front of it. */
export const dropping: Benchmark = {
  name: "hostile datagrams given to a node's core",
  async run({ quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
    const figures: Figure[] = [];
    const { core, captured } = target();
    const each = quick ? 50_000 : 500_000;
    for (const [name, make] of Object.entries(hostileKinds)) {
      const datagrams = Array.from({ length: 256 }, () => make(captured));
      // As many sources as a flood would show.
      const sources = Array.from({ length: 1024 }, (_, i) => `127.0.${i >> 8}.${i & 255}:3000`);
      const dropped = core.stats.counters.datagramsDropped;
      const rates: number[] = [];
      globalThis.gc?.();
      const before = process.memoryUsage().rss;
      for (let round = 0; round < 5; round += 1) {
        const start = performance.now();
        for (let i = 0; i < each; i += 1) {
          core.receive(datagrams[i & 255] as Uint8Array, sources[(i * 7) & 1023] as string, start);
        }
        rates.push(each / ((performance.now() - start) / 1000));
        core.tick(performance.now());
      }
      globalThis.gc?.();
      const growth = process.memoryUsage().rss - before;
      if (core.stats.counters.datagramsDropped - dropped !== 5 * each)
        throw new Error(`some ${name} were taken`);
      figures.push({
        name: `${name}, ${datagrams[0]?.length} B`,
        value: median(rates),
        unit: "/s",
        target: "at least 500,000/s",
      });
      log(`${name}: ${(growth / 2 ** 20).toFixed(1)} MiB more after ${5 * each}`);
    }
    return { comparisons: [], figures };
  },
};
