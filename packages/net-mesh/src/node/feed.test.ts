import { describe, expect, it } from "vitest";
import { Feed, type FeedItem } from "./feed.js";

interface Item extends FeedItem {
  readonly name: string;
}

const item = (name: string, isDroppable = true, bytes = 10): Item => ({ name, isDroppable, bytes });

function feed(maxBytes = 25): { readonly feed: Feed<Item>; readonly released: string[] } {
  const released: string[] = [];
  return { feed: new Feed({ maxBytes, release: ({ name }) => released.push(name) }), released };
}

describe("a feed", () => {
  it("gives items in order, and counts one as used up when the next is asked for", async () => {
    const { feed: items, released } = feed();
    items.push(item("a"));
    items.push(item("b"));
    expect((await items.next()).value?.name).toBe("a");
    expect(released).toEqual([]);
    expect((await items.next()).value?.name).toBe("b");
    expect(released).toEqual(["a"]);
    const waiting = items.next();
    expect(released).toEqual(["a", "b"]);
    items.push(item("c"));
    expect((await waiting).value?.name).toBe("c");
  });

  it("drops the newest of what may be dropped when it is full", async () => {
    const { feed: items, released } = feed();
    for (const name of ["a", "b", "c"]) {
      items.push(item(name));
    }
    items.push(item("kept", false));
    expect(items.dropped).toBe(1);
    expect(released).toEqual(["c"]);
    const names: unknown[] = [];
    items.next().then(({ value }) => names.push(value?.name));
    items.next().then(({ value }) => names.push(value?.name));
    expect((await items.next()).value?.name).toBe("kept");
    expect(names).toEqual(["a", "b"]);
  });

  it("releases everything it holds when it ends, and what comes after", async () => {
    const { feed: items, released } = feed();
    items.push(item("a"));
    items.push(item("b"));
    await items.next();
    const { done } = await items.return();
    items.push(item("late"));
    expect(done).toBe(true);
    expect(released).toEqual(["a", "b", "late"]);
    expect((await items.next()).done).toBe(true);
  });

  it("fails those who wait when it ends with a failure", async () => {
    const { feed: items } = feed();
    const waiting = items.next();
    items.end(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect(items.next()).rejects.toThrow("gone");
  });

  it("stays in order over many items", async () => {
    const { feed: items } = feed(1e9);
    for (let index = 0; index < 5000; index += 1) {
      items.push(item(String(index)));
    }
    for (let index = 0; index < 5000; index += 1) {
      expect((await items.next()).value?.name).toBe(String(index));
    }
  });
});
