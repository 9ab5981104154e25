import { describe, expect, it } from "vitest";
import { MemoryClient, memoryRouter } from "./memory-client.testing.js";
import { RouteCache, routeOf } from "./route-cache.js";

const empty = routeOf("a", { plain: [], queues: [] });

describe("the cache of routes", () => {
  it("keeps what is in use while unique subjects pass through", () => {
    const cache = new RouteCache();
    const route = routeOf("hot", { plain: [], queues: [] });
    cache.set("hot", route);
    for (let index = 0; index < 200_000; index += 1) {
      cache.set(`_INBOX.${index}`, empty);
      if (index % 1_000 === 0) expect(cache.get("hot")).toBe(route);
    }
    expect(cache.get("_INBOX.0")).toBeUndefined();
    expect(cache.get("_INBOX.199999")).toBe(empty);
  });

  it("forgets a literal subject alone, and everything for a wildcard", () => {
    const cache = new RouteCache();
    for (const subject of ["a", "b", "c.*"]) cache.set(subject, empty);
    cache.invalidate("a");
    expect([cache.get("a"), cache.get("b")]).toEqual([undefined, empty]);
    cache.invalidate("x.>");
    expect([cache.get("b"), cache.get("c.*")]).toEqual([undefined, undefined]);
  });

  it("does not keep a route that would fill it alone", () => {
    const router = memoryRouter();
    const client = new MemoryClient(router);
    const subscription = {
      session: client.session,
      subject: "a",
      queue: "",
      sid: "1",
      max: 0,
      delivered: 0,
      active: true,
    };
    const cache = new RouteCache();
    cache.set("a", routeOf("a", { plain: new Array(40_000).fill(subscription), queues: [] }));
    expect(cache.get("a")).toBeUndefined();
  });
});
