import { describe, expect, it } from "vitest";
import { RecentSet } from "./recent-set.js";

describe("a set of what was seen lately", () => {
  it("knows an entry again, and forgets it after its time", () => {
    const seen = new RecentSet<string>({ memoryMs: 100, capacity: 10 });
    expect(seen.add("a", 0)).toBe(true);
    expect(seen.add("a", 49)).toBe(false);
    expect(seen.add("a", 60)).toBe(false);
    expect(seen.add("a", 120)).toBe(true);
    expect(seen.add("a", 1000)).toBe(true);
  });

  it("never holds more than its capacity", () => {
    const seen = new RecentSet<number>({ memoryMs: 1000, capacity: 10 });
    for (let entry = 0; entry < 1000; entry += 1) {
      seen.add(entry, 0);
      expect(seen.size).toBeLessThanOrEqual(10);
    }
    expect(seen.add(999, 0)).toBe(false);
  });
});
