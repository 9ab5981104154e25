import { describe, expect, test } from "vitest";
import { decodeEventFrames, encodeEventFrames } from "../event-frames.js";
import { NetWireError } from "../net-wire-error.js";
import { decodeStreamGrant, encodeStreamGrant, GRANT_STREAM } from "../stream-grant.js";
import { drain, Endpoint } from "./simulated-link.testing.js";
import type { IncomingPacket, StreamHandle, StreamSetOptions } from "./types.js";

const RELIABLE = 0x01;

function legacy(options: Partial<StreamSetOptions> = {}): Endpoint {
  return new Endpoint({ strict: false, ...options });
}

const event = (size: number, fill = 1): Uint8Array => new Uint8Array(size).fill(fill);

function framed(events: readonly Uint8Array[]): Uint8Array {
  return encodeEventFrames(events);
}

function data(
  streamId: bigint,
  sequence: bigint,
  events: readonly Uint8Array[] = [event(20)],
  fields: Partial<IncomingPacket> = {},
): IncomingPacket {
  return {
    flags: 0,
    fragFlags: 0,
    subprotocolId: 0,
    channelHint: 0,
    counter: 0,
    streamId,
    sequence,
    subnetId: 0,
    originHash: 0,
    fragmentId: 0,
    fragmentOffset: 0,
    eventCount: events.length,
    payload: framed(events),
    ...fields,
  };
}

function grant(streamId: bigint, totalConsumed: bigint): IncomingPacket {
  const events = [encodeStreamGrant({ streamId, totalConsumed })];
  return data(GRANT_STREAM, 0n, events, { subprotocolId: 0x0b00 });
}

describe("openings towards a 0.19.0 peer", () => {
  test("the first open wins", () => {
    const { set } = legacy();
    const first = set.open(5n, 0, { window: 1000, weight: 3 });
    const second = set.open(5n, 1, { window: 9000 });
    expect(second).toBe(first);
    expect(set.stats(5n)?.txWindow).toBe(1000);
  });

  test("an old handle is of no use, even when its id is open again", () => {
    const { set } = legacy();
    const old = set.open(5n, 0);
    set.close(old, 1);
    expect(set.isOpen(old)).toBe(false);
    expect(set.stats(5n)).toBeUndefined();
    const again = set.open(5n, 2);
    expect(again.epoch).not.toBe(old.epoch);
    expect(() => set.send(old, [event(1)], 3)).toThrow(
      expect.objectContaining({ code: "NOT_CONNECTED", message: "stream not connected" }),
    );
    set.close(old, 4);
    expect(set.isOpen(again)).toBe(true);
  });

  test("a handle of another session is not connected", () => {
    const other = legacy().set.open(5n, 0);
    const { set } = legacy();
    set.open(5n, 0);
    expect(() => set.send(other, [event(1)], 0)).toThrow("stream not connected");
  });

  test("a stream is made by its first use, in either direction, with the defaults", () => {
    const endpoint = legacy();
    endpoint.set.receive(data(9n, 0n), 0);
    endpoint.set.sendTo(8n, [event(1)], 0);
    for (const id of [8n, 9n]) {
      expect(endpoint.set.stats(id)).toMatchObject({
        txWindow: 65_536,
        reliability: "fire_and_forget",
      });
    }
  });

  test("an idle stream is evicted after 300 s, and the least recently used beyond 4096", () => {
    const { set } = legacy();
    for (let id = 0n; id < 4096n; id += 1n) set.open(id, Number(id) / 100);
    set.sendTo(0n, [event(1)], 50);
    set.open(10_000n, 60);
    expect(set.stats(0n)).toBeDefined();
    expect(set.stats(1n)).toBeUndefined();
    expect(set.sessionStats()).toMatchObject({ streams: 4096, evictedStreams: 1 });
    while (set.next(61) !== undefined);
    expect(set.deadline()).toBeCloseTo(300_000.02);
    set.next(300_049);
    expect(set.sessionStats().streams).toBe(2);
    set.next(300_060);
    expect(set.sessionStats().streams).toBe(0);
    expect(set.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test("options out of range are refused", () => {
    const { set } = legacy();
    expect(() => set.open(1n, 0, { weight: 0 })).toThrow(NetWireError);
    expect(() => set.open(1n, 0, { window: -1 })).toThrow(NetWireError);
    expect(() => {
      set.maxPayload = 9000;
    }).toThrow(NetWireError);
    expect(() => legacy({ maxStreams: 0 })).toThrow(NetWireError);
  });
});

describe("packets towards a 0.19.0 peer", () => {
  test("events of one tick share a packet, until it is full", () => {
    const endpoint = legacy({ sendBuffer: 2 ** 30 });
    const handle = endpoint.set.open(1n, 0, { window: 0 });
    for (let index = 0; index < 500; index++) endpoint.set.send(handle, [event(64)], 0);
    const packets = drain(endpoint, 0);
    expect(packets.map(({ eventCount }) => eventCount)).toEqual([119, 119, 119, 119, 24]);
    expect(packets.map(({ sequence }) => sequence)).toEqual([0n, 1n, 2n, 3n, 4n]);
    expect(endpoint.set.send(handle, [event(64)], 1)).toBe(1);
    expect(drain(endpoint, 1)[0]?.sequence).toBe(5n);
  });

  test("a packet carries at most 2028 events, however small they are", () => {
    const endpoint = legacy();
    endpoint.set.sendTo(1n, new Array(2029).fill(event(0)), 0, { uncredited: true });
    expect(drain(endpoint, 0).map(({ eventCount }) => eventCount)).toEqual([2028, 1]);
  });

  test("an event of 8108 bytes is the largest; a larger one is refused before anything is sent", () => {
    const endpoint = legacy();
    expect(endpoint.set.sendTo(1n, [event(8108)], 0)).toBe(1);
    expect(drain(endpoint, 0)[0]?.payload.length).toBe(8112);
    expect(() => endpoint.set.sendTo(1n, [event(1), event(8109)], 0)).toThrow(
      expect.objectContaining({ code: "EVENT_TOO_LARGE" }),
    );
    expect(drain(endpoint, 0)).toEqual([]);
  });

  test("reliable streams set the flag, and labels keep events apart", () => {
    const endpoint = legacy({ defaults: { reliability: "reliable" } });
    const label = { channelHint: 7, originHash: 9, subnetId: 3 };
    endpoint.set.sendTo(1n, [event(1)], 0);
    endpoint.set.sendTo(1n, [event(1)], 0, { label });
    endpoint.set.sendTo(1n, [event(1)], 0, { label });
    endpoint.set.sendTo(0x0a00n, [event(1)], 0, {
      label: { subprotocolId: 0x0a00 },
      uncredited: true,
    });
    expect(drain(endpoint, 0)).toMatchObject([
      { flags: RELIABLE, eventCount: 1, channelHint: 0 },
      { flags: RELIABLE, eventCount: 2, channelHint: 7, originHash: 9, subnetId: 3 },
      { flags: 0, eventCount: 1, subprotocolId: 0x0a00, sequence: 0n },
    ]);
  });

  test("streams share the session by their weights", () => {
    const endpoint = legacy({ sendBuffer: 2 ** 30 });
    const heavy = endpoint.set.open(1n, 0, { window: 0, weight: 3 });
    const light = endpoint.set.open(2n, 0, { window: 0 });
    endpoint.set.send(light, new Array(100).fill(event(8000)), 0);
    endpoint.set.send(heavy, new Array(100).fill(event(8000)), 0);
    const ids = drain(endpoint, 0).slice(0, 80);
    const share = ids.filter(({ streamId }) => streamId === 1n).length;
    expect(share).toBeGreaterThanOrEqual(57);
    expect(share).toBeLessThanOrEqual(63);
  });

  test("what was accepted is sent although the stream is closed at once", () => {
    const endpoint = legacy();
    const handle = endpoint.set.open(1n, 0);
    endpoint.set.send(handle, [event(5)], 0);
    endpoint.set.close(handle, 0);
    expect(drain(endpoint, 0)).toHaveLength(1);
  });

  test("what is not fetched in time is refused for want of buffer, and writable follows", () => {
    const endpoint = legacy({ sendBuffer: 40_000 });
    const handle = endpoint.set.open(1n, 0, { window: 0 });
    const accepted = endpoint.set.send(handle, new Array(100).fill(event(1000)), 0);
    expect(accepted).toBeGreaterThan(5);
    expect(accepted).toBeLessThan(30);
    expect(endpoint.writable).toEqual([]);
    drain(endpoint, 0);
    expect(endpoint.writable).toEqual([1n]);
    expect(endpoint.set.sessionStats().bufferedBytes).toBe(0);
  });
});

describe("credit towards a 0.19.0 peer", () => {
  test("a packet costs 80 and its payload, and is refused as a whole", () => {
    const endpoint = legacy();
    const { set } = endpoint;
    const handle = set.open(1n, 0, { window: 10_000 });
    expect(set.send(handle, new Array(20).fill(event(1000)), 0)).toBe(8);
    expect(set.stats(1n)).toMatchObject({
      txCreditRemaining: 10_000 - 80 - 8 * 1004,
      backpressureEvents: 1,
      txSequence: 1n,
    });
    expect(drain(endpoint, 0)).toHaveLength(1);
    expect(endpoint.writable).toEqual([]);
    set.receive(grant(1n, 8112n), 1);
    expect(set.stats(1n)).toMatchObject({ txCreditRemaining: 10_000, creditGrantsReceived: 1 });
    expect(endpoint.writable).toEqual([1n]);
  });

  test("whoever waits for room hears of the end of the stream, closed or evicted", () => {
    const endpoint = legacy();
    const { set } = endpoint;
    const [closed, idle] = [1n, 2n].map((id) => set.open(id, 0, { window: 1000 }));
    for (const handle of [closed, idle]) {
      const taken = [0, 1].map(() => set.send(handle as StreamHandle, [event(800)], 0));
      expect(taken).toEqual([1, 0]);
    }
    drain(endpoint, 0);
    set.close(closed as StreamHandle, 1);
    expect(endpoint.writable).toEqual([1n]);
    set.next(300_001);
    expect(endpoint.writable).toEqual([1n, 2n]);
    expect(() => set.send(idle as StreamHandle, [event(1)], 300_001)).toThrow("not connected");
  });

  test("grants are absolute, never exceed what was sent, and never go back", () => {
    const endpoint = legacy();
    const { set } = endpoint;
    set.open(1n, 0, { window: 1000 });
    set.sendTo(1n, [event(16)], 0);
    drain(endpoint, 0);
    set.receive(grant(1n, 50n), 1);
    expect(set.stats(1n)?.txCreditRemaining).toBe(950);
    set.receive(grant(1n, 50n), 1);
    set.receive(grant(1n, 20n), 1);
    expect(set.stats(1n)?.txCreditRemaining).toBe(950);
    set.receive(grant(1n, 2n ** 64n - 1n), 1);
    expect(set.stats(1n)).toMatchObject({ txCreditRemaining: 1000, creditGrantsReceived: 4 });
    set.sendTo(1n, [event(16)], 2);
    expect(set.stats(1n)?.txCreditRemaining).toBe(900);
  });

  test("a packet above the window is refused for ever; window 0 is unlimited", () => {
    const { set } = legacy();
    const small = set.open(1n, 0, { window: 100 });
    expect(set.send(small, [event(17)], 0)).toBe(0);
    expect(set.send(small, [event(16)], 0)).toBe(1);
    const open = set.open(2n, 0, { window: 0 });
    expect(set.send(open, new Array(500).fill(event(1000)), 0)).toBe(500);
    expect(set.stats(2n)?.txCreditRemaining).toBe(Number.POSITIVE_INFINITY);
  });

  test("a refused datagram gives its cost back", () => {
    const { set } = legacy();
    set.open(1n, 0, { window: 1000 });
    set.sendTo(1n, [event(16)], 0);
    const packet = set.next(0);
    if (packet === undefined) throw new Error("no packet");
    set.sealed(packet, 0, 0);
    expect(set.stats(1n)?.txCreditRemaining).toBe(900);
    set.failed(packet, 0);
    expect(set.stats(1n)?.txCreditRemaining).toBe(1000);
    set.receive(grant(1n, 100n), 0);
    expect(set.stats(1n)?.txCreditRemaining).toBe(1000);
  });

  test("grants for unknown streams, and for ids closed within 2 s, are ignored", () => {
    const { set } = legacy();
    set.close(set.open(1n, 0, { window: 1000 }), 0);
    set.open(1n, 100, { window: 1000 });
    set.sendTo(1n, [event(16)], 100);
    set.receive(grant(1n, 100n), 1999);
    set.receive(grant(77n, 100n), 1999);
    expect(set.stats(1n)).toMatchObject({ txCreditRemaining: 900, creditGrantsReceived: 0 });
    expect(set.sessionStats().ignoredGrants).toBe(2);
    set.receive(grant(1n, 100n), 2000);
    expect(set.stats(1n)).toMatchObject({ txCreditRemaining: 1000, creditGrantsReceived: 1 });
  });

  test("grants of another length are skipped, and the rest of the packet counts", () => {
    const { set } = legacy();
    set.open(1n, 0, { window: 1000 });
    set.sendTo(1n, [event(16)], 0);
    const good = encodeStreamGrant({ streamId: 1n, totalConsumed: 100n });
    set.receive(data(GRANT_STREAM, 0n, [event(15), good], { subprotocolId: 0x0b00 }), 1);
    expect(set.stats(1n)?.txCreditRemaining).toBe(1000);
  });

  test("every received packet is granted at once, credited or not", () => {
    const endpoint = legacy();
    endpoint.set.receive(data(1n, 0n, [event(20)]), 0);
    endpoint.set.receive(data(1n, 1n, [event(20)]), 0);
    endpoint.set.receive(data(2n, 0n, [event(6)]), 0);
    const [packet, ...rest] = drain(endpoint, 0);
    expect(rest).toEqual([]);
    expect(packet).toMatchObject({
      flags: 0,
      subprotocolId: 0x0b00,
      streamId: GRANT_STREAM,
      sequence: 0n,
      eventCount: 3,
    });
    const grants = decodeEventFrames(packet?.payload ?? event(0), 3).map(decodeStreamGrant);
    expect(grants).toEqual([
      { streamId: 1n, totalConsumed: 104n },
      { streamId: 1n, totalConsumed: 208n },
      { streamId: 2n, totalConsumed: 90n },
    ]);
    expect(endpoint.set.stats(1n)).toMatchObject({ creditGrantsSent: 2, rxSequence: 1n });
    endpoint.set.receive(data(1n, 2n), 1);
    expect(drain(endpoint, 1)[0]?.sequence).toBe(1n);
  });

  test("nothing is granted for subprotocols, nor where we opened without limit", () => {
    const endpoint = legacy();
    endpoint.set.open(1n, 0, { window: 0 });
    endpoint.set.receive(data(1n, 0n), 0);
    endpoint.set.receive(data(0x0a00n, 0n, [event(3)], { subprotocolId: 0x0a00 }), 0);
    expect(drain(endpoint, 0)).toEqual([]);
    expect(endpoint.batches.map(({ label }) => label.subprotocolId)).toEqual([0, 0x0a00]);
    endpoint.set.receive(data(5n, 0n, [event(3)], { subprotocolId: 0x7777 }), 0);
    expect(drain(endpoint, 0)).toHaveLength(1);
  });

  test("the two-endpoint adapter neither asks for credit nor grants it", () => {
    const endpoint = legacy({ credit: false });
    const handle = endpoint.set.open(1n, 0);
    expect(endpoint.set.send(handle, new Array(200).fill(event(1000)), 0)).toBe(200);
    endpoint.set.receive(data(1n, 0n), 0);
    expect(drain(endpoint, 0).every(({ subprotocolId }) => subprotocolId === 0)).toBe(true);
  });

  test("a flood of streams leaves no more than a bounded number of grants behind", () => {
    const endpoint = legacy();
    for (let id = 0n; id < 40_000n; id += 1n) endpoint.set.receive(data(id, 0n), 0);
    const grants = drain(endpoint, 0).reduce((sum, { eventCount }) => sum + eventCount, 0);
    expect(grants).toBeLessThanOrEqual(16_384);
    expect(endpoint.set.sessionStats().streams).toBe(4096);
  });
});

describe("events from a 0.19.0 peer", () => {
  test("a mesh delivers what the filter refuses too, and grants only what it accepts", () => {
    const endpoint = legacy();
    endpoint.set.open(1n, 0, { reliability: "reliable" });
    for (const sequence of [0n, 2n, 2n, 100n]) endpoint.set.receive(data(1n, sequence), 0);
    expect(endpoint.batches.map(({ verdict }) => verdict)).toEqual([
      "accepted",
      "accepted",
      "duplicate",
      "refused",
    ]);
    expect(endpoint.set.stats(1n)).toMatchObject({ creditGrantsSent: 2, rxSequence: 2n });
  });

  test("the adapter drops it", () => {
    const endpoint = legacy({
      credit: false,
      dropRefused: true,
      defaults: { reliability: "reliable" },
    });
    for (const sequence of [0n, 0n, 2n, 70n, 1n]) endpoint.set.receive(data(1n, sequence), 0);
    expect(endpoint.batches.map(({ sequence }) => sequence)).toEqual([0n, 2n, 1n]);
  });

  test("a fire-and-forget stream takes duplicates", () => {
    const endpoint = legacy();
    endpoint.set.receive(data(1n, 4n), 0);
    endpoint.set.receive(data(1n, 4n), 0);
    expect(endpoint.batches.map(({ verdict }) => verdict)).toEqual(["accepted", "accepted"]);
  });

  test("a batch gives its events as views, and stops at a frame that is cut off", () => {
    const endpoint = legacy();
    const payload = framed([event(2, 7), event(3, 8)]).subarray(0, 12);
    endpoint.set.receive(data(1n, 0n, [], { payload, eventCount: 2 }), 0);
    const [batch] = endpoint.batches;
    expect([...(batch ?? [])]).toEqual([event(2, 7)]);
    expect(batch?.count).toBe(1);
  });

  test("two legacy sets exchange a thousand credited packets with nothing lost", () => {
    const a = legacy();
    const b = legacy();
    const handle = a.set.open(1n, 0);
    let sent = 0;
    for (let now = 0; sent < 5000; now++) {
      const events = Array.from({ length: 100 }, (_, index) => event(100, sent + index));
      sent += a.set.send(handle, events.slice(0, 5000 - sent), now);
      for (const packet of drain(a, now)) b.set.receive(packet, now);
      for (const packet of drain(b, now)) a.set.receive(packet, now);
    }
    const received = b.batches.flatMap((batch) => batch.events().map(([first]) => first));
    expect(received).toEqual(Array.from({ length: 5000 }, (_, index) => index & 0xff));
  });
});
