import { Identity } from "@gaiaftcl/net-identity";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Announcement,
  announcementSignedBytes,
  checkAnnouncementSignature,
  encodeAnnouncement,
  ensureAnnounceable,
  isNodeIdOfEntity,
  MAX_CAPABILITY_BYTES,
  signAnnouncement,
} from "./announcement.js";
import { decodeAnnouncement, MAX_ANNOUNCEMENT_BYTES } from "./announcement-reader.js";
import { CapabilitySet } from "./capability-set.js";
import { bytesOfHex, textOf, utf8, vectors } from "./capability-vectors.testing.js";
import { NetCapabilityError } from "./net-capability-error.js";

const fixed = vectors.announcement_fixed;

function read(text: string): Announcement {
  return decodeAnnouncement(utf8(text));
}

/** What a reader makes of a text: whether it is read and its signature still holds. */
function isAccepted(bytes: Uint8Array): boolean {
  try {
    return checkAnnouncementSignature(decodeAnnouncement(bytes)) === "good";
  } catch (error) {
    expect(error).toBeInstanceOf(NetCapabilityError);
    return false;
  }
}

describe("the largest set that can be announced", () => {
  const filling = (bytes: number): CapabilitySet =>
    CapabilitySet.of(["x".repeat(bytes - CapabilitySet.of(["x"]).json.length + 1)]);

  it("fits into one packet after its last hop, with everything else at its longest", () => {
    const largest = filling(MAX_CAPABILITY_BYTES);
    expect(largest.json).toHaveLength(MAX_CAPABILITY_BYTES);
    expect(ensureAnnounceable(largest)).toBe(largest);
    const made = signAnnouncement(
      {
        entityId: new Uint8Array(32).fill(255),
        nodeId: 2n ** 64n - 1n,
        sign: () => new Uint8Array(64),
      },
      {
        version: 2n ** 64n - 1n,
        timestampNs: 2n ** 64n - 1n,
        ttlSeconds: 2 ** 32 - 1,
        capabilities: CapabilitySet.of([...largest.tags, "nat:symmetric"]),
        reflexAddress: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535",
      },
    );
    // 18 bytes of routing header and 4 of the event's length take their part of 8,112.
    expect(encodeAnnouncement({ ...made, hopCount: 15 }).length).toBeLessThanOrEqual(8090);
  });

  it("is refused when it is larger by a byte", () => {
    expect(() => ensureAnnounceable(filling(MAX_CAPABILITY_BYTES + 1))).toThrow(
      expect.objectContaining({ code: "ANNOUNCEMENT" }),
    );
  });
});

describe("an announcement is written as the reference writes it", () => {
  const { cases, with_reflex_override } = vectors.capability_encodings;
  const wires = [...cases.map((one) => one.wire), with_reflex_override, fixed.announcement];

  it.each(wires)("%s", (wire) => {
    const announcement = read(wire);
    expect(textOf(encodeAnnouncement(announcement))).toBe(wire);
    expect(checkAnnouncementSignature(announcement)).toBe("good");
    expect(isNodeIdOfEntity(announcement)).toBe(true);
  });

  it("is signed with the same signature", () => {
    const identity = Identity.fromSeed(bytesOfHex(fixed.seed));
    const announcement = signAnnouncement(identity, {
      version: 3n,
      timestampNs: 1_700_000_000_000_000_000n,
      capabilities: CapabilitySet.of(["scope:tenant:t1", "hardware.gpu", "gpu"], [["app", "x"]]),
    });
    expect(textOf(announcementSignedBytes(announcement))).toBe(fixed.signed_payload);
    expect(textOf(encodeAnnouncement(announcement))).toBe(fixed.announcement);
    const forwarded = { ...announcement, hopCount: 1 };
    expect(textOf(encodeAnnouncement(forwarded))).toBe(fixed.forwarded_hop_1);
    expect(checkAnnouncementSignature(forwarded)).toBe("good");
  });

  it("with odd characters, escaped as little as JSON allows", () => {
    const { tags, wire_hex } = vectors.announcement_odd_characters;
    const announcement = decodeAnnouncement(bytesOfHex(wire_hex));
    expect(announcement.capabilities.equals(CapabilitySet.of([...tags, "nat:unknown"]))).toBe(true);
    expect(Buffer.from(encodeAnnouncement(announcement)).toString("hex")).toBe(wire_hex);
    expect(checkAnnouncementSignature(announcement)).toBe("good");
  });

  it("with its address in canonical form", () => {
    const identity = Identity.fromSeed(bytesOfHex(fixed.seed));
    const content = { version: 1n, timestampNs: 0n, capabilities: CapabilitySet.EMPTY };
    const announcement = signAnnouncement(identity, {
      ...content,
      reflexAddress: "[2001:DB8::1]:1",
    });
    expect(announcement.reflexAddress).toBe("[2001:db8::1]:1");
    expect(() => signAnnouncement(identity, { ...content, reflexAddress: "here" })).toThrow(
      NetCapabilityError,
    );
    expect(() => signAnnouncement(identity, { ...content, version: 2n ** 64n })).toThrow(
      NetCapabilityError,
    );
  });
});

describe("the reader", () => {
  const text = fixed.announcement;
  const members: Record<string, unknown> = JSON.parse(text.replace(/:(\d{16,})/g, ':"#$1"'));
  const write = (value: unknown): string => JSON.stringify(value).replace(/"#(\d+)"/g, "$1");
  const bare = signAnnouncement(Identity.fromSeed(bytesOfHex(fixed.seed)), {
    version: 3n,
    timestampNs: 0n,
    capabilities: CapabilitySet.of(["gpu"]),
  });
  const long = { ...members, filler: "x".repeat(MAX_ANNOUNCEMENT_BYTES) };

  const changes: Readonly<Record<string, string>> = {
    "none, but spaces after ':' and ','": text.replace(/([:,])(?=["\d{[])/g, "$1 "),
    "keys in reverse order": write(Object.fromEntries(Object.entries(members).reverse())),
    "tags listed twice": text.replace('["gpu",', '["gpu","gpu",'),
    "metadata missing": textOf(encodeAnnouncement(bare)).replace(',"metadata":{}', ""),
    "unknown extra key": text.replace("{", '{"extra":[{"a":[1e5,-0.5,null,true]},"\\ud800"],'),
    "signature in uppercase hex": text.replace(/[0-9a-f]{128}/, (hex) => hex.toUpperCase()),
    "entity_id in uppercase hex": text.replace(/(?<=entity_id":")[0-9a-f]{64}/, (hex) =>
      hex.toUpperCase(),
    ),
    "version as a string": text.replace('"version":3', '"version":"3"'),
    "version as a float": text.replace('"version":3', '"version":3.0'),
    "hop_count 0 written out": text.replace(/}$/, ',"hop_count":0}'),
    "hop_count null": text.replace(/}$/, ',"hop_count":null}'),
    "hop_count 256": text.replace(/}$/, ',"hop_count":256}'),
    "reflex_addr null": text.replace(/}$/, ',"reflex_addr":null}'),
    "duplicate key": text.replace(/}$/, ',"version":3}'),
    "trailing byte": `${text}x`,
    "trailing whitespace": `${text} \r\n\t`,
    "ttl_secs missing": text.replace('"ttl_secs":300,', ""),
    "11962 bytes of JSON (more than 8108)": write(long),
  };

  it.each(vectors.announcement_json_reader)("$change: $indexed", ({ change, indexed }) => {
    const changed = changes[change];
    expect(changed).not.toBe(text);
    expect(isAccepted(utf8(changed ?? ""))).toBe(indexed);
  });

  it("takes missing metadata and tags for empty ones", () => {
    const empty = text.replace(/"capabilities":\{.*?\}\}/, '"capabilities":{}');
    expect(read(empty).capabilities).toEqual(CapabilitySet.EMPTY);
  });

  it.each([
    ["an exponent", text.replace('"version":3', '"version":3e0')],
    ["a leading zero", text.replace('"version":3', '"version":03')],
    ["a minus", text.replace('"version":3', '"version":-3')],
    ["minus zero", text.replace('"version":3', '"version":-0')],
    ["2^64", text.replace('"version":3', '"version":18446744073709551616')],
    ["a million digits", text.replace('"version":3', `"version":${"9".repeat(7000)}`)],
    ["2^32 seconds", text.replace('"ttl_secs":300', '"ttl_secs":4294967296')],
    ["a negative hop count", text.replace(/}$/, ',"hop_count":-1}')],
    ["an empty tag", text.replace('["gpu",', '["",')],
    ["a tag that is a number", text.replace('["gpu",', "[1,")],
    ["tags null", text.replace(/"tags":\[[^\]]*\]/, '"tags":null')],
    ["metadata null", text.replace('{"app":"x"}', "null")],
    ["a value of metadata that is a number", text.replace('"app":"x"', '"app":1')],
    ["capabilities as a list", text.replace(/"capabilities":\{.*?\}\}/, '"capabilities":[]')],
    ["short hex", text.replace(/"entity_id":"../, '"entity_id":"')],
    ["hex of other letters", text.replace(/"entity_id":"../, '"entity_id":"zz')],
    ["an escaped lone surrogate", text.replace('"app":"x"', '"app":"\\ud800"')],
    ["a raw control character", text.replace('"app":"x"', '"app":"\u0001"')],
    ["an unknown escape", text.replace('"app":"x"', '"app":"\\x"')],
    ["a comma at the end", text.replace(/}$/, ",}")],
    ["a byte order mark", `\ufeff${text}`],
    ["a no-break space", `\u00a0${text}`],
    ["an unfinished text", text.slice(0, -1)],
    ["nothing", ""],
    ["a list", `[${text}]`],
    ["an address that is none", text.replace(/}$/, ',"reflex_addr":"localhost:1"}')],
    ["a key that repeats under an escape", text.replace(/}$/, ',"\\u0076ersion":3}')],
    ["a lone bracket in what is passed over", text.replace("{", '{"extra":[}],')],
    ["a missing colon in what is passed over", text.replace("{", '{"extra":{"a" 1},')],
  ])("refuses %s", (_name, changed) => {
    expect(changed).not.toBe(text);
    expect(() => read(changed)).toThrow(
      expect.objectContaining({ name: "NetCapabilityError", code: "ANNOUNCEMENT" }),
    );
  });

  it("refuses bytes that are no UTF-8", () => {
    const bytes = utf8(text);
    bytes[bytes.indexOf("x".charCodeAt(0))] = 0xff;
    expect(() => decodeAnnouncement(bytes)).toThrow(NetCapabilityError);
  });

  it("finds a key written with escapes", () => {
    expect(isAccepted(utf8(text.replace('"version"', '"\\u0076ersion"')))).toBe(true);
  });

  it("passes over values nested as deep as the bytes allow", () => {
    const depth = 3_500;
    const deep = "[".repeat(depth) + "]".repeat(depth);
    expect(isAccepted(utf8(text.replace("{", `{"extra":${deep},`)))).toBe(true);
    expect(() => read("[".repeat(8_000))).toThrow(NetCapabilityError);
    const million = utf8(`{"a":${"[".repeat(1_000_000)}`);
    expect(() => decodeAnnouncement(million, { maxBytes: 2_000_000 })).toThrow(NetCapabilityError);
  });

  it("reads long strings with many escapes within a larger limit", () => {
    const value = "\\n".repeat(500_000);
    const bytes = utf8(text.replace('"app":"x"', `"app":"${value}"`));
    const { capabilities } = decodeAnnouncement(bytes, { maxBytes: bytes.length });
    expect(capabilities.metadata.get("app")).toHaveLength(500_000);
  });

  it("passes over whatever JSON another key has", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (extra) => {
        expect(isAccepted(utf8(text.replace("{", () => `{ "extra" : ${extra} ,`)))).toBe(true);
      }),
    );
  });

  it("throws nothing but its error for any bytes, and for any change of good ones", () => {
    const good = utf8(text);
    const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(isAccepted(bytes)).toBe(false);
      }),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (places) => {
        const bytes = Uint8Array.from(good);
        for (const { at, byte } of places) bytes[at] = byte;
        if (isAccepted(bytes)) {
          expect(announcementSignedBytes(decodeAnnouncement(bytes))).toEqual(
            utf8(fixed.signed_payload),
          );
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it("reads back whatever is written", () => {
    const identity = Identity.fromSeed(bytesOfHex(fixed.seed));
    const string = fc.string({ unit: "binary", maxLength: 12 });
    const content = fc.record({
      version: fc.bigInt(0n, 2n ** 64n - 1n),
      timestampNs: fc.bigInt(0n, 2n ** 64n - 1n),
      ttlSeconds: fc.nat(0xffff_ffff),
      capabilities: fc
        .tuple(fc.array(string), fc.array(fc.tuple(string, string)))
        .map(([tags, metadata]) => CapabilitySet.of(tags, metadata)),
      reflexAddress: fc.constantFrom("1.2.3.4:5", "[::1]:6"),
    });
    fc.assert(
      fc.property(content, fc.nat(255), (fields, hopCount) => {
        const announcement = { ...signAnnouncement(identity, fields), hopCount };
        const bytes = encodeAnnouncement(announcement);
        const readBack = decodeAnnouncement(bytes);
        expect(encodeAnnouncement(readBack)).toEqual(bytes);
        expect(readBack).toMatchObject({ ...fields, hopCount, nodeId: identity.nodeId });
        expect(checkAnnouncementSignature(readBack)).toBe("good");
      }),
    );
  });
});
