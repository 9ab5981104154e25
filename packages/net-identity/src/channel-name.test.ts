import { xxh3 } from "@gaiaftcl/xxh3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  channelHash,
  channelHint,
  channelNameProblem,
  ensureChannelName,
  isChannelName,
  publishStreamId,
} from "./channel-name.js";
import { NetIdentityError } from "./net-identity-error.js";
import { vectors } from "./vectors.testing.js";

describe("a channel name", () => {
  it.each(vectors.channel_hash)("$name has the hash, hint and stream of Net", (vector) => {
    const hash = channelHash(vector.name);
    expect(hash).toBe(BigInt(vector.channel_hash));
    expect(channelHint(hash)).toBe(vector.wire_u16);
    expect(publishStreamId(hash)).toBe(BigInt(vector.publish_stream_id));
    expect(ensureChannelName(vector.name)).toBe(vector.name);
  });

  it.each(vectors.channel_name_invalid)("$name is refused in the words of Net", (vector) => {
    expect(isChannelName(vector.name)).toBe(false);
    for (const refuse of [ensureChannelName, channelHash]) {
      expect(() => refuse(vector.name)).toThrow(
        expect.objectContaining({ code: "CHANNEL_NAME", message: vector.message }),
      );
    }
  });

  it("may have 255 bytes, dots in its segments, and each of its characters alone", () => {
    const names = ["x".repeat(255), "...", ".a", "a.", "-", "_", "0", "a/.../b", "a.b/c-d_e"];
    for (const name of names) expect(channelNameProblem(name)).toBeUndefined();
  });

  it("is made of nothing but its alphabet, or is refused with an error of this package", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.stringMatching(/^[a-c./A_-]{0,12}$/),
    );
    fc.assert(
      fc.property(anything, (name) => {
        if (isChannelName(name)) {
          expect(name).toMatch(/^[a-z0-9\-_.]+(\/[a-z0-9\-_.]+)*$/);
          expect(name.split("/")).not.toContain(".");
          expect(name.split("/")).not.toContain("..");
          expect(name.length).toBeLessThanOrEqual(255);
          expect(channelHash(name)).toBe(xxh3(name));
        } else {
          expect(() => ensureChannelName(name)).toThrow(NetIdentityError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("is a text", () => {
    expect(isChannelName(5)).toBe(false);
    expect(isChannelName(undefined)).toBe(false);
  });
});
