import { describe, expect, test } from "vitest";
import { Random } from "./random.testing.js";
import { drain, Endpoint, SimulatedLink } from "./simulated-link.testing.js";
import type { StreamSetOptions } from "./types.js";

const MEBIBYTE = 1024 * 1024;
const perfect = { loss: 0, duplication: 0, delay: 1, jitter: 0 };
const reliable = { reliability: "reliable" } as const;

function strict(options: Partial<StreamSetOptions> = {}): Endpoint {
  return new Endpoint({ strict: true, ...options });
}

function event(size: number, fill = 1): Uint8Array {
  return new Uint8Array(size).fill(fill);
}

/** Two ends that consume what they are given at once. */
function pair(options: Partial<StreamSetOptions> = {}, conditions = perfect): SimulatedLink {
  const a = strict(options);
  const b = strict(options);
  const link = new SimulatedLink(a, b, conditions, new Random(7));
  for (const end of [a, b]) end.onBatch = (batch) => end.set.consume(batch, link.now);
  return link;
}

describe("packets towards a strict peer", () => {
  test("events of one tick share a packet", () => {
    const a = strict();
    const handle = a.set.open(1n, 0, reliable);
    for (let index = 0; index < 100; index++) a.set.send(handle, [event(60)], 0);
    expect(drain(a, 0).map(({ eventCount }) => eventCount)).toEqual([100]);
  });

  test("fit behind a routing header, since they may have to be sent again through a relay", () => {
    const a = strict();
    expect(a.set.maxPayload).toBe(8094);
    a.set.open(1n, 0, reliable);
    a.set.sendTo(1n, [event(5000), event(3086), event(20_000), event(1)], 0);
    const sizes = drain(a, 0).map(({ payload }) => payload.length);
    expect(Math.max(...sizes)).toBe(8094);
    expect(sizes).toHaveLength(5);
  });

  test("share the session by the weights of their streams", () => {
    const a = strict({ sendBuffer: 64 * MEBIBYTE, maxCongestionWindow: 64 * MEBIBYTE });
    const b = strict();
    const link = new SimulatedLink(a, b, perfect, new Random(1));
    const heavy = a.set.open(1n, 0, { ...reliable, weight: 3 });
    const light = a.set.open(2n, 0, reliable);
    a.set.send(light, new Array(500).fill(event(8000)), 0);
    a.set.send(heavy, new Array(500).fill(event(8000)), 0);
    b.onBatch = (batch) => b.set.consume(batch, link.now);
    expect(link.run(() => b.batches.length >= 400, 10_000)).toBe(true);
    const share = b.batches.slice(0, 400).filter(({ streamId }) => streamId === 1n).length;
    expect(share).toBeGreaterThan(270);
    expect(share).toBeLessThan(330);
  });

  test("go out no faster than the congestion window, which opens with what arrives", () => {
    const a = strict();
    const b = strict();
    a.set.open(1n, 0, reliable);
    a.set.sendTo(1n, new Array(100).fill(event(8000)), 0);
    const first = drain(a, 0);
    expect(first.length).toBeLessThanOrEqual(11);
    expect(drain(a, 1)).toEqual([]);
    for (const packet of first) b.set.receive(packet, 1);
    for (const packet of drain(b, 1)) a.set.receive(packet, 2);
    expect(drain(a, 2).length).toBeGreaterThan(first.length);
  });
});

describe("reliable streams", () => {
  test("carry events of up to 16 MiB over a lossy link", () => {
    const link = pair({}, { ...perfect, loss: 0.02, jitter: 1 });
    const { a, b } = link;
    const large = event(16 * MEBIBYTE, 3);
    large[12_345_678] = 77;
    const handle = a.set.open(1n, 0, reliable);
    const rest = [event(0), event(100_000, 9)];
    expect(a.set.send(handle, [event(10), large, ...rest], 0)).toBe(2);
    expect(link.run(() => a.writable.length > 0, 600_000)).toBe(true);
    expect(a.set.send(handle, rest, link.now)).toBe(2);
    expect(link.run(() => b.batches.length === 4, 600_000)).toBe(true);
    const [first, second, third, fourth] = b.batches.flatMap((batch) => batch.events());
    expect(first).toEqual(event(10));
    expect(Buffer.compare(second ?? event(0), large)).toBe(0);
    expect(third).toEqual(event(0));
    expect(fourth).toEqual(event(100_000, 9));
    expect(() => a.set.send(handle, [event(16 * MEBIBYTE + 1)], 0)).toThrow(
      expect.objectContaining({ code: "EVENT_TOO_LARGE" }),
    );
  });

  test("carry many large events at once, when their readers take them one after the other", () => {
    const window = { receiveWindow: 65_536, peerReceiveWindow: 65_536 };
    const a = strict({ ...window, sendBuffer: 64 * MEBIBYTE });
    const b = strict(window);
    const link = new SimulatedLink(a, b, { ...perfect, loss: 0.05 }, new Random(3));
    b.onBatch = (batch) => link.at(link.now + 20, () => b.set.consume(batch, link.now));
    let most = 0;
    for (let id = 0n; id < 12n; id += 1n) {
      a.set.open(id, 0, reliable);
      expect(a.set.sendTo(id, [event(300_000), event(20_000), event(300_000)], 0)).toBe(3);
    }
    const done = (): boolean => {
      most = Math.max(most, b.set.sessionStats().heldBytes);
      return b.batches.length === 36;
    };
    expect(link.run(done, 600_000)).toBe(true);
    expect(b.violations).toEqual([]);
    expect(most).toBeLessThanOrEqual(8 * 65_536);
  });

  test("agree on what is large, whatever the window is and however it was announced", () => {
    for (const announced of [0, 16_384, 17 * 1024]) {
      const a = strict({ peerReceiveWindow: announced });
      const b = strict({ receiveWindow: announced + 1023 });
      const link = new SimulatedLink(a, b, perfect, new Random(1));
      b.onBatch = (batch) => b.set.consume(batch, link.now);
      const quarter = Math.max(16_384, announced) / 4;
      const sizes = Array.from({ length: 24 }, (_, index) => quarter - 16 + index);
      a.set.maxPayload = 1000;
      a.set.open(1n, 0, reliable);
      expect(
        a.set.sendTo(
          1n,
          sizes.map((size) => event(size)),
          0,
        ),
      ).toBe(24);
      expect(link.run(() => b.batches.length === 24, 60_000)).toBe(true);
    }
  });

  test("slow down for a reader that does not consume, and go on when it does", () => {
    const window = { receiveWindow: 65_536, peerReceiveWindow: 65_536 };
    const a = strict(window);
    const b = strict(window);
    const link = new SimulatedLink(a, b, perfect, new Random(1));
    const handle = a.set.open(1n, 0, reliable);
    let accepted = 0;
    for (;;) {
      const taken = a.set.send(handle, new Array(10).fill(event(1000)), link.now);
      accepted += taken;
      if (taken < 10) break;
      expect(accepted).toBeLessThan(3000);
    }
    expect(link.run(() => false, 1000)).toBe(false);
    expect(b.set.stats(1n)?.inboundPending).toBeLessThanOrEqual(65_536);
    expect(b.set.stats(1n)?.inboundPending).toBeGreaterThan(55_000);
    expect(a.writable).toEqual([]);
    const other = a.set.open(2n, link.now, reliable);
    a.set.send(other, [event(5)], link.now);
    expect(link.run(() => b.batches.some(({ streamId }) => streamId === 2n), 2000)).toBe(true);
    for (const batch of b.batches) b.set.consume(batch, link.now);
    b.onBatch = (batch) => b.set.consume(batch, link.now);
    const received = (): number => b.batches.reduce((sum, batch) => sum + batch.count, 0);
    expect(link.run(() => received() === accepted + 1, 60_000)).toBe(true);
    expect(a.writable).toEqual([1n]);
    expect(link.run(() => a.set.sessionStats().bufferedBytes === 0, link.now + 100)).toBe(true);
  });

  test("tell whoever waits for room that they were closed", () => {
    const a = strict({ peerReceiveWindow: 16_384 });
    const handle = a.set.open(1n, 0, reliable);
    while (a.set.send(handle, [event(1000)], 0) === 1);
    a.set.close(handle, 0);
    expect(a.writable).toEqual([1n]);
    expect(() => a.set.send(handle, [event(1)], 0)).toThrow("not connected");
  });

  test("tell their end once everything before it has been delivered", () => {
    const link = pair({}, { ...perfect, loss: 0.3, jitter: 5 });
    const { a, b } = link;
    const handle = a.set.open(1n, 0, reliable);
    a.set.send(handle, new Array(50).fill(event(4000)), 0);
    a.set.close(handle, 0);
    expect(() => a.set.send(handle, [event(1)], 0)).toThrow("stream not connected");
    expect(link.run(() => b.finished.length > 0, 60_000)).toBe(true);
    expect(b.batches.reduce((sum, batch) => sum + batch.count, 0)).toBe(50);
    expect(link.run(() => a.set.sessionStats().streams === 0, 60_000)).toBe(true);
  });

  test("keep openings of one id apart and in order", () => {
    const link = pair({}, { ...perfect, loss: 0.2, jitter: 8 });
    const { a, b } = link;
    for (let opening = 0; opening < 20; opening++) {
      const handle = a.set.open(1n, 0, reliable);
      a.set.send(handle, [event(9000, opening), event(1, opening)], 0);
      a.set.close(handle, 0);
    }
    expect(link.run(() => b.finished.length === 20, 600_000)).toBe(true);
    const fills = b.batches.flatMap((batch) => batch.events().map(([first]) => first));
    expect(fills).toEqual(Array.from({ length: 40 }, (_, index) => index >> 1));
  });

  test("answer on the stream that the peer opened, reliable as it is", () => {
    const link = pair();
    const { a, b } = link;
    const label = { subprotocolId: 0x0a00 };
    a.set.sendTo(5n, [event(1)], 0, { open: reliable, label });
    b.onBatch = (batch) => b.set.sendTo(batch.streamId, [event(2)], link.now);
    expect(link.run(() => a.batches.length === 1, 1000)).toBe(true);
    expect(b.batches[0]?.label.subprotocolId).toBe(0x0a00);
    expect(a.batches[0]).toMatchObject({ reliable: true, streamId: 5n });
  });

  test("are what their own side opens them as, although the peer sent first", () => {
    const link = pair();
    const { a, b } = link;
    a.set.sendTo(5n, [event(1)], 0);
    expect(link.run(() => b.batches.length === 1, 1000)).toBe(true);
    expect(b.set.stats(5n)?.reliability).toBe("fire_and_forget");
    b.set.open(5n, link.now, reliable);
    expect(b.set.stats(5n)?.reliability).toBe("reliable");
    b.set.sendTo(5n, [event(50_000)], link.now, { open: { reliability: "fire_and_forget" } });
    expect(link.run(() => a.batches.length === 1, 2000)).toBe(true);
    expect(a.batches[0]?.reliable).toBe(true);
  });

  test("are ended by their sender when idle for 300 s, and both ends forget them", () => {
    const link = pair();
    const { a, b } = link;
    a.set.open(1n, 0, reliable);
    a.set.sendTo(1n, [event(1)], 0);
    b.onBatch = (batch) => {
      b.set.consume(batch, link.now);
      b.set.sendTo(1n, [event(1)], link.now);
    };
    const forgotten = (): boolean =>
      link.now > 299_000 && a.set.sessionStats().streams + b.set.sessionStats().streams === 0;
    expect(link.run(forgotten, 1_000_000)).toBe(true);
    expect(link.now).toBeLessThan(310_000);
    link.run(() => false, 1_000_000);
    expect(link.steps).toBeLessThan(60);
    expect([a.set.deadline(), b.set.deadline()]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
  });

  test("recover within seconds from a link that was dark", () => {
    const dark = { ...perfect, blackout: [5, 20_000] as const };
    const link = pair({}, dark);
    const { a, b } = link;
    const handle = a.set.open(1n, 0, reliable);
    link.at(6, () => a.set.send(handle, new Array(100).fill(event(5000)), link.now));
    const done = (): boolean => b.batches.reduce((sum, batch) => sum + batch.count, 0) === 100;
    expect(link.run(done, 25_000)).toBe(true);
    expect(a.sentPackets).toBeLessThan(200);
  });

  test("a session may have 4096 of them, and no more until one has ended", () => {
    const link = pair({ maxStreams: 8 });
    const { a, b } = link;
    for (let id = 0n; id < 8n; id += 1n) {
      a.set.open(id, Number(id), reliable);
      a.set.sendTo(id, [event(1)], Number(id));
    }
    expect(() => a.set.open(8n, 9)).toThrow(expect.objectContaining({ code: "TOO_MANY_STREAMS" }));
    link.now = 10;
    expect(link.run(() => b.batches.length === 8, 1000)).toBe(true);
    link.run(() => false, link.now + 100);
    expect(() => a.set.open(8n, link.now)).toThrow(
      expect.objectContaining({ code: "TOO_MANY_STREAMS" }),
    );
    expect(link.run(() => b.finished.length === 1, link.now + 1000)).toBe(true);
    link.run(() => false, link.now + 100);
    expect(a.set.open(8n, link.now, reliable)).toBeDefined();
    expect(a.set.stats(0n)).toBeUndefined();
  });
});

describe("fire-and-forget streams", () => {
  test("deliver every event at most once, and nothing is sent again", () => {
    const link = pair({}, { loss: 0.1, duplication: 0.3, delay: 5, jitter: 30 });
    const { a, b } = link;
    let sent = 0;
    const write = (): void => {
      const bytes = new Uint8Array(2);
      new DataView(bytes.buffer).setUint16(0, sent);
      sent += a.set.sendTo(1n, [bytes], link.now);
      if (sent < 1000) link.at(link.now + 1, write);
    };
    write();
    link.run(() => false, 5000);
    const received = b.batches.flatMap((batch) =>
      batch.events().map((bytes) => (bytes[0] as number) * 256 + (bytes[1] as number)),
    );
    expect(new Set(received).size).toBe(received.length);
    expect(received.length).toBeGreaterThan(800);
    expect(received.length).toBeLessThan(1000);
    expect(a.set.sessionStats()).toMatchObject({ bufferedBytes: 0, bytesInFlight: 0 });
    expect(a.set.sessionStats().retransmittedPackets).toBe(0);
  });

  test("take no event that needs more than one packet", () => {
    const a = strict();
    expect(a.set.sendTo(1n, [event(8090)], 0)).toBe(1);
    expect(() => a.set.sendTo(1n, [event(8091)], 0)).toThrow(
      expect.objectContaining({ code: "EVENT_TOO_LARGE" }),
    );
  });

  test("are held back by the congestion window and refuse when their buffer is full", () => {
    const a = strict({ sendBuffer: 100_000 });
    let accepted = 0;
    for (let index = 0; index < 1000; index++) accepted += a.set.sendTo(1n, [event(8000)], 0);
    expect(accepted).toBeLessThan(30);
    expect(drain(a, 0).length).toBeLessThanOrEqual(11);
    expect(drain(a, 0)).toEqual([]);
  });

  test("pass a reliable stream that waits for its reader", () => {
    const window = { receiveWindow: 16_384, peerReceiveWindow: 16_384 };
    const a = strict(window);
    const b = strict(window);
    const link = new SimulatedLink(a, b, perfect, new Random(1));
    a.set.open(1n, 0, reliable);
    a.set.sendTo(1n, new Array(100).fill(event(1000)), 0);
    a.set.sendTo(2n, [event(1)], 0);
    expect(link.run(() => b.batches.some(({ streamId }) => streamId === 2n), 1000)).toBe(true);
  });
});

describe("acknowledgements", () => {
  test("of a single packet come within 10 ms, and nobody acknowledges an acknowledgement", () => {
    const link = pair();
    const { a, b } = link;
    a.set.sendTo(1n, [event(1)], 0, { open: reliable });
    link.run(() => a.set.sessionStats().bytesInFlight === 0 && b.sentPackets > 0, 100);
    expect(link.now).toBeLessThanOrEqual(13);
    link.run(() => false, 10_000);
    expect(a.sentPackets + b.sentPackets).toBeLessThanOrEqual(4);
  });

  test("lead to the round-trip time of the link", () => {
    const link = pair({}, { ...perfect, delay: 40 });
    const { a, b } = link;
    const handle = a.set.open(1n, 0, reliable);
    const write = (): void => {
      a.set.send(handle, [event(500)], link.now);
      if (link.now < 3000) link.at(link.now + 20, write);
    };
    write();
    link.run(() => false, 4000);
    expect(b.batches.length).toBeGreaterThan(100);
    expect(a.set.sessionStats().smoothedRtt).toBeGreaterThan(75);
    expect(a.set.sessionStats().smoothedRtt).toBeLessThan(100);
    expect(a.set.sessionStats()).toMatchObject({ lostPackets: 0, probes: 0 });
  });

  test("show a link that reorders for what it is, after a while", () => {
    const link = pair({}, { ...perfect, delay: 10, jitter: 8 });
    const { a, b } = link;
    const handle = a.set.open(1n, 0, reliable);
    let sent = 0;
    const write = (): void => {
      sent += a.set.send(handle, new Array(4).fill(event(4000)), link.now);
      if (sent < 4000) link.at(link.now + 1, write);
    };
    write();
    link.run(() => b.batches.reduce((sum, batch) => sum + batch.count, 0) === 4000, 60_000);
    const { spuriousLosses, lostPackets, packetsSent } = a.set.sessionStats();
    expect(spuriousLosses).toBeGreaterThan(0);
    expect(lostPackets).toBeLessThan(packetsSent / 20);
  });
});
