import { randomBytes } from "node:crypto";
import { Identity } from "@gaiaftcl/net-identity";
import { MeshCore, meshTuning } from "@gaiaftcl/net-mesh";
import { generateDhKeyPair } from "@gaiaftcl/net-wire";
import type { Benchmark, BenchmarkContext, BenchmarkResult, Figure } from "./benchmark.ts";
import { median } from "./benchmark.ts";

const psk = new Uint8Array(randomBytes(32));
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

interface Sent {
  readonly datagram: Uint8Array;
  readonly to: string;
}

/** A core with what it sent, which nobody delivers. */
function node(address: string): {
  readonly core: MeshCore;
  readonly publicKey: Uint8Array;
  readonly sent: Sent[];
} {
  const sent: Sent[] = [];
  const keyPair = generateDhKeyPair(random);
  const core = new MeshCore(
    {
      identity: Identity.generate(),
      keyPair,
      psk,
      tuning: meshTuning({}),
      randomBytes: random,
      wallClock: () => Date.now(),
      boundAddress: () => address,
      emit: () => undefined,
      transmit: (datagram, to) => sent.push({ datagram, to }),
    },
    performance.now(),
  );
  return { core, publicKey: keyPair.publicKey, sent };
}

const HOME = "127.0.0.1:1000";
const PEER = "127.0.0.1:2000";

/** A core with one peer, and an authentic packet of that peer which the core has accepted. */
function target(): { readonly core: MeshCore; readonly accepted: Uint8Array } {
  const home = node(HOME);
  const peer = node(PEER);
  const now = performance.now();
  peer.core.connect(
    {
      nodeId: home.core.nodeId,
      publicKey: home.publicKey,
      path: { kind: "address", address: HOME },
    },
    now,
    () => undefined,
  );
  const deliver = (): Uint8Array | undefined => {
    home.core.tick(now);
    peer.core.tick(now);
    const toHome = peer.sent.splice(0);
    for (const { datagram } of toHome) home.core.receive(datagram, PEER, now);
    for (const { datagram } of home.sent.splice(0)) peer.core.receive(datagram, HOME, now);
    return toHome.at(-1)?.datagram;
  };
  for (let turn = 0; turn < 4; turn += 1) deliver();
  const handle = peer.core.openStream(home.core.nodeId, 1n, now, { reliability: "reliable" });
  peer.core.send(home.core.nodeId, handle, [new Uint8Array(64)], now);
  const accepted = deliver();
  if (accepted === undefined || home.core.peers().length !== 1) throw new Error("no session");
  return { core: home.core, accepted: accepted.slice() };
}

/** `length` random bytes that begin like a packet. */
function malformed(length: number): Uint8Array {
  const bytes = random(length);
  bytes.set([0x45, 0x4e, 1, 0]);
  return bytes;
}

function unknownSession(accepted: Uint8Array): Uint8Array {
  const bytes = accepted.slice();
  bytes.set(random(8), 24);
  return bytes;
}

/** The peer's session and a counter not yet seen, but a tag by somebody without the key. */
function forged(accepted: Uint8Array): Uint8Array {
  const bytes = accepted.slice();
  bytes.set(random(3), 17);
  bytes.set(random(16), bytes.length - 16);
  bytes[22] = 0;
  bytes[23] = 0;
  bytes[19] = 0;
  return bytes;
}

const KINDS: Readonly<Record<string, (accepted: Uint8Array) => Uint8Array>> = {
  "random bytes": () => random(148),
  "malformed packets": () => malformed(148),
  "packets of no session": unknownSession,
  "replayed packets": (accepted) => accepted.slice(),
  "forged packets": forged,
};

/** What the core does with hostile datagrams, without the socket in front of it. */
export const dropping: Benchmark = {
  name: "hostile datagrams of 148 bytes given to a node's core",
  async run({ quick, log }: BenchmarkContext): Promise<BenchmarkResult> {
    const figures: Figure[] = [];
    const { core, accepted } = target();
    const each = quick ? 50_000 : 500_000;
    for (const [name, make] of Object.entries(KINDS)) {
      const datagrams = Array.from({ length: 1024 }, () => make(accepted));
      // As many sources as a flood would show.
      const sources = Array.from({ length: 1024 }, (_, i) => `127.0.${i >> 8}.${i & 255}:3000`);
      const dropped = core.stats.counters.datagramsDropped;
      const rates: number[] = [];
      globalThis.gc?.();
      const before = process.memoryUsage().rss;
      for (let round = 0; round < 5; round += 1) {
        const start = performance.now();
        for (let i = 0; i < each; i += 1) {
          core.receive(datagrams[i & 1023] as Uint8Array, sources[(i * 7) & 1023] as string, start);
        }
        rates.push(each / ((performance.now() - start) / 1000));
        core.tick(performance.now());
      }
      globalThis.gc?.();
      const growth = process.memoryUsage().rss - before;
      if (core.stats.counters.datagramsDropped - dropped !== 5 * each)
        throw new Error(`some ${name} were taken`);
      figures.push({ name, value: median(rates), unit: "/s", target: "at least 500,000/s" });
      log(`${name}: ${(growth / 2 ** 20).toFixed(1)} MiB more after ${5 * each}`);
    }
    return { comparisons: [], figures };
  },
};
