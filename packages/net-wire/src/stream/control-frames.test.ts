import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeEventFrames } from "../event-frames.js";
import { ControlWriter, MAX_ACK_RANGES, parseControl } from "./control-frames.js";
import { RangeSet } from "./range-set.js";

const counters = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 2 ** 40 })),
  { minLength: 1, maxLength: 200 },
);

function rangesOf(set: RangeSet): { first: number; last: number }[] {
  return Array.from({ length: set.size }, (_, index) => ({
    first: set.first(index),
    last: set.last(index),
  }));
}

function written(fill: (writer: ControlWriter) => void, room = 2048): Uint8Array {
  const writer = new ControlWriter(new Uint8Array(room));
  fill(writer);
  const [event, another] = decodeEventFrames(writer.finish(), 1);
  expect(another).toBeUndefined();
  return event as Uint8Array;
}

describe("a set of ranges", () => {
  test("holds exactly what was added, in ascending ranges that do not touch", () => {
    fc.assert(
      fc.property(counters, (values) => {
        const set = new RangeSet(1000, "forget");
        const model = new Set<number>();
        for (const value of values) {
          expect(set.add(value)).toBe(!model.has(value));
          model.add(value);
        }
        for (const value of values) {
          for (const near of [value - 1, value, value + 1]) {
            expect(set.has(near)).toBe(model.has(near));
          }
        }
        expect(set.highest).toBe(Math.max(...values));
        const ranges = rangesOf(set);
        for (const [index, { first, last }] of ranges.entries()) {
          expect(first).toBeLessThanOrEqual(last);
          expect(first).toBeGreaterThan((ranges[index - 1]?.last ?? -2) + 1);
        }
      }),
    );
  });

  test("stays within its bound, forgetting the lowest or taking it for contained", () => {
    const forgetting = new RangeSet(10, "forget");
    const joining = new RangeSet(10, "join");
    for (let value = 0; value < 1000; value += 2) {
      forgetting.add(value);
      joining.add(value);
    }
    expect([forgetting.size, joining.size]).toEqual([10, 10]);
    expect([forgetting.has(0), joining.has(0), joining.has(1)]).toEqual([false, true, true]);
    expect([forgetting.has(998), joining.has(998), joining.has(997)]).toEqual([true, true, false]);
  });
});

describe("stream control messages", () => {
  test("acknowledge the highest ranges, as many as fit", () => {
    fc.assert(
      fc.property(
        counters,
        fc.integer({ min: 128, max: 2048 }),
        fc.double({ min: 0, max: 1e5, noNaN: true }),
        (values, room, delay) => {
          const set = new RangeSet(256, "forget");
          for (const value of values) set.add(value);
          const message = parseControl(written((writer) => writer.acknowledge(set, delay), room));
          const expected = rangesOf(set).reverse();
          const ranges = message?.acknowledgement?.ranges ?? [];
          expect(ranges).toEqual(expected.slice(0, ranges.length));
          expect(ranges.length).toBeGreaterThan(0);
          if (room === 2048) expect(ranges.length).toBe(Math.min(expected.length, MAX_ACK_RANGES));
          expect(message?.acknowledgement?.delay).toBeCloseTo(delay, 2);
          expect(message?.eliciting).toBe(false);
        },
      ),
    );
  });

  test("carry credits, and leave them room behind any acknowledgement", () => {
    const credit = fc.record({
      opening: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      consumed: fc.maxSafeNat(),
    });
    fc.assert(
      fc.property(
        counters,
        fc.array(credit, { maxLength: 200 }),
        fc.record({ consumed: fc.maxSafeNat(), largeEvents: fc.maxSafeNat() }),
        fc.integer({ min: 128, max: 2048 }),
        (values, credits, session, room) => {
          const set = new RangeSet(256, "forget");
          for (const value of values) set.add(value);
          let fitting = 0;
          const event = written((writer) => {
            writer.acknowledge(set, 1);
            writer.sessionCredit(session);
            fitting = writer.creditRoom;
            writer.streamCredits(credits.slice(0, fitting));
            writer.ping();
          }, room);
          const message = parseControl(event);
          expect(fitting).toBeGreaterThanOrEqual(2);
          expect(message?.credits).toEqual(credits.slice(0, fitting));
          expect(message?.session).toEqual(session);
          expect(message?.eliciting).toBe(true);
        },
      ),
    );
  });

  test("are refused as a whole when any part of them does not parse, and never throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const message = parseControl(bytes);
        for (const { first, last } of message?.acknowledgement?.ranges ?? []) {
          expect(first).toBeGreaterThanOrEqual(0);
          expect(last).toBeGreaterThanOrEqual(first);
        }
      }),
      { numRuns: 2000 },
    );
    const whole = written((writer) => {
      const set = new RangeSet(8, "forget");
      for (const value of [1, 2, 5, 700, 70_000]) set.add(value);
      writer.acknowledge(set, 3);
      writer.sessionCredit({ consumed: 2 ** 40, largeEvents: 3 });
    });
    expect(parseControl(whole)).toBeDefined();
    const parsed = Array.from({ length: whole.length }, (_, size) =>
      parseControl(whole.subarray(0, size)),
    ).filter((message) => message?.session !== undefined);
    expect(parsed).toEqual([]);
  });

  test("name no range below zero, no second acknowledgement and no unknown frame", () => {
    const refused = [
      [2, 1, 5, 0, 0, 0],
      [1, 1, 5, 0, 0, 6],
      [1, 1, 5, 0, 1, 0, 4, 0],
      [1, 1, 5, 0, 1, 0, 0, 4],
      [1, 1, 5, 0, 0, 0, 1, 5, 0, 0, 0],
      [1, 1, 5, 0, 0x40, 64, 0],
      [1, 9],
      [1, 2, 0xbf, 0xff, 0xff, 0xff],
      [1, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
      [],
    ];
    expect(refused.map((bytes) => parseControl(Uint8Array.from(bytes)))).toEqual(
      refused.map(() => undefined),
    );
    expect(parseControl(Uint8Array.of(1, 1, 5, 0, 1, 0, 3, 0))?.acknowledgement?.ranges).toEqual([
      { first: 5, last: 5 },
      { first: 0, last: 0 },
    ]);
  });
});
