import { describe, expect, it } from "vitest";
import { checkSocketPathLength } from "./index.js";

describe("the length of a socket path", () => {
  it.each([
    ["linux", 107],
    ["darwin", 103],
    ["freebsd", 103],
  ])("on %s may reach %i bytes and no more", (platform, limit) => {
    const longest = `/${"a".repeat(limit - 1)}`;
    expect(checkSocketPathLength(platform, longest)).toEqual({ ok: true, bytes: limit, limit });
    expect(checkSocketPathLength(platform, `${longest}a`).ok).toBe(false);
  });

  it("is counted in bytes of UTF-8, not in characters", () => {
    expect(checkSocketPathLength("linux", "/é😀").bytes).toBe(7);
  });
});
