import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DONE,
  EMPTY,
  MOST_EVENT_BYTES,
  type ReadInto,
  SharedTrays,
  TAKEN,
  TRAY_EVENTS,
  TRAYS,
  WAITING,
} from "./shared-trays.js";

/** Finds every event good that begins with an even byte, and notes what it was given. */
function reader(seen: [number, Uint8Array][]): ReadInto {
  return (table, event, records, at) => {
    seen.push([table, Uint8Array.from(event)]);
    records[at] = event.length;
    return (event[0] ?? 1) % 2 === 0;
  };
}

describe("trays that two threads share", () => {
  it("hand over every event as it was, whatever its size and place in memory", () => {
    const event = fc
      .tuple(fc.uint8Array({ maxLength: MOST_EVENT_BYTES, size: "max" }), fc.nat({ max: 15 }))
      .map(([bytes, place]) => {
        const memory = new Uint8Array(bytes.length + place);
        memory.set(bytes, place);
        return memory.subarray(place);
      });
    const trays = new SharedTrays();
    const other = new SharedTrays(trays.memory);
    let tray = 0;
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), (events) => {
        trays.clear(tray);
        const put = events.filter((bytes, index) => trays.put(tray, index, bytes));
        expect(put.length).toBeLessThanOrEqual(TRAY_EVENTS);
        trays.publish(tray);
        const seen: [number, Uint8Array][] = [];
        expect(other.claim(tray)).toBe(true);
        other.work(tray, reader(seen));
        expect(seen.map(([, bytes]) => bytes)).toEqual(put.map((bytes) => Uint8Array.from(bytes)));
        put.forEach((bytes, index) => {
          const at = trays.recordAt(tray, index);
          expect(at !== undefined).toBe((bytes[0] ?? 1) % 2 === 0);
          if (at !== undefined) expect(trays.words[at]).toBe(bytes.length);
        });
        tray += 1;
      }),
      { numRuns: 200 },
    );
  });

  it("belong to one thread at a time", () => {
    const trays = new SharedTrays();
    const other = new SharedTrays(trays.memory);
    trays.clear(0);
    expect(trays.state(0)).toBe(EMPTY);
    expect(other.claim(0)).toBe(false);
    trays.put(0, 0, Uint8Array.of(2));
    trays.publish(0);
    expect(other.state(0)).toBe(WAITING);
    expect([other.claim(0), trays.claim(0)]).toEqual([true, false]);
    expect(trays.state(0)).toBe(TAKEN);
    other.work(0, reader([]));
    expect(trays.state(0)).toBe(DONE);
    expect(trays.claim(0)).toBe(false);
  });

  it("keep nothing of an event that was taken away, nor of those before", () => {
    const trays = new SharedTrays();
    for (const tray of [0, TRAYS]) {
      trays.clear(tray);
      for (const byte of [2, 4, 6]) trays.put(tray, 0, Uint8Array.of(byte, tray));
      trays.remove(tray, 1);
      trays.put(tray, 0, Uint8Array.of(8, tray));
      trays.publish(tray);
      expect(trays.claim(tray)).toBe(true);
      const seen: [number, Uint8Array][] = [];
      trays.work(tray, reader(seen));
      expect(seen.map(([, bytes]) => [...bytes])).toEqual([[2, tray], [], [6, tray], [8, tray]]);
      expect(trays.recordAt(tray, 1)).toBeUndefined();
      expect(trays.recordAt(tray, 3)).toBeDefined();
    }
  });

  it("are counted beyond what a word holds", () => {
    const trays = new SharedTrays();
    const last = 2 ** 31 - 1;
    for (const tray of [last, (last + 1) | 0]) {
      trays.clear(tray);
      trays.put(tray, 0, Uint8Array.of(2));
      trays.publish(tray);
      expect(trays.published).toBe((tray + 1) | 0);
      expect(trays.claim(tray)).toBe(true);
      trays.work(tray, reader([]));
      expect(trays.recordAt(tray, 0)).toBeDefined();
    }
  });
});
