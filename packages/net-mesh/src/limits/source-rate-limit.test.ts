import { describe, expect, it } from "vitest";
import { SourceRateLimit } from "./source-rate-limit.js";

describe("a rate limit by source", () => {
  it("admits a burst, then the sustained rate, and each source by itself", () => {
    const limit = new SourceRateLimit({ perSecond: 10, burst: 3 });
    const admitted = (source: string, now: number) => limit.admit(source, now);
    expect([0, 0, 0, 0].map((now) => admitted("a", now))).toEqual([true, true, true, false]);
    expect(admitted("b", 0)).toBe(true);
    expect(admitted("a", 99)).toBe(false);
    expect(admitted("a", 150)).toBe(true);
    expect(admitted("a", 150)).toBe(false);
    expect([9000, 9000, 9000, 9000].map((now) => admitted("a", now))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it("remembers a bounded number of sources, those of late", () => {
    const limit = new SourceRateLimit({ perSecond: 1, burst: 1, capacity: 100 });
    limit.admit("kept", 0);
    for (let index = 0; index < 1000; index += 1) {
      limit.admit(`source ${index}`, 0);
      limit.admit("kept", 0);
    }
    expect(limit.size).toBe(100);
    expect(limit.admit("kept", 0)).toBe(false);
  });
});
