import { describe, expect, it } from "vitest";
import { type ChannelOptions, channelConfig } from "./channel-config.js";
import { ChannelRegistry } from "./channel-registry.js";
import { vectors } from "./vectors.testing.js";

const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    if (error instanceof Error && "code" in error) return error.code;
  }
  return undefined;
};

describe("a channel's configuration", () => {
  it("is open to all and asks for nothing unless it is told otherwise", () => {
    expect(channelConfig("a/b")).toEqual({
      name: "a/b",
      visibility: "global",
      requireToken: false,
      priority: 0,
      reliable: false,
    });
  });

  it.each(vectors.publish.register_errors)("$args is refused as in Net", ({ args, result }) => {
    const [[name], options] = args;
    const asked: ChannelOptions<string> = JSON.parse(JSON.stringify(options));
    const expected = result.startsWith("OverflowError")
      ? "expected priority to be a whole number from 0 to 255, found 256"
      : result.replace("ChannelError: ", "");
    expect(() => channelConfig(name, asked)).toThrow(expected);
  });

  it("has its numbers in range, and issuers that are entities and mean a token", () => {
    const issuer = new Uint8Array(32);
    expect(channelConfig("a", { issuers: [issuer] })).toMatchObject({
      requireToken: true,
      issuers: [issuer],
    });
    const cases: readonly (readonly [ChannelOptions<string>, string])[] = [
      [{ priority: -1 }, "RANGE"],
      [{ maxRatePps: 2 ** 32 }, "RANGE"],
      [{ issuers: [] }, "ARGUMENT"],
      [{ issuers: [new Uint8Array(31)] }, "ARGUMENT"],
      [{ issuers: [issuer], requireToken: false }, "ARGUMENT"],
    ];
    for (const [options, code] of cases) {
      expect(codeOf(() => channelConfig("a", options))).toBe(code);
    }
  });

  it("keeps issuers of its own", () => {
    const issuer = new Uint8Array(32);
    const config = channelConfig("a", { issuers: [issuer] });
    issuer.fill(1);
    expect(config.issuers).toEqual([new Uint8Array(32)]);
  });
});

describe("a registry", () => {
  it("has the last configuration of each name", () => {
    const registry = new ChannelRegistry<string>();
    registry.register("a", { requireToken: true });
    registry.register("a", { priority: 3 });
    expect(registry.get("a")).toMatchObject({ requireToken: false, priority: 3 });
    expect(registry.get("b")).toBeUndefined();
    expect([...registry.names()]).toEqual(["a"]);
    expect(codeOf(() => registry.register("A"))).toBe("NAME");
  });

  it("finds a name by the longest prefix, if it has no entry of its own", () => {
    const registry = new ChannelRegistry<string>();
    registry.registerPrefix("svc.", { priority: 1 });
    registry.registerPrefix("svc.replies.", { priority: 2 });
    registry.registerPrefix("dir/", { priority: 3 });
    registry.register("svc.replies.own", { priority: 4 });
    const names = ["svc.x", "svc.replies.x", "dir/x", "svc.replies.own", "svc", "svc.", "other"];
    expect(names.map((name) => registry.get(name)?.priority)).toEqual([
      1,
      2,
      3,
      4,
      undefined,
      undefined,
      undefined,
    ]);
    for (const prefix of ["", "/", "A", "a//"]) {
      expect([prefix, codeOf(() => registry.registerPrefix(prefix))]).toEqual([prefix, "NAME"]);
    }
    expect(codeOf(() => registry.registerPrefix("a", { priority: 256 }))).toBe("RANGE");
  });
});
