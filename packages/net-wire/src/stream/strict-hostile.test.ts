import { describe, expect, test } from "vitest";
import { encodeEventFrames } from "../event-frames.js";
import { ControlWriter } from "./control-frames.js";
import { Random } from "./random.testing.js";
import { RangeSet } from "./range-set.js";
import { drain, Endpoint } from "./simulated-link.testing.js";
import type { IncomingPacket, StreamSetOptions } from "./types.js";

const RELIABLE = 0x01;
const FIN = 0x08;
const MORE = 0x01;

function strict(options: Partial<StreamSetOptions> = {}): Endpoint {
  return new Endpoint({ strict: true, ...options });
}

/** An authenticated peer that says what it likes. */
class Hostile {
  #counter = 0;

  packet(fields: Partial<IncomingPacket>): IncomingPacket {
    return {
      flags: RELIABLE,
      fragFlags: 0,
      subprotocolId: 0,
      channelHint: 0,
      counter: this.#counter++,
      streamId: 1n,
      sequence: 0n,
      subnetId: 0,
      originHash: 0,
      fragmentId: 1,
      fragmentOffset: 0,
      eventCount: 1,
      payload: encodeEventFrames([new Uint8Array(10)]),
      ...fields,
    };
  }

  control(fill: (writer: ControlWriter) => void): IncomingPacket {
    const writer = new ControlWriter(new Uint8Array(2048));
    fill(writer);
    return this.packet({ flags: 0, subprotocolId: 0x4746, payload: writer.finish().slice() });
  }

  raw(...bytes: number[]): IncomingPacket {
    const payload = encodeEventFrames([Uint8Array.from(bytes)]);
    return this.packet({ flags: 0, subprotocolId: 0x4746, payload });
  }
}

function ranges(...values: number[]): RangeSet {
  const set = new RangeSet(256, "forget");
  for (const value of values) set.add(value);
  return set;
}

/** The first fragment of an event that announces `length` bytes. */
function firstFragment(length: number, size: number): Uint8Array {
  const payload = new Uint8Array(size);
  new DataView(payload.buffer).setUint32(0, length, true);
  return payload;
}

describe("a hostile acknowledgement", () => {
  test("of packets that were never sent changes nothing", () => {
    const a = strict();
    const peer = new Hostile();
    a.set.open(1n, 0, { reliability: "reliable" });
    a.set.sendTo(1n, [new Uint8Array(100)], 0);
    drain(a, 0);
    const before = a.set.sessionStats();
    a.set.receive(
      peer.control((writer) => writer.acknowledge(ranges(0, 1), 0)),
      1,
    );
    a.set.receive(
      peer.control((writer) => writer.acknowledge(ranges(2 ** 52), 0)),
      1,
    );
    const after = a.set.sessionStats();
    expect(after.malformedControls).toBe(2);
    expect(after.bytesInFlight).toBe(before.bytesInFlight);
    expect(after.bufferedBytes).toBe(before.bufferedBytes);
  });

  test("that repeats itself counts once", () => {
    const a = strict();
    const peer = new Hostile();
    a.set.open(1n, 0, { reliability: "reliable" });
    a.set.sendTo(1n, [new Uint8Array(100)], 0);
    drain(a, 0);
    for (let index = 0; index < 10; index++) {
      a.set.receive(
        peer.control((writer) => writer.acknowledge(ranges(0), 0)),
        1,
      );
    }
    expect(a.set.sessionStats()).toMatchObject({ bytesInFlight: 0, bufferedBytes: 0 });
  });

  test("of huge ranges costs no time, and malformed ones are counted", () => {
    const a = strict();
    const peer = new Hostile();
    a.set.open(1n, 0, { reliability: "reliable" });
    for (let now = 0; now < 5; now++) {
      a.set.sendTo(1n, [new Uint8Array(100)], now);
      drain(a, now);
    }
    a.counter = 2 ** 50;
    a.set.sendTo(1n, [new Uint8Array(100)], 5);
    drain(a, 5);
    // From 0 to 2^50, which includes counters that were skipped.
    const huge = [0xc0, 4, 0, 0, 0, 0, 0, 0];
    a.set.receive(peer.raw(1, 1, ...huge, 0, 0, ...huge), 6);
    expect(a.set.sessionStats()).toMatchObject({ bytesInFlight: 0, malformedControls: 0 });
    a.set.receive(peer.raw(1, 1, 5, 0, 0, 9), 6);
    a.set.receive(peer.raw(7), 6);
    a.set.receive(peer.packet({ flags: 0, subprotocolId: 0x4746, eventCount: 0 }), 6);
    expect(a.set.sessionStats().malformedControls).toBe(3);
  });

  test("and random control messages neither throw nor grow anything", () => {
    const random = new Random(5);
    const a = strict();
    const peer = new Hostile();
    a.set.open(1n, 0, { reliability: "reliable" });
    for (let round = 0; round < 5000; round++) {
      if (round % 50 === 0) a.set.sendTo(1n, [new Uint8Array(2000)], round);
      drain(a, round);
      const bytes = Array.from({ length: random.integer(0, 30) }, () => random.integer(0, 255));
      if (random.chance(0.8)) bytes.unshift(1, random.integer(1, 4));
      a.set.receive(peer.raw(...bytes), round);
    }
    const stats = a.set.sessionStats();
    expect(stats.bytesInFlight).toBeGreaterThanOrEqual(0);
    expect(stats.bufferedBytes).toBeGreaterThanOrEqual(0);
    expect(stats.streams).toBe(1);
  });

  test("that never comes leaves memory bounded", () => {
    const a = strict({ sendBuffer: 100_000 });
    a.set.open(1n, 0, { reliability: "reliable" });
    let packets = 0;
    for (let now = 0; now < 3_600_000; now += 1000) {
      a.set.sendTo(1n, [new Uint8Array(8000)], now);
      packets += drain(a, now).length;
    }
    expect(a.set.sessionStats().bufferedBytes).toBeLessThan(110_000);
    // Two probes every three seconds at most.
    expect(packets).toBeLessThan(3000);
  });
});

describe("a hostile credit", () => {
  test("gives no more than was sent, for streams that exist", () => {
    const a = strict({ peerReceiveWindow: 16_384 });
    const peer = new Hostile();
    a.set.open(1n, 0, { reliability: "reliable" });
    a.set.sendTo(1n, new Array(100).fill(new Uint8Array(1000)), 0);
    drain(a, 0);
    const credit = peer.control((writer) => {
      writer.sessionCredit({ consumed: 2 ** 50, largeEvents: 2 ** 50 });
      writer.streamCredits([
        { opening: 1, consumed: 2 ** 50 },
        { opening: 99, consumed: 5 },
        { opening: 0, consumed: 5 },
      ]);
    });
    a.set.receive(credit, 1);
    expect(a.set.stats(1n)?.txCreditRemaining).toBe(16_384);
    expect(a.set.sessionStats().ignoredGrants).toBe(2);
  });
});

describe("hostile data", () => {
  test("beyond the window is dropped and counted, and what is inside still arrives", () => {
    const a = strict({ receiveWindow: 16_384 });
    const peer = new Hostile();
    const payload = encodeEventFrames([new Uint8Array(1000)]);
    for (let sequence = 0n; sequence < 100n; sequence += 1n) {
      a.set.receive(peer.packet({ sequence, payload }), 0);
    }
    expect(a.batches).toHaveLength(15);
    expect(a.set.sessionStats()).toMatchObject({ overrunPackets: 85, violations: 0 });
    for (const batch of a.batches) a.set.consume(batch, 1);
    a.set.receive(peer.packet({ sequence: 15n, payload }), 1);
    expect(a.batches).toHaveLength(16);
  });

  test("far ahead of what is missing is held within the window only", () => {
    const a = strict({ receiveWindow: 16_384 });
    const peer = new Hostile();
    for (let index = 1n; index < 10_000n; index += 1n) {
      a.set.receive(peer.packet({ sequence: index * 1_000_000n }), 0);
    }
    a.set.receive(peer.packet({ sequence: 2n ** 63n }), 0);
    expect(a.batches).toEqual([]);
    expect(a.set.sessionStats().heldBytes).toBeLessThanOrEqual(16_384);
  });

  test("on many streams is held within the window of the session", () => {
    const a = strict({ receiveWindow: 16_384 });
    const peer = new Hostile();
    const payload = encodeEventFrames([new Uint8Array(5000)]);
    for (let opening = 1; opening < 6000; opening++) {
      const fields = { fragmentId: opening, streamId: BigInt(opening), sequence: 1n, payload };
      a.set.receive(peer.packet(fields), 0);
    }
    const stats = a.set.sessionStats();
    expect(stats.heldBytes).toBeLessThanOrEqual(8 * 16_384);
    expect(stats.streams).toBeLessThanOrEqual(4096);
  });

  test("on more streams than there may be is refused", () => {
    const a = strict({ maxStreams: 10 });
    const peer = new Hostile();
    for (let opening = 1; opening <= 50; opening++) {
      const fields = { fragmentId: opening, streamId: BigInt(opening), eventCount: 0 };
      a.set.receive(peer.packet({ ...fields, payload: new Uint8Array(0) }), 0);
    }
    expect(a.set.sessionStats()).toMatchObject({ streams: 10, overrunPackets: 40 });
  });

  test("without an opening, or with one that belongs to another stream, is dropped", () => {
    const a = strict();
    const peer = new Hostile();
    a.set.receive(peer.packet({ fragmentId: 0 }), 0);
    a.set.receive(peer.packet({}), 0);
    a.set.receive(peer.packet({ streamId: 2n, sequence: 1n }), 0);
    expect(a.batches).toHaveLength(1);
    expect(a.set.sessionStats().malformedControls).toBe(2);
  });

  test("after the end of a stream is late or a violation, and never delivered", () => {
    const a = strict();
    const peer = new Hostile();
    a.set.receive(peer.packet({ flags: RELIABLE | FIN }), 0);
    a.set.receive(peer.packet({ sequence: 1n }), 0);
    expect(a.finished).toEqual([1n]);
    expect(a.batches).toHaveLength(1);
    expect(a.set.sessionStats().stalePackets).toBe(1);
    a.set.receive(peer.packet({ fragmentId: 2, sequence: 5n }), 0);
    a.set.receive(peer.packet({ fragmentId: 2, flags: RELIABLE | FIN }), 0);
    expect(a.violations).toEqual(["1: data after the end"]);
  });

  test("on fire-and-forget streams that nobody reads is dropped beyond the session's window", () => {
    const a = strict({ receiveWindow: 16_384 });
    const peer = new Hostile();
    const payload = encodeEventFrames([new Uint8Array(8000)]);
    for (let sequence = 0n; sequence < 100n; sequence += 1n) {
      a.set.receive(peer.packet({ flags: 0, fragmentId: 0, sequence, payload }), 0);
    }
    expect(a.set.sessionStats().heldBytes).toBeLessThanOrEqual(8 * 16_384);
    expect(a.set.sessionStats().overrunPackets).toBeGreaterThan(80);
    for (const batch of a.batches) {
      a.set.consume(batch, 1);
      a.set.consume(batch, 1);
    }
    expect(a.set.sessionStats().heldBytes).toBe(0);
  });
});

describe("hostile fragments", () => {
  const fragment = (
    sequence: number,
    payload: Uint8Array,
    more = true,
  ): Partial<IncomingPacket> => ({
    sequence: BigInt(sequence),
    fragFlags: more ? MORE : 0,
    eventCount: more ? 0 : 1,
    payload,
  });

  test.each([
    ["event too large", [firstFragment(16 * 1024 * 1024 + 1, 8000)]],
    ["event longer than announced", [firstFragment(100, 60), new Uint8Array(60)]],
    ["event cut short", [new Uint8Array(3)]],
    ["event cut short", [firstFragment(100, 60), new Uint8Array(0)]],
    ["event cut short", [firstFragment(56, 60)]],
  ])("end the stream: %s", (reason, payloads) => {
    const a = strict();
    const peer = new Hostile();
    for (const [index, payload] of payloads.entries()) {
      a.set.receive(peer.packet(fragment(index, payload)), 0);
    }
    expect(a.violations).toEqual([`1: ${reason}`]);
    a.set.receive(peer.packet(fragment(payloads.length, new Uint8Array(8000))), 0);
    expect(a.batches).toEqual([]);
    expect(a.set.sessionStats()).toMatchObject({ violations: 1, stalePackets: 1, heldBytes: 0 });
  });

  test("that stop halfway, or in which the stream ends, end it too", () => {
    const a = strict();
    const peer = new Hostile();
    a.set.receive(peer.packet(fragment(0, firstFragment(500, 60))), 0);
    a.set.receive(peer.packet(fragment(1, new Uint8Array(60), false)), 0);
    expect(a.violations).toEqual(["1: event cut short"]);
    const other = { fragmentId: 2, streamId: 2n, flags: RELIABLE | FIN };
    a.set.receive(peer.packet({ ...fragment(0, firstFragment(500, 60)), ...other }), 0);
    expect(a.violations).toHaveLength(2);
  });

  test("of an event that never ends take memory as they come, not as they announce", () => {
    const a = strict();
    const peer = new Hostile();
    const before = process.memoryUsage().arrayBuffers;
    for (let opening = 1; opening <= 4; opening++) {
      const fields = { fragmentId: opening, streamId: BigInt(opening) };
      const first = fragment(0, firstFragment(16 * 1024 * 1024, 8000));
      a.set.receive(peer.packet({ ...first, ...fields }), 0);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
    expect(a.violations).toEqual([]);
  });

  test("of more than four large events at once end the stream of the fifth", () => {
    const a = strict();
    const peer = new Hostile();
    for (let opening = 1; opening <= 6; opening++) {
      const fields = { fragmentId: opening, streamId: BigInt(opening) };
      const first = fragment(0, firstFragment(1024 * 1024, 8000));
      a.set.receive(peer.packet({ ...first, ...fields }), 0);
    }
    expect(a.violations).toEqual(["5: too many large events", "6: too many large events"]);
    expect(a.set.sessionStats().streams).toBe(6);
  });
});
