import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Session, type SessionOptions } from "./session.js";
import { keysOfHandshakeHash } from "./session-keys.js";
import { establishedFrom } from "./vectors.testing.js";

const SESSION_ID = 0x1122_3344_5566_7788n;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function pair(strict: boolean, options: SessionOptions = {}): readonly [Session, Session] {
  const [one, two] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const common = { sessionId: SESSION_ID, strict, peerReceiveWindow: 65_536 };
  const streams = { receiveWindow: 65_536, ...options.streams };
  return [
    new Session(establishedFrom({ ...common, sendKey: one, receiveKey: two }), 0, options),
    new Session(establishedFrom({ ...common, sendKey: two, receiveKey: one }), 0, {
      ...options,
      streams,
    }),
  ];
}

function datagrams(session: Session, now: number): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let one = session.nextDatagram(now); one; one = session.nextDatagram(now)) all.push(one);
  return all;
}

function carry(from: Session, to: Session, now: number): number {
  const all = datagrams(from, now);
  for (const datagram of all) expect(to.receive(datagram, now)).toBe(true);
  return all.length;
}

/** What a session has to tell, as text. */
function told(session: Session, now: number): string[] {
  const all: string[] = [];
  for (let one = session.nextEvent(now); one; one = session.nextEvent(now)) {
    if (one.type === "events") {
      for (const event of one.batch) all.push(new TextDecoder().decode(event));
    } else {
      all.push(`${one.type} ${one.streamId}`);
    }
  }
  return all;
}

describe.each([true, false])("a session (strict: %s)", (strict) => {
  it("brings events of one turn in one datagram, and nothing comes of it twice", () => {
    const [left, right] = pair(strict);
    expect(left.send(7n, [bytes("one"), bytes("two")], 1)).toBe(2);
    const all = datagrams(left, 1);
    expect(all).toHaveLength(1);
    expect(all.map((datagram) => right.receive(datagram, 2))).toEqual([true]);
    expect(told(right, 2)).toEqual(["one", "two"]);
    expect(all.map((datagram) => right.receive(datagram, 3))).toEqual([false]);
    expect([right.lastRejection, right.heardAt, told(right, 3)]).toEqual(["replay", 2, []]);
  });

  it("beats when its deadline says so, and not before", () => {
    const [left, right] = pair(strict, { heartbeatIntervalMs: 1000, firstHeartbeatMs: 10 });
    expect([left.deadline(), datagrams(left, 9)]).toEqual([10, []]);
    for (const now of [10, 1010, 2010]) {
      expect(left.deadline()).toBe(now);
      expect(datagrams(left, now).map((datagram) => right.receive(datagram, now))).toEqual([true]);
      expect(right.heardAt).toBe(now);
    }
    expect(told(right, 2010)).toEqual([]);
    const [silent] = pair(strict, { heartbeatIntervalMs: 0 });
    expect(silent.deadline()).toBe(Number.POSITIVE_INFINITY);
  });

  it("takes no more than the other side has room for, and says when it has", () => {
    const [left, right] = pair(strict, { heartbeatIntervalMs: 0 });
    const open = { reliability: "reliable", window: 65_536 } as const;
    const event = new Uint8Array(1000);
    let now = 0;
    while (left.send(1n, [event], now, { open }) === 1) now += 1;
    for (let turn = 0; turn < 1000; turn += 1) {
      now += 1;
      carry(left, right, now);
      carry(right, left, now);
      if (told(right, now).length === 0 && told(left, now).includes("writable 1")) break;
    }
    expect(left.send(1n, [event], now)).toBe(1);
  });

  it("keeps no more than it may of what nobody takes", () => {
    const [left, right] = pair(strict, { maxUntakenBytes: 10_000 });
    for (let count = 0; count < 50; count += 1) {
      left.send(1n, [new Uint8Array(500)], count, { open: { window: 0 } });
      carry(left, right, count);
    }
    expect(right.droppedBatches).toBeGreaterThan(30);
    expect(told(right, 50)).toHaveLength(50 - right.droppedBatches);
    left.send(1n, [bytes("again")], 51);
    carry(left, right, 51);
    expect(told(right, 51)).toEqual(["again"]);
  });

  it("drops whatever is none of its datagrams", () => {
    const [, right] = pair(strict);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(right.receive(noise, 0)).toBe(false);
      }),
    );
  });
});

describe("a session with a 0.19.0 node", () => {
  it("is made of the handshake's hash alone", () => {
    const hash = new Uint8Array(32).map((_, index) => index);
    const [left, right] = (["initiator", "responder"] as const).map(
      (role) => new Session(keysOfHandshakeHash(role, hash), 0),
    ) as [Session, Session];
    expect([left.id, left.strict]).toEqual([0x0706_0504_0302_0100n, false]);
    left.send(1n, [bytes("hello")], 0);
    expect(carry(left, right, 0)).toBe(1);
    expect(told(right, 0)).toEqual(["hello"]);
    expect(() => keysOfHandshakeHash("initiator", hash.subarray(1))).toThrow("must be 32 bytes");
  });
});

describe("a strict session", () => {
  it("loses, doubles and reorders nothing of a reliable stream, driven by its deadlines alone", () => {
    fc.assert(
      fc.property(
        fc.infiniteStream(fc.nat(99)),
        fc.integer({ min: 1, max: 60 }),
        (chance, count) => {
          const ends = pair(true, { heartbeatIntervalMs: 60_000 });
          const [left, right] = ends;
          const words = Array.from({ length: count }, (_, index) => `${index}`.padEnd(3000));
          const open = { reliability: "reliable" } as const;
          let sent = 0;
          let now = 0;
          const received: string[] = [];
          const flying: { at: number; datagram: Uint8Array; to: Session }[] = [];
          while (received.length < count && now < 60_000) {
            sent += left.send(5n, words.slice(sent).map(bytes), now, { open });
            for (const [from, to] of [ends, [right, left] as const]) {
              for (const datagram of datagrams(from, now)) {
                const luck = chance.next().value;
                if (luck >= 20) flying.push({ at: now + 5 + (luck % 40), datagram, to });
              }
            }
            const next = Math.min(left.deadline(), right.deadline(), ...flying.map(({ at }) => at));
            now = Math.max(next, now);
            for (const { datagram, to } of flying.filter(({ at }) => at <= now)) {
              to.receive(datagram, now);
            }
            flying.splice(0, flying.length, ...flying.filter(({ at }) => at > now));
            told(left, now);
            received.push(...told(right, now));
          }
          expect(received).toEqual(words);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("holds the sender of a reliable stream back until its events are taken", () => {
    const [left, right] = pair(true, { heartbeatIntervalMs: 0, maxUntakenBytes: 1000 });
    const open = { reliability: "reliable" } as const;
    let now = 0;
    const turn = (): void => {
      now += 50;
      left.send(1n, [new Uint8Array(1000)], now, { open });
      carry(left, right, now);
      carry(right, left, now);
    };
    for (let count = 0; count < 300; count += 1) turn();
    const untaken = told(right, now).length;
    expect(untaken).toBeLessThan(70);
    for (let count = 0; count < 300; count += 1) turn();
    expect(right.droppedBatches).toBe(0);
    expect(told(right, now).length).toBeGreaterThan(0);
  });
});
