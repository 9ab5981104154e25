import { isChannelName } from "@gaiaftcl/channel-name";
import { xxh3 } from "@gaiaftcl/xxh3";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelHash, channelHint, ensureChannelName, publishStreamId } from "./channel-name.js";
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
    for (const refuse of [ensureChannelName, channelHash]) {
      expect(() => refuse(vector.name)).toThrow(
        expect.objectContaining({ code: "CHANNEL_NAME", message: vector.message }),
      );
    }
  });

  it("has its XXH3 as hash, or is refused with an error of this package", () => {
    const anything = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.stringMatching(/^[a-c./A_-]{0,12}$/),
    );
    fc.assert(
      fc.property(anything, (name) => {
        if (isChannelName(name)) expect(channelHash(name)).toBe(xxh3(name));
        else expect(() => ensureChannelName(name)).toThrow(NetIdentityError);
      }),
    );
  });
});
