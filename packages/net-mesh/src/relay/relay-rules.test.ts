import { describe, expect, it } from "vitest";
import { judgeRouted } from "./relay-rules.js";

const header = { ttl: 8, hopCount: 0, flags: 0xff, source: 7, destination: 9n };
const judge = (changes: Partial<typeof header>, next: string | undefined = "next") =>
  judgeRouted({ ...header, ...changes }, 1n, "from", () => next);

describe("the rules for relaying", () => {
  it("keep what is for this node, whatever its time to live", () => {
    expect(judge({ destination: 1n, ttl: 0 })).toEqual({ kind: "local" });
  });

  it("send the rest on with one hop more and unknown flags gone", () => {
    expect(judge({})).toEqual({
      kind: "forward",
      to: "next",
      header: { ttl: 7, hopCount: 1, flags: 0x0f, source: 7, destination: 9n },
    });
    expect(judge({ ttl: 1, hopCount: 255 })).toMatchObject({
      kind: "forward",
      header: { ttl: 0, hopCount: 255 },
    });
  });

  it("let nothing circle for longer than any node would ask for", () => {
    expect(judge({ ttl: 64 })).toMatchObject({ header: { ttl: 63 } });
    expect(judge({ ttl: 255 })).toMatchObject({ header: { ttl: 63 } });
  });

  it("drop what is expired, has no way, or would go straight back", () => {
    expect(judge({ ttl: 0 })).toEqual({ kind: "drop", reason: "expired" });
    expect(judgeRouted(header, 1n, "from", () => undefined)).toEqual({
      kind: "drop",
      reason: "no-route",
    });
    expect(judge({}, "from")).toEqual({ kind: "drop", reason: "loop" });
  });
});
