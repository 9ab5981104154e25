import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReadRequest } from "./adapter.js";
import { type FetchedPage, ReadAhead } from "./read-ahead.js";
import { StreamBackend } from "./stream-backend.testing.js";

const signal = AbortSignal.any([]);

function reading(backend: StreamBackend): { ahead: ReadAhead; fetched: () => number } {
  let fetched = 0;
  const fetch = async (request: ReadRequest): Promise<FetchedPage> => {
    const page = await backend.read(request);
    fetched += page.events.length;
    const bytes = page.events.reduce((sum, { raw }) => sum + raw.length, 0);
    return { ...page, bytes };
  };
  return { ahead: new ReadAhead(fetch, signal), fetched: () => fetched };
}

describe("reading ahead", () => {
  it("asks the backend only once for what one read brought too much of", async () => {
    const backend = new StreamBackend();
    for (let i = 1; i <= 100; i += 1) backend.put(0, `${i}-0`, `{"r":${i}}`);
    const { ahead, fetched } = reading(backend);
    let after: string | undefined;
    for (let i = 0; i < 10; i += 1) {
      const page = await ahead.read({ shardId: 0, after, limit: 100, signal });
      expect(page.events.map(({ raw }) => Number(raw))).toEqual(
        Array.from({ length: 100 - i * 10 }, (_, n) => i * 10 + n + 1),
      );
      after = page.events[9]?.id;
    }
    expect(fetched()).toBe(100);
  });

  it("fetches the next page while its reader is busy with the last", async () => {
    const backend = new StreamBackend();
    for (let i = 1; i <= 4_000; i += 1) backend.put(0, `${i}-0`, `{"r":${i}}`);
    const { ahead } = reading(backend);
    let after: string | undefined;
    let found = 0;
    const next = async (): Promise<void> => {
      const page = await ahead.read({ shardId: 0, after, limit: 100, signal });
      for (const { raw } of page.events) {
        found += 1;
        expect(Number(raw)).toBe(found);
      }
      after = page.position;
    };
    // Once as much as was asked for, then more at a time, and the page behind that in advance.
    for (let i = 0; i < 11; i += 1) await next();
    expect(backend.asked).toEqual([101, 1_025, 1_025]);
    backend.fail = () => {
      throw new Error("the third page is there already");
    };
    for (let i = 0; i < 10; i += 1) await next();
    expect(found).toBe(2_100);
    backend.fail = () => undefined;
    for (let i = 0; i < 19; i += 1) await next();
    expect(found).toBe(4_000);
  });

  it("asks again for the start of a shard when a reader begins, not when it has yet to come there", async () => {
    const backend = new StreamBackend();
    for (let i = 1; i <= 10; i += 1) backend.put(0, `${i}-0`, `{"r":${i}}`);
    const { ahead, fetched } = reading(backend);
    const request = { shardId: 0, after: undefined, limit: 5, signal };
    await ahead.read(request);
    for (let i = 0; i < 3; i += 1) {
      const page = await ahead.read({ ...request, goesOn: true });
      expect(page.events.map(({ raw }) => raw)).toEqual(["1", "2", "3", "4", "5"]);
    }
    expect(fetched()).toBe(10);
    backend.streams.get(0)?.splice(0, 8);
    const page = await ahead.read(request);
    expect(page.events.map(({ raw }) => raw)).toEqual(["9", "10"]);
  });

  it("takes less at a time in advance when the events are large", async () => {
    const backend = new StreamBackend();
    const large = JSON.stringify("x".repeat(100_000));
    for (let i = 1; i <= 100; i += 1) backend.put(0, `${i}-0`, `{"r":${large}}`);
    const { ahead } = reading(backend);
    let after: string | undefined;
    for (let i = 0; i < 4; i += 1) {
      const page = await ahead.read({ shardId: 0, after, limit: 2, signal });
      expect(page.events).toHaveLength(2);
      after = page.position;
    }
    expect(backend.asked).toEqual([3, 11, 11]);
  });

  it("gives what reading directly would give, wherever its readers go on and whatever comes in", async () => {
    const step = fc.record({
      add: fc.integer({ min: 0, max: 6 }),
      limit: fc.integer({ min: 1, max: 8 }),
      reader: fc.nat(1),
      /** How far into the page the reader got: to the end, or behind one of its events. */
      stop: fc.option(fc.nat(7)),
      unreadable: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const backend = new StreamBackend();
        const { ahead } = reading(backend);
        const positions: (string | undefined)[] = [undefined, undefined];
        let count = 0;
        for (const { add, limit, reader, stop, unreadable } of steps) {
          for (let i = 0; i < add; i += 1) {
            count += 1;
            backend.put(0, `${count}-0`, unreadable ? "x" : `{"r":${count}}`);
          }
          const request = { shardId: 0, after: positions[reader], limit, signal };
          const page = await ahead.read(request);
          const direct = await backend.read(request);
          // A page may be shorter than what is there by now, but it has no gap and shows no less.
          const raws = page.events.map(({ raw }) => raw);
          const all = (await backend.read({ ...request, limit: 1_000 })).events.map(
            ({ raw }) => raw,
          );
          expect(raws).toEqual(all.slice(0, raws.length));
          if (raws.length === 0)
            expect(page.position === undefined && direct.events.length > 0).toBe(false);
          if (page.position === undefined) expect(direct.position).toBeUndefined();
          if (!page.more && page.position !== undefined) {
            const after = { ...request, after: page.position };
            expect((await backend.read(after)).position).toBeUndefined();
          }
          const cutAt = stop === null ? undefined : page.events[stop];
          positions[reader] = cutAt?.id ?? page.position ?? positions[reader];
        }
      }),
      { numRuns: 300 },
    );
  });
});
