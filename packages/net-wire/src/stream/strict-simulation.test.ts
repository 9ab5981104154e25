import { describe, expect, test } from "vitest";
import { Random } from "./random.testing.js";
import { Endpoint, type LinkConditions, SimulatedLink } from "./simulated-link.testing.js";
import type { StreamHandle, StreamSetOptions } from "./types.js";

const runs = Number(process.env["NET_STREAM_RUNS"] ?? 1000);
const only = process.env["NET_STREAM_SEED"];
const seeds =
  only === undefined ? Array.from({ length: runs }, (_, index) => index + 1) : [Number(only)];

/** One seeded session between two applications; throws when a promise is broken. */
function session(seed: number): void {
  const random = new Random(seed);
  const conditions: LinkConditions = {
    loss: random.pick([0, 0, 0.01, 0.05, 0.1, 0.1, 0.3]),
    duplication: random.pick([0, 0.05, 0.2]),
    delay: random.pick([0.05, 1, 10, 40]),
    jitter: random.pick([0, 0.5, 5, 60]),
    skips: random.pick([0, 0, 0.01]),
    tick: random.pick([0, 0, 1, 15]),
    ...(random.chance(0.2) ? { blackout: [20, random.integer(100, 6000)] as const } : {}),
  };
  const windows = [random.pick([16, 64, 1024]) * 1024, random.pick([16, 64, 1024]) * 1024] as const;
  const options = (mine: number, other: number): Omit<StreamSetOptions, "observer"> => ({
    strict: true,
    maxPayload: random.pick([128, 600, 1200, 8112]),
    sendBuffer: random.pick([4_000, 100_000, 4_194_304]),
    receiveWindow: mine,
    peerReceiveWindow: other,
  });
  const a = new Endpoint(options(windows[0], windows[1]));
  const b = new Endpoint(options(windows[1], windows[0]));
  const link = new SimulatedLink(a, b, conditions, random);

  let expectedEvents = 0;
  let receivedEvents = 0;
  const writers: (() => boolean)[] = [];
  const ids = Array.from({ length: random.integer(1, 5) }, (_, index) => BigInt(index * 7 + 1));
  const largest = random.chance(0.05) ? 200_000 : random.pick([10, 100, 500, 4_000, 20_000]);
  for (const [from, to] of random.chance(0.5)
    ? [[a, b] as const]
    : ([
        [a, b],
        [b, a],
      ] as const)) {
    const sent = new Map<bigint, string[]>();
    const received = new Map<bigint, string[]>();
    const datagrams = new Set<number>();
    let offered = 0;
    const chatter = random.pick([0, 0, 5, 200]);
    const chat = (): void => {
      const size = random.integer(4, 100);
      const events = Array.from({ length: 3 }, (_, index) => numbered(offered + index, size));
      offered += from.set.sendTo(CHATTER, events, link.now);
      if (offered < chatter) link.at(link.now + random.integer(0, 5), chat);
    };
    if (chatter > 0) link.at(0, chat);
    to.onBatch = (batch) => {
      if (batch.streamId === CHATTER) {
        for (const event of batch) {
          const number = new DataView(event.buffer, event.byteOffset).getUint32(0);
          if (datagrams.has(number) || number >= offered) throw new Error("delivered twice");
          datagrams.add(number);
        }
        to.set.consume(batch, link.now);
        return;
      }
      const list = received.get(batch.streamId) ?? [];
      received.set(batch.streamId, list);
      const expected = sent.get(batch.streamId) ?? [];
      for (const event of batch) {
        const got = digest(event);
        if (expected[list.length] !== got) {
          throw new Error(
            `stream ${batch.streamId} event ${list.length}: ${got} for ${expected[list.length]}, wrong or out of order`,
          );
        }
        list.push(got);
        receivedEvents += 1;
      }
      const consume = (): void => to.set.consume(batch, link.now);
      if (random.chance(0.7)) consume();
      else link.at(link.now + random.integer(0, 200), consume);
    };
    for (const id of ids) {
      let left = largest > 5_000 ? random.integer(1, 6) : random.integer(1, 60);
      let serial = 0;
      let handle: StreamHandle | undefined;
      const weight = random.integer(1, 4);
      const window = random.pick([0, 0, 100, 20_000]);
      const write = (): void => {
        handle ??= from.set.open(id, link.now, { reliability: "reliable", weight, window });
        const count = Math.min(left, random.pick([1, 1, 7, 64]));
        const events = Array.from({ length: count }, (_, index) =>
          makeEvent(serial + index, random.chance(0.1) ? 0 : random.integer(0, largest)),
        );
        const list = sent.get(id) ?? [];
        sent.set(id, list);
        const accepted = from.set.send(handle, events, link.now);
        for (const event of events.slice(0, accepted)) list.push(digest(event));
        serial += accepted;
        left -= accepted;
        expectedEvents += accepted;
        if (from.set.sessionStats().bufferedBytes > 4_194_304 + 2 * largest + 100_000) {
          throw new Error("the send buffer has no bound");
        }
        if (left === 0) {
          if (random.chance(0.5)) from.set.close(handle, link.now);
          return;
        }
        if (random.chance(0.05)) {
          from.set.close(handle, link.now);
          handle = undefined;
        }
        link.at(link.now + random.pick([0, 0, 1, 30]), write);
      };
      expectedEvents += 1;
      link.at(random.integer(0, 50), () => {
        expectedEvents -= 1;
        write();
      });
      writers.push(() => left === 0);
    }
  }
  const done = (): boolean =>
    writers.every((finished) => finished()) && receivedEvents === expectedEvents;
  if (!link.run(done, 3_600_000)) {
    throw new Error(
      `stuck with ${receivedEvents} of ${expectedEvents} events at ${link.now} ms: ` +
        JSON.stringify([a.set.sessionStats(), b.set.sessionStats()]),
    );
  }
  // Once everything has been consumed and acknowledged, nothing is left lying anywhere.
  const settled = (): boolean =>
    [a, b].every(({ set }) => {
      const { bufferedBytes, heldBytes, bytesInFlight } = set.sessionStats();
      return bufferedBytes + heldBytes + bytesInFlight === 0;
    });
  expect(link.run(settled, link.now + 60_000)).toBe(true);
  link.run(() => false, link.now + 30_000);
  expect(settled()).toBe(true);
  for (const { set } of [a, b]) {
    const stats = set.sessionStats();
    expect(stats.violations + stats.malformedControls + stats.overrunPackets).toBe(0);
    for (const id of ids) {
      const stream = set.stats(id);
      if (stream?.reliability !== "reliable" || stream.txWindow === 0) continue;
      expect(stream.txCreditRemaining).toBe(stream.txWindow);
    }
  }
}

/** The stream on which fire-and-forget events go beside the reliable ones. */
const CHATTER = 999n;

function numbered(number: number, size: number): Uint8Array {
  const event = new Uint8Array(size);
  new DataView(event.buffer).setUint32(0, number);
  return event;
}

function makeEvent(serial: number, size: number): Uint8Array {
  const event = new Uint8Array(size);
  for (let at = 0; at < Math.min(size, 64); at++) event[at] = serial * 31 + at;
  if (size > 0) event[size - 1] = serial;
  return event;
}

function digest(event: Uint8Array): string {
  return `${event.length}:${event[0] ?? ""}:${event[1] ?? ""}:${event.at(-1) ?? ""}`;
}

describe("strict streams on a bad link", () => {
  test(`deliver every accepted event once and in order, ${seeds.length} seeded sessions`, () => {
    for (const seed of seeds) {
      try {
        session(seed);
      } catch (cause) {
        throw new Error(`seed ${seed} failed; repeat it with NET_STREAM_SEED=${seed}`, { cause });
      }
    }
  }, 300_000);
});
