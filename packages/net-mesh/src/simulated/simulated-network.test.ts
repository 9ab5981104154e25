import { describe, expect, it } from "vitest";
import { NatBox, type NatKind } from "./nat-box.js";
import { SimulatedNetwork, type SimulatedSocket } from "./simulated-network.js";

class Recorder {
  readonly received: { readonly text: string; readonly from: string; readonly at: number }[] = [];
  readonly socket: SimulatedSocket;
  readonly ticks: number[] = [];
  due = Number.POSITIVE_INFINITY;

  constructor(socket: SimulatedSocket) {
    this.socket = socket;
  }

  receive(datagram: Uint8Array, from: string, now: number): void {
    this.received.push({ text: new TextDecoder().decode(datagram), from, at: now });
  }

  tick(now: number): void {
    this.ticks.push(now);
    this.due = Number.POSITIVE_INFINITY;
  }

  deadline(): number {
    return this.due;
  }

  send(text: string, to: string): void {
    this.socket.transmit(new TextEncoder().encode(text), to);
  }
}

const attach = (network: SimulatedNetwork, address: string, nat?: NatBox): Recorder =>
  network.attach(address, (socket) => new Recorder(socket), nat);

describe("the simulated network", () => {
  it("gives the same run for the same seed, and another for another", () => {
    const run = (seed: number) => {
      const network = new SimulatedNetwork({
        seed,
        conditions: { loss: 0.2, duplication: 0.1, delayMs: 5, jitterMs: 20 },
      });
      const left = attach(network, "1.0.0.1:1");
      const right = attach(network, "1.0.0.2:1");
      for (let index = 0; index < 200; index += 1) {
        network.at(index, () => left.send(String(index), "1.0.0.2:1"));
      }
      network.run(1000);
      return right.received;
    };
    expect(run(1)).toEqual(run(1));
    expect(run(1)).not.toEqual(run(2));
  });

  it("loses, doubles, delays and reorders as its conditions say", () => {
    const network = new SimulatedNetwork({
      seed: 7,
      conditions: { loss: 0.25, duplication: 0.25, delayMs: 10, jitterMs: 50 },
    });
    const left = attach(network, "1.0.0.1:1");
    const right = attach(network, "1.0.0.2:1");
    for (let index = 0; index < 4000; index += 1) {
      network.at(index, () => left.send(String(index), "1.0.0.2:1"));
    }
    network.run(10_000);
    const counts = network.counts;
    expect(counts.sent).toBe(4000);
    expect(counts.delivered + counts.lost).toBe(4000 + counts.duplicated);
    expect(counts.lost / (4000 + counts.duplicated)).toBeCloseTo(0.25, 1);
    expect(counts.duplicated / 4000).toBeCloseTo(0.25, 1);
    const order = right.received.map(({ text }) => Number(text));
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
    for (const { text, at } of right.received) {
      expect(at - Number(text)).toBeGreaterThanOrEqual(10);
      expect(at - Number(text)).toBeLessThan(60);
    }
  });

  it("lets nothing through a partition, what is under way included, and everything after it heals", () => {
    const network = new SimulatedNetwork({ seed: 3 });
    const left = attach(network, "1.0.0.1:1");
    const right = attach(network, "1.0.0.2:1");
    left.send("under way", "1.0.0.2:1");
    network.partition(["1.0.0.1:1"]);
    left.send("parted", "1.0.0.2:1");
    network.run(10);
    network.heal();
    left.send("healed", "1.0.0.2:1");
    network.run(10);
    expect(right.received.map(({ text }) => text)).toEqual(["healed"]);
  });

  it("ticks a host at its deadline, and no more when it is gone", () => {
    const network = new SimulatedNetwork({ seed: 3 });
    const host = attach(network, "1.0.0.1:1");
    host.due = 25;
    network.wake("1.0.0.1:1");
    network.run(100);
    expect(host.ticks).toEqual([25]);
    host.due = 150;
    network.wake("1.0.0.1:1");
    network.detach("1.0.0.1:1");
    network.run(100);
    expect(host.ticks).toEqual([25]);
  });

  it("keeps a copy, so that the sender may write over its buffer", () => {
    const network = new SimulatedNetwork({ seed: 3 });
    const left = attach(network, "1.0.0.1:1");
    const right = attach(network, "1.0.0.2:1");
    const buffer = new TextEncoder().encode("first");
    left.socket.transmit(buffer, "1.0.0.2:1");
    buffer.fill(0);
    network.run(10);
    expect(right.received[0]?.text).toBe("first");
  });
});

describe("address translators (RFC 4787)", () => {
  /** Sends out to A, then lets A, another port of A's host, and B answer; tells who got in. */
  const whoGetsIn = (kind: NatKind): string[] => {
    const network = new SimulatedNetwork({ seed: 1 });
    const nat = new NatBox({ kind, publicIp: "9.9.9.9" });
    const inside = attach(network, "10.0.0.1:5000", nat);
    const a = attach(network, "1.0.0.1:1");
    const aOther = attach(network, "1.0.0.1:2");
    const b = attach(network, "1.0.0.2:1");
    inside.send("hello", "1.0.0.1:1");
    network.run(5);
    const seen = a.received[0]?.from ?? "";
    expect(seen.startsWith("9.9.9.9:")).toBe(true);
    a.send("a", seen);
    aOther.send("a other port", seen);
    b.send("b", seen);
    network.run(5);
    return inside.received.map(({ text }) => text);
  };

  it("let in whom their kind lets in", () => {
    expect(whoGetsIn("full-cone")).toEqual(["a", "a other port", "b"]);
    expect(whoGetsIn("address-restricted")).toEqual(["a", "a other port"]);
    expect(whoGetsIn("port-restricted")).toEqual(["a"]);
    expect(whoGetsIn("symmetric")).toEqual(["a"]);
  });

  it("show one address to everybody, except the symmetric kind", () => {
    for (const kind of [
      "full-cone",
      "address-restricted",
      "port-restricted",
      "symmetric",
    ] as const) {
      const nat = new NatBox({ kind, publicIp: "9.9.9.9" });
      const toA = nat.outbound("10.0.0.1:1", "1.0.0.1:1", 0);
      const toB = nat.outbound("10.0.0.1:1", "1.0.0.2:1", 0);
      expect(toA === toB).toBe(kind !== "symmetric");
    }
  });

  it("forget a mapping that nobody used, and open another port afterwards", () => {
    const nat = new NatBox({ kind: "port-restricted", publicIp: "9.9.9.9", idleMs: 1000 });
    const first = nat.outbound("10.0.0.1:1", "1.0.0.1:1", 0);
    const port = Number(first.split(":")[1]);
    expect(nat.inbound("1.0.0.1:1", port, 1000)).toBe("10.0.0.1:1");
    expect(nat.inbound("1.0.0.1:1", port, 1001)).toBeUndefined();
    expect(nat.outbound("10.0.0.1:1", "1.0.0.1:1", 1001)).not.toBe(first);
  });

  it("hide inside addresses from the outside, not from their neighbours", () => {
    const network = new SimulatedNetwork({ seed: 1 });
    const nat = new NatBox({ kind: "port-restricted", publicIp: "9.9.9.9" });
    const one = attach(network, "10.0.0.1:1", nat);
    const two = attach(network, "10.0.0.2:1", nat);
    const outside = attach(network, "1.0.0.1:1");
    outside.send("from outside", "10.0.0.1:1");
    two.send("from the neighbour", "10.0.0.1:1");
    network.run(5);
    expect(one.received.map(({ text, from }) => [text, from])).toEqual([
      ["from the neighbour", "10.0.0.2:1"],
    ]);
  });
});
