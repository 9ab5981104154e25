import { describe, expect, it } from "vitest";
import { StatusFeed, type SubscriptionStatus } from "./status.js";

const dropped = (total: number): SubscriptionStatus => ({ type: "dropped", count: 1, total });

describe("statuses", () => {
  it("reach the callback and every iterator, from when it listens", async () => {
    const seen: SubscriptionStatus[] = [];
    const feed = new StatusFeed((status) => seen.push(status));
    feed.emit(dropped(1));
    const [one, two] = [feed.listen(), feed.listen()];
    const waiting = one.next();
    feed.emit(dropped(2));
    expect((await waiting).value).toEqual(dropped(2));
    expect((await two.next()).value).toEqual(dropped(2));
    await two.return?.();
    expect((await two.next()).done).toBe(true);
    feed.end();
    expect((await one.next()).value).toEqual({ type: "closed" });
    expect((await one.next()).done).toBe(true);
    feed.emit(dropped(3));
    expect((await feed.listen().next()).done).toBe(true);
    expect(seen).toEqual([dropped(1), dropped(2), { type: "closed" }]);
  });

  it("that nobody takes are left out, the oldest first", async () => {
    const feed = new StatusFeed(undefined);
    const listener = feed.listen();
    for (let total = 1; total <= 1000; total += 1) feed.emit(dropped(total));
    expect((await listener.next()).value).toEqual(dropped(745));
  });

  it("do not end what they are about when the callback fails", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const feed = new StatusFeed(() => {
      throw new Error("the listener's own fault");
    });
    feed.emit(dropped(1));
    expect((await warned).message).toContain("the listener's own fault");
  });
});
