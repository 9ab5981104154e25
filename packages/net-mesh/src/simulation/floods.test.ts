import { datagramKind, packetFlags, ROUTING_HEADER_BYTES } from "@gaiaftcl/net-wire";
import { describe, expect, it } from "vitest";
import type { HandshakeOutcome } from "../core/handshake-attempts.js";
import type { SeededRandom } from "../simulated/seeded-random.js";
import type { LinkConditions } from "../simulated/simulated-network.js";
import { ReliableFlow } from "./reliable-flow.testing.js";
import { forEachSeed } from "./seeded-runs.testing.js";
import { ROUGH, SimMesh } from "./sim-mesh.testing.js";
import type { SimNode } from "./sim-node.testing.js";

const LIMIT = { timeout: 300_000 };
const FLAGS_AT = 3;
const STRANGER = "66.6.6.6:666";

interface Recorded {
  readonly datagram: Uint8Array;
  readonly from: SimNode;
  readonly to: string;
}

/** Two nodes that talked, and everything that passed between them. */
function recordedPair(
  seed: number,
  random: SeededRandom,
  conditions: LinkConditions = ROUGH,
): { mesh: SimMesh; left: SimNode; right: SimNode; recorded: Recorded[] } {
  const mesh = new SimMesh({ seed, conditions });
  const recorded: Recorded[] = [];
  mesh.taps.add((from, datagram, to) => {
    recorded.push({ datagram: new Uint8Array(datagram), from, to });
  });
  const [left, right] = mesh.addMany(2) as [SimNode, SimNode];
  mesh.connect(left, right);
  talk(mesh, left, right, random);
  talk(mesh, right, left, random);
  // Whatever is still under way arrives, and late copies of handshakes too.
  mesh.network.run(5000);
  return { mesh, left, right, recorded };
}

function talk(mesh: SimMesh, from: SimNode, to: SimNode, random: SeededRandom): void {
  const flow = new ReliableFlow({
    from,
    to,
    streamId: BigInt(random.below(1_000_000)),
    sizes: Array.from({ length: 20 }, () => 4 + random.below(3000)),
    now: () => mesh.network.now,
  });
  mesh.expect("events pass", 60_000, () => flow.isDone);
}

function isHandshake(datagram: Uint8Array): boolean {
  const routed = datagramKind(datagram) === "routed" ? ROUTING_HEADER_BYTES : 0;
  return ((datagram[routed + FLAGS_AT] as number) & packetFlags.handshake) !== 0;
}

/** Waves and keep-alives are neither sealed nor signed: whoever can forge an address can send them. */
function isSealed({ datagram }: Recorded): boolean {
  const kind = datagramKind(datagram);
  return (kind === "packet" || kind === "routed") && !isHandshake(datagram);
}

/** Everything a node holds, but not how much it has counted. */
function holdings({ core }: SimNode): unknown {
  const { counters: _, ...sizes } = core.stats;
  const peers = core.peers().map(({ silentMs: _silent, ...peer }) => peer);
  return { sizes, peers, known: core.discoveredNodes() };
}

/** `datagram` with one to three bits or its length changed. */
function altered(datagram: Uint8Array, random: SeededRandom): Uint8Array {
  const copy = new Uint8Array(datagram);
  if (random.chance(0.1)) {
    return copy.subarray(0, random.below(copy.length));
  }
  for (let bits = random.below(3); bits >= 0; bits -= 1) {
    const at = random.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << random.below(8));
  }
  return copy;
}

describe("a flood of datagrams that nobody sealed for this moment", LIMIT, () => {
  it("changes nothing, answers nothing and tells nothing, replayed, altered or made up", () => {
    forEachSeed(31, 120, (seed, random) => {
      // Nothing is lost: what was, would be no replay but news.
      const { mesh, left, right, recorded } = recordedPair(seed, random, { ...ROUGH, loss: 0 });
      const victim = random.pick([left, right]);
      const other = victim === left ? right : left;
      const sealed = recorded.filter((one) => one.to === victim.address && isSealed(one));
      const before = holdings(victim);
      const told = victim.events.length;
      const sent = recorded.length;
      for (let round = 0; round < 500; round += 1) {
        const { datagram } = random.pick(sealed);
        const kind = random.below(4);
        const forged =
          kind === 0
            ? datagram
            : kind === 1
              ? random.bytes(random.below(200))
              : altered(datagram, random);
        // An altered first byte may make a wave or a handshake of it: those have rules of their own.
        if (kind === 0 || (forged.length > FLAGS_AT && datagramKind(forged) === "packet")) {
          if (!isHandshake(forged)) {
            victim.receive(forged, random.pick([other.address, STRANGER]), mesh.network.now);
          }
        } else if (datagramKind(forged) === "unknown") {
          victim.receive(forged, random.pick([other.address, STRANGER]), mesh.network.now);
        }
      }
      expect(holdings(victim)).toEqual(before);
      expect(victim.events.length).toBe(told);
      expect(recorded.length).toBe(sent);
      talk(mesh, left, right, random);
      talk(mesh, right, left, random);
    });
  });

  it("takes no session away when first messages are replayed, even over lossy links", () => {
    forEachSeed(32, 120, (seed, random) => {
      const { mesh, left, right, recorded } = recordedPair(seed, random);
      const victim = random.pick([left, right]);
      const other = victim === left ? right : left;
      const handshakes = recorded.filter(
        ({ datagram, to }) =>
          to === victim.address && datagramKind(datagram) !== "pingwave" && isHandshake(datagram),
      );
      if (handshakes.length === 0) {
        return;
      }
      const session = victim.core.peer(other.nodeId)?.sessionId;
      for (let round = 0; round < 40; round += 1) {
        const { datagram } = random.pick(handshakes);
        victim.receive(datagram, random.pick([other.address, STRANGER]), mesh.network.now);
        mesh.network.wake(victim.address);
        mesh.network.run(random.between(0, 1000));
      }
      expect(victim.core.peer(other.nodeId)?.sessionId).toBe(session);
      talk(mesh, left, right, random);
      talk(mesh, right, left, random);
    });
  });

  it("parts no two nodes for long when it repeats, from elsewhere, what they never received", () => {
    forEachSeed(34, 60, (seed, random) => {
      const { mesh, left, right, recorded } = recordedPair(seed, random);
      const news = (from: SimNode): Uint8Array => {
        mesh.network.setConditions({ loss: 1 });
        from.do((core, now) =>
          core.push(from === left ? right.nodeId : left.nodeId, 1n, [new Uint8Array(9)], now, {}),
        );
        mesh.network.run(5);
        mesh.network.setConditions({ loss: ROUGH.loss });
        return (recorded.filter((one) => one.from === from && isSealed(one)).at(-1) as Recorded)
          .datagram;
      };
      // The strongest a thief of datagrams can do: both ends hear the latest of the other from him.
      const [ofLeft, ofRight] = [news(left), news(right)];
      right.receive(ofLeft, STRANGER, mesh.network.now);
      left.receive(ofRight, STRANGER, mesh.network.now);
      talk(mesh, left, right, random);
      talk(mesh, right, left, random);
    });
  });

  it("leaves memory bounded when everything forged differs", () => {
    forEachSeed(33, 3, (seed, random) => {
      const { mesh, left, right } = recordedPair(seed, random);
      const before = left.core.stats;
      for (let round = 0; round < 20_000; round += 1) {
        const datagram = random.bytes(64 + random.below(40));
        // The magic and version of a packet, of any kind and session.
        datagram.set([0x45, 0x4e, 1, random.below(64)]);
        left.receive(
          datagram,
          `66.${random.below(256)}.${random.below(256)}.6:${1 + random.below(65_535)}`,
          mesh.network.now,
        );
      }
      const { counters, ...sizes } = left.core.stats;
      const { counters: _, ...sizesBefore } = before;
      expect(sizes).toEqual(sizesBefore);
      expect(counters.datagramsDropped - before.counters.datagramsDropped).toBe(20_000);
      talk(mesh, right, left, random);
    });
  });
});

describe("a flood of first messages by somebody without the pre-shared key", LIMIT, () => {
  const PER_SECOND = 40;

  it.each([
    ["one source", 1],
    ["more sources than all handshakes are allowed for", 20],
  ])("costs few key agreements and keeps nobody out, from %s", (_, sources) => {
    forEachSeed(35, 4, (seed, random) => {
      const mesh = new SimMesh({
        seed,
        conditions: { delayMs: 5 },
        tuning: { handshakesPerSource: 5, handshakesPerSecond: PER_SECOND },
      });
      const [victim, newcomer] = mesh.addMany(2) as [SimNode, SimNode];
      const stranger = mesh.add({}, { psk: random.bytes(32) });
      const made: Uint8Array[] = [];
      mesh.taps.add((from, datagram) => {
        // The direct form is dropped unread while nobody is expected.
        if (from === stranger && datagramKind(datagram) === "routed") {
          made.push(new Uint8Array(datagram));
        }
      });
      mesh.begin(stranger, victim, undefined, () => undefined);
      mesh.network.run(1000);
      const before = victim.core.stats;
      const began = mesh.network.now;
      let outcome: HandshakeOutcome | undefined;
      let flooded = 0;
      const flood = (): void => {
        for (let count = 0; count < 100; count += 1) {
          victim.receive(random.pick(made), `66.6.6.${flooded % sources}:6`, mesh.network.now);
          flooded += 1;
        }
        mesh.network.run(10);
      };
      for (let round = 0; round < 50; round += 1) flood();
      mesh.begin(newcomer, victim, undefined, (ended) => {
        outcome = ended;
      });
      while (outcome === undefined) flood();
      expect(outcome.ok).toBe(true);
      const { counters } = victim.core.stats;
      const agreements = flooded - (counters.rateLimited - before.counters.rateLimited);
      const seconds = (mesh.network.now - began) / 1000;
      expect(agreements).toBeLessThanOrEqual(PER_SECOND * (1 + seconds));
      expect(counters.datagramsDropped - before.counters.datagramsDropped).toBeGreaterThanOrEqual(
        flooded,
      );
      expect(victim.core.peers()).toHaveLength(1);
      talk(mesh, newcomer, victim, random);
    });
  });
});
