import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { generateDhKeyPair, InitiatorHandshake, meshPrologue, respond } from "./handshake.js";
import { EPOCH_MS, EPOCH_PACKETS, ReceiveKeys, SendKeys } from "./key-epochs.js";
import { ALL_FEATURES } from "./offer.js";
import { PacketSession, type SealFields } from "./packet-session.js";
import { randomBytes } from "./random.testing.js";
import { hex, unhex, type Vector, vectors } from "./vectors.testing.js";

const fields: SealFields = {
  flags: 0,
  subprotocolId: 0,
  streamId: 5n,
  sequence: 0n,
  eventCount: 0,
};

function sessions(strict: boolean): readonly [PacketSession, PacketSession] {
  const keyPair = generateDhKeyPair(randomBytes);
  const shared = {
    psk: new Uint8Array(32).fill(1),
    prologue: meshPrologue(3n, 4n),
    randomBytes,
    ...(strict ? { offer: { features: ALL_FEATURES, receiveWindow: 0 } } : {}),
  };
  const handshake = new InitiatorHandshake({ ...shared, responderPublicKey: keyPair.publicKey });
  const response = respond({ ...shared, keyPair, message1: handshake.message1(), routed: false });
  const keys = response && handshake.finish(response.message2);
  if (response === undefined || keys === undefined) throw new Error("no session");
  return [new PacketSession(keys, 0), new PacketSession(response.keys, 0)];
}

interface Step {
  readonly kind: "send" | "deliver" | "duplicate" | "forge" | "wait" | "noise";
  readonly pick: number;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(
      "send",
      "send",
      "deliver",
      "deliver",
      "duplicate",
      "forge",
      "wait",
      "noise",
    ),
    pick: fc.nat(),
  }),
  { maxLength: 120 },
);

describe.each([true, false])("over any network (strict: %s)", (strict) => {
  it("a session delivers every packet at most once and nothing else, under no key and counter twice", () => {
    fc.assert(
      fc.property(steps, (script) => {
        const [sender, receiver] = sessions(strict);
        const flying: Uint8Array[] = [];
        const old: Uint8Array[] = [];
        const sent = new Set<string>();
        const received = new Set<string>();
        const counters = new Set<number>();
        let now = 0;
        const arrive = (datagram: Uint8Array): void => {
          const packet = receiver.open(datagram, now);
          if (packet === undefined) return;
          const text = hex(packet.payload);
          expect(sent.has(text)).toBe(true);
          expect(received.has(text)).toBe(false);
          received.add(text);
        };
        const take = (pick: number): Uint8Array | undefined =>
          flying.splice(pick % Math.max(1, flying.length), 1)[0];
        for (const { kind, pick } of script) {
          if (kind === "send") {
            const payload = Uint8Array.from([...randomBytes(8), ...new Uint8Array(pick % 50)]);
            sent.add(hex(payload));
            flying.push(sender.seal({ ...fields, sequence: BigInt(pick) }, payload, now));
            expect(counters.has(sender.lastCounter)).toBe(false);
            counters.add(sender.lastCounter);
          } else if (kind === "wait") {
            now += pick % 3 === 0 ? EPOCH_MS : pick % 1000;
          } else if (kind === "noise") {
            arrive(randomBytes(pick % 200));
          } else if (kind === "duplicate") {
            const datagram = old[pick % Math.max(1, old.length)];
            if (datagram !== undefined) arrive(datagram);
          } else {
            const datagram = take(pick);
            if (datagram === undefined) continue;
            if (kind === "forge") {
              const forged = datagram.slice();
              (forged[pick % forged.length] as number) ^= 1 << (pick % 8);
              arrive(forged);
            }
            arrive(datagram);
            old.push(datagram);
          }
        }
        // A changed bit that a 0.19.0 session or a hop may change delivers the packet, once.
        expect(received.size).toBeLessThanOrEqual(sent.size);
      }),
      { numRuns: 200 },
    );
  });

  it("a session delivers everything that arrives in order, whenever it was sent", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 * EPOCH_MS), { maxLength: 60 }), (waits) => {
        const [sender, receiver] = sessions(strict);
        let now = 0;
        for (const wait of waits) {
          now += wait;
          expect(receiver.open(sender.heartbeat(now), now)).toBeDefined();
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("keys", () => {
  it("follow the sender's whatever packets are lost, within 64 epochs", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.nat(EPOCH_MS * 2)), { maxLength: 100 }),
        (script) => {
          const [send, receive] = [
            new SendKeys(new Uint8Array(32), true, 0),
            new ReceiveKeys(new Uint8Array(32), true),
          ];
          const used = new Set<string>();
          let [now, unheard] = [0, 0];
          for (const [arrives, wait] of script) {
            now += wait;
            const counter = send.takeCounter(now);
            const pair = `${hex(send.key)} ${counter}`;
            expect(used.has(pair)).toBe(false);
            used.add(pair);
            unheard = arrives ? 0 : unheard + 1;
            if (!arrives || unheard > 60) continue;
            expect(receive.keyFor(counter)).toEqual(send.key);
            expect(receive.accept(counter)).toBe(true);
            expect(receive.accept(counter)).toBe(false);
            expect(receive.keyFor(counter)).toBeUndefined();
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it("of later epochs are derived once, however many packets claim them", () => {
    const keys = new ReceiveKeys(new Uint8Array(32), true);
    const far = keys.keyFor(64 * EPOCH_PACKETS);
    expect(far).toBeDefined();
    for (let claim = 0; claim < 1000; claim += 1) {
      // The very same bytes, not derived again.
      expect(keys.keyFor(64 * EPOCH_PACKETS + claim)).toBe(far);
    }
    expect(keys.keyFor(65 * EPOCH_PACKETS)).toBeUndefined();
    expect(keys.keyFor(0)).toEqual(new Uint8Array(32));
    expect(keys.accept(3 * EPOCH_PACKETS)).toBe(true);
    expect(keys.keyFor(64 * EPOCH_PACKETS)).toBe(far);
    expect(keys.keyFor(0)).toBeUndefined();
  });
});

describe("hostile datagrams", () => {
  it("leave a session as it was, by the hundred thousand, and hold no memory", () => {
    const [sender, receiver] = sessions(true);
    const good = sender.seal(fields, new Uint8Array(20), 0);
    const forged = good.slice();
    (forged[70] as number) ^= 1;
    const far = forged.slice();
    new DataView(far.buffer).setBigUint64(16, BigInt(40 * EPOCH_PACKETS), true);
    const beyond = forged.slice();
    new DataView(beyond.buffer).setBigUint64(16, 2n ** 64n - 1n, true);
    const foreign = good.slice().fill(0, 24, 32);
    const before = process.memoryUsage();
    const rounds = 25_000;
    for (let round = 0; round < rounds; round += 1) {
      for (const datagram of [forged, far, beyond, foreign]) {
        if (receiver.open(datagram, 0) !== undefined) throw new Error("taken");
      }
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    expect(receiver.stats.rejected).toEqual({
      malformed: 0,
      session: rounds,
      replay: rounds,
      forged: 2 * rounds,
    });
    expect(arrayBuffers - before.arrayBuffers).toBeLessThan(4 << 20);
    expect(heapUsed - before.heapUsed).toBeLessThan(32 << 20);
    expect(receiver.lastActivity).toBe(0);
    expect(receiver.open(good, 0)).toBeDefined();
  });

  it("a captured packet opens under its session's key, and only there", () => {
    for (const { key, session_id, packet } of vectors<Vector>("packet")) {
      const keys = {
        ...sessions(false)[0].keys,
        sessionId: BigInt(`0x${session_id}`),
        receiveKey: unhex(key as string),
      };
      expect(new PacketSession(keys, 0).open(unhex(packet as string), 0)).toBeDefined();
      expect(
        new PacketSession({ ...keys, receiveKey: new Uint8Array(32) }, 0).open(
          unhex(packet as string),
          0,
        ),
      ).toBeUndefined();
    }
  });
});
