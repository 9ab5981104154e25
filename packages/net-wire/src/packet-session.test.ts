import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  EPOCH_MS,
  EPOCH_PACKETS,
  MAX_PAYLOAD_BYTES,
  PacketSession,
  type SealFields,
} from "./index.js";
import { SendKeys } from "./key-epochs.js";
import { establishedFrom } from "./vectors.testing.js";

const fields: SealFields = {
  flags: 0,
  subprotocolId: 0,
  streamId: 5n,
  sequence: 0n,
  eventCount: 0,
};
const payload = new TextEncoder().encode("payload");

function pair(strict: boolean): readonly [PacketSession, PacketSession] {
  const left = new Uint8Array(32).fill(1);
  const right = new Uint8Array(32).fill(2);
  const sessionId = 0x1122_3344_5566_7788n;
  return [
    new PacketSession(establishedFrom({ sessionId, strict, sendKey: left, receiveKey: right }), 0),
    new PacketSession(establishedFrom({ sessionId, strict, sendKey: right, receiveKey: left }), 0),
  ];
}

describe.each([true, false])("a session (strict: %s)", (strict) => {
  it("opens each packet once, in whatever order, as long as the window reaches", () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(
          Array.from({ length: 200 }, (_, index) => index),
          { minLength: 1 },
        ),
        (order) => {
          const [sender, receiver] = pair(strict);
          const packets = Array.from({ length: 200 }, () => sender.seal(fields, payload, 0));
          for (const index of order)
            expect(receiver.open(packets[index] as Uint8Array, 0)?.counter).toBe(index);
          for (const index of order)
            expect(receiver.open(packets[index] as Uint8Array, 0)).toBeUndefined();
          expect(receiver.stats.rejected.replay).toBe(order.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("drops whatever differs in a single bit, and opens the original afterwards", () => {
    const [sender, receiver] = pair(strict);
    const packet = sender.seal(fields, payload, 0);
    for (let bit = 0; bit < packet.length * 8; bit += 1) {
      const forged = new Uint8Array(packet);
      forged[bit >> 3] = (forged[bit >> 3] as number) ^ (1 << (bit & 7));
      const at = bit >> 3;
      // The hop count is a relay's to change; the nonce's prefix is read by strict sessions only.
      const isFree = at === 6 || (!strict && at >= 12 && at < 16);
      if (!isFree) expect(receiver.open(forged, 0), `bit ${bit}`).toBeUndefined();
    }
    expect(receiver.open(packet, 0)?.payload).toEqual(payload);
  });

  it("opens a packet in its own place when told to, and leaves one that it drops as it was", () => {
    const [sender, receiver] = pair(strict);
    const [, other] = pair(strict);
    const datagram = sender.seal(fields, payload, 0, 16);
    const packet = datagram.subarray(16);
    const forged = new Uint8Array(packet);
    forged[64] = (forged[64] as number) ^ 1;
    const before = new Uint8Array(forged);
    expect(receiver.openInPlace(forged, 0)).toBeUndefined();
    expect(forged).toEqual(before);
    const expected = other.open(packet, 0);
    const opened = receiver.openInPlace(packet, 0);
    expect(opened).toEqual({ ...expected, payload });
    expect(opened?.payload.buffer).toBe(datagram.buffer);
    expect(packet.subarray(64, 64 + payload.length)).toEqual(payload);
    expect(receiver.openInPlace(packet, 0)).toBeUndefined();
    expect(receiver.stats.rejected).toMatchObject({ forged: 1, replay: 1 });
  });

  it("seals the next packet where one was that nobody looks at any more", () => {
    const [sender, receiver] = pair(strict);
    const kept = sender.seal(fields, payload, 0);
    const released = sender.seal(fields, payload, 0, 16);
    const sent = released.slice(16);
    sender.release(kept);
    sender.release(released);
    const next = sender.seal(fields, new Uint8Array(500), 0);
    expect(next).toMatchObject({ buffer: released.buffer, byteOffset: released.byteOffset });
    expect(receiver.open(next, 0)?.payload).toEqual(new Uint8Array(500));
    expect(receiver.open(kept, 0)?.payload).toEqual(payload);
    expect(receiver.open(sent, 0)?.payload).toEqual(payload);
  });

  it("drops random bytes without a word", () => {
    const [sender, receiver] = pair(strict);
    const whole = sender.seal(fields, payload, 0);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(64), (noise, kept) => {
        const bytes = new Uint8Array([...whole.subarray(0, kept), ...noise]);
        expect(receiver.open(bytes, 0)).toBeUndefined();
      }),
    );
    expect(receiver.stats.packetsOpened).toBe(0);
    expect(receiver.open(whole, 0)).toBeDefined();
  });

  it("tells heartbeats, which have no body, from data", () => {
    const [sender, receiver] = pair(strict);
    const heartbeat = sender.heartbeat(0);
    expect(heartbeat).toHaveLength(80);
    expect(receiver.open(new Uint8Array([...heartbeat, 0]), 0)).toBeUndefined();
    expect(receiver.open(heartbeat, 0)?.flags).toBe(0x20);
  });

  it("leaves room for a routing header, and takes no more than a packet holds", () => {
    const [sender, receiver] = pair(strict);
    const routed = sender.seal(fields, new Uint8Array(MAX_PAYLOAD_BYTES), 0, 18);
    expect(routed).toHaveLength(8192 + 18);
    expect(receiver.open(routed.subarray(18), 0)?.payload).toHaveLength(MAX_PAYLOAD_BYTES);
    expect(() => sender.seal(fields, new Uint8Array(MAX_PAYLOAD_BYTES + 1), 0)).toThrow(
      "at most 8112 bytes, got 8113",
    );
    expect(() => sender.seal({ ...fields, eventCount: 2029 }, payload, 0)).toThrow(
      "at most 2028 events, got 2029",
    );
    expect(
      receiver.open(sender.seal({ ...fields, eventCount: 2028 }, payload, 0), 0),
    ).toBeDefined();
  });

  it("notes when it last heard or said something", () => {
    const [sender, receiver] = pair(strict);
    const packet = sender.seal(fields, payload, 7);
    expect(sender.lastActivity).toBe(7);
    receiver.open(packet.subarray(1), 9);
    expect(receiver.lastActivity).toBe(0);
    receiver.open(packet, 9);
    expect(receiver.lastActivity).toBe(9);
  });
});

describe("a 0.19.0 session", () => {
  it("ends for good when more than 1024 packets in a row are lost", () => {
    const [sender, receiver] = pair(false);
    for (let lost = 0; lost < 1025; lost += 1) sender.heartbeat(0);
    expect(receiver.open(sender.heartbeat(0), 0)).toBeUndefined();
  });
});

describe("a strict session", () => {
  it("goes on after any number of lost packets", () => {
    const [sender, receiver] = pair(true);
    for (let lost = 0; lost < 10_000; lost += 1) sender.heartbeat(0);
    expect(receiver.open(sender.heartbeat(0), 0)).toBeDefined();
  });

  it("changes keys after two minutes, and still takes late packets of the key before", () => {
    const [sender, receiver] = pair(true);
    const late = sender.seal(fields, payload, 0);
    expect(receiver.open(sender.seal(fields, payload, 1), 1)?.counter).toBe(1);
    const fresh = sender.seal(fields, payload, EPOCH_MS);
    expect(receiver.open(fresh, EPOCH_MS)?.counter).toBe(EPOCH_PACKETS);
    expect(receiver.open(late, EPOCH_MS)?.counter).toBe(0);
    expect(receiver.open(late, EPOCH_MS)).toBeUndefined();
    const later = sender.seal(fields, payload, 2 * EPOCH_MS);
    expect(receiver.open(later, 2 * EPOCH_MS)?.counter).toBe(2 * EPOCH_PACKETS);
    expect(receiver.open(fresh, 2 * EPOCH_MS)).toBeUndefined();
  });

  it("does not change keys while nothing is sent, so that the receiver can always follow", () => {
    const [sender, receiver] = pair(true);
    expect(receiver.open(sender.heartbeat(1000 * EPOCH_MS), 0)?.counter).toBe(0);
  });

  it("follows a sender that changed keys unheard, up to 64 of them", () => {
    const ahead = (epochs: number) => {
      const [sender, receiver] = pair(true);
      for (let epoch = 0; epoch < epochs; epoch += 1) sender.heartbeat(epoch * EPOCH_MS);
      return receiver.open(sender.heartbeat(epochs * EPOCH_MS), 0);
    };
    expect(ahead(64)?.counter).toBe(64 * EPOCH_PACKETS);
    expect(ahead(65)).toBeUndefined();
  });

  it("is not moved on by a forged packet of a later key", () => {
    const [sender, receiver] = pair(true);
    sender.heartbeat(0);
    const forged = sender.seal(fields, payload, EPOCH_MS);
    forged[70] = (forged[70] as number) ^ 1;
    expect(receiver.open(forged, 0)).toBeUndefined();
    const [again] = pair(true);
    expect(receiver.open(again.heartbeat(0), 0)?.counter).toBe(0);
  });

  it("uses no key for more than 2^20 packets and no counter twice", () => {
    const keys = new SendKeys(new Uint8Array(32), true, 0);
    const first = Buffer.from(keys.key).toString("hex");
    const seen = new Set<string>();
    let skipped = 0;
    for (let sent = 0; sent < EPOCH_PACKETS; sent += 1) {
      if (keys.takeCounter(0) !== sent) skipped += 1;
    }
    expect(skipped).toBe(0);
    expect(Buffer.from(keys.key).toString("hex")).toBe(first);
    for (let epoch = 1; epoch < 5; epoch += 1) {
      expect(keys.takeCounter(epoch * EPOCH_MS)).toBe(epoch * EPOCH_PACKETS);
      seen.add(Buffer.from(keys.key).toString("hex"));
    }
    expect(seen.size).toBe(4);
    expect(seen.has(first)).toBe(false);
  });
});
