import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelNameProblem, isChannelName } from "./channel-name.js";

describe("a channel name", () => {
  it.each([
    ["", "channel name is empty"],
    ["/A", "invalid channel name format: must not start or end with '/'"],
    ["a/", "invalid channel name format: must not start or end with '/'"],
    ["A//b", "invalid channel name format: must not contain '//'"],
    ["a B", "invalid character ' ' in channel name"],
    [
      "aB c",
      "invalid channel name format: uppercase character 'B' not allowed — channel names are lowercase only",
    ],
    ["./ü", "invalid character 'ü' in channel name"],
    ["a/./b", 'invalid channel name format: segment "." is reserved'],
    ["..", 'invalid channel name format: segment ".." is reserved'],
    ["é".repeat(128), "channel name too long (256 > 255)"],
  ])("is not %j, for the first rule it breaks", (name, problem) => {
    expect(channelNameProblem(name)).toBe(problem);
    expect(isChannelName(name)).toBe(false);
  });

  it("may have 255 bytes, dots in its segments, and each of its characters alone", () => {
    const names = ["x".repeat(255), "...", ".a", "a.", "-", "_", "0", "a/.../b", "a.b/c-d_e"];
    for (const name of names) expect(channelNameProblem(name)).toBeUndefined();
  });

  it("is made of nothing but its alphabet, in segments that name no directory above", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.stringMatching(/^[a-c./A_-]{0,12}$/),
    );
    fc.assert(
      fc.property(anything, (name) => {
        const segments = name.split("/");
        const wanted =
          /^[a-z0-9\-_.]+(\/[a-z0-9\-_.]+)*$/.test(name) &&
          name.length <= 255 &&
          !segments.includes(".") &&
          !segments.includes("..");
        expect(isChannelName(name)).toBe(wanted);
      }),
      { numRuns: 1_000 },
    );
  });

  it("is a text", () => {
    expect(isChannelName(5)).toBe(false);
    expect(isChannelName(undefined)).toBe(false);
  });
});
