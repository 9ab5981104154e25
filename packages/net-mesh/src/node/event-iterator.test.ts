import { describe, expect, it } from "vitest";
import { EventIterator } from "./event-iterator.js";
import { Feed } from "./feed.js";
import type { ReceivedBatch } from "./received.js";

function batch(sequence: bigint, ...texts: readonly string[]): ReceivedBatch {
  const events = texts.map((text) => new TextEncoder().encode(text));
  return {
    peer: 1n,
    streamId: 2n,
    sequence,
    subprotocolId: 0,
    channelHint: 0,
    originHash: 0,
    bytes: 1,
    isDroppable: true,
    events: () => events,
    [Symbol.iterator]: () => events[Symbol.iterator](),
  };
}

function iteration(): {
  readonly feed: Feed<ReceivedBatch>;
  readonly events: EventIterator;
  readonly released: bigint[];
} {
  const released: bigint[] = [];
  const feed = new Feed<ReceivedBatch>({
    maxBytes: 1000,
    release: ({ sequence }) => released.push(sequence),
  });
  return { feed, events: new EventIterator(feed), released };
}

const idsOf = async (all: Promise<{ readonly value: { readonly id: string } | undefined }>[]) =>
  (await Promise.all(all)).map(({ value }) => value?.id);

describe("the events of batches", () => {
  it("come one by one, in order, to all who ask at once, and empty batches bring none", async () => {
    const { feed, events } = iteration();
    const early = [events.next(), events.next(), events.next()];
    for (const each of [batch(5n), batch(6n, "a", "b"), batch(7n, "c", "d")]) feed.push(each);
    expect(await idsOf(early)).toEqual(["6:0", "6:1", "7:0"]);
    feed.end();
    expect(await idsOf([events.next(), events.next()])).toEqual(["7:1", undefined]);
  });

  it("end at once when the iteration is returned, begun or not, even while it waits", async () => {
    const begun = iteration();
    const waiting = begun.events.next();
    await begun.events.return();
    expect((await waiting).done).toBe(true);
    const fresh = iteration();
    {
      await using _events = fresh.events;
    }
    expect(fresh.feed.isOpen).toBe(false);
    expect((await fresh.events.next()).done).toBe(true);
  });

  it("count a batch as used up when its last event was taken and the next is asked for", async () => {
    const { feed, events, released } = iteration();
    feed.push(batch(1n, "a", "b"));
    await events.next();
    await events.next();
    expect(released).toEqual([]);
    const waiting = events.next();
    await Promise.resolve();
    await Promise.resolve();
    expect(released).toEqual([1n]);
    feed.end(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect((await events.return()).done).toBe(true);
  });
});
