import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { identityOf, vectors } from "./cell-vectors.testing.js";
import {
  ensureIdentityText,
  ensureSha256Hex,
  facets,
  type SealIdentity,
  witnessHash,
} from "./index.js";
import { refusalOf } from "./refusal.testing.js";

const hash = witnessHash("witness");

describe("identity texts", () => {
  it.each([
    ["empty", ""],
    ["plain ASCII", "gaiaftcl-mac-cell"],
    ["the other ASCII punctuation", " !\"#$%&'()*+,-./:<>?@[\\]^_`{}~"],
    ["composed accents", "zelle-é-alpha"],
    ["beyond the basic plane", "😀"],
    ["255 bytes", "é".repeat(127).concat("a")],
    ["a line separator, which is no control character", "a\u2028b"],
  ])("may be %s", (_, text) => {
    expect(ensureIdentityText("cell_id", text)).toBe(text);
  });

  it.each([
    ["a bar", "a|b"],
    ["a semicolon", "a;b"],
    ["an equals sign", "a=b"],
    ["a decomposed accent", "e\u0301"],
    ["a character that composition excludes", "\u0958"],
    ["256 bytes", "a".repeat(256)],
    ["128 characters of two bytes", "é".repeat(128)],
  ])("are refused with %s", (_, text) => {
    expect(refusalOf(() => ensureIdentityText("cell_id", text))).toBe("IDENTITY_TEXT");
  });

  it("are refused with any control character, C0, DEL or C1, and with nothing next to those", () => {
    for (let code = 0; code <= 0xff; code += 1) {
      const text = `a${String.fromCharCode(code)}b`;
      const control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
      const separator = code === 0x7c || code === 0x3b || code === 0x3d;
      expect(refusalOf(() => ensureIdentityText("domain_id", text))).toBe(
        control || separator ? "IDENTITY_TEXT" : "nothing was refused",
      );
    }
  });

  it("are refused with a lone surrogate, and when they are no text", () => {
    expect(refusalOf(() => ensureIdentityText("cell_id", "\ud800"))).toBe("ILL_FORMED_TEXT");
    expect(refusalOf(() => ensureIdentityText("cell_id", 1 as unknown as string))).toBe("ARGUMENT");
  });

  it("say in the refusal which text it is and what is wrong with it", () => {
    expect(() => ensureIdentityText("domain_id", "a;b")).toThrow(
      'expected domain_id with no "|", ";", "=" or control character, found ";" at offset 1 of "a;b"',
    );
  });

  it("obey the rule, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const allowed =
          text.isWellFormed() &&
          text.normalize("NFC") === text &&
          Buffer.byteLength(text) <= 255 &&
          !/[|;=\p{Cc}]/u.test(text);
        const refused = refusalOf(() => ensureIdentityText("cell_id", text));
        expect(refused === "nothing was refused").toBe(allowed);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("facets", () => {
  it.each(vectors.facets)("are those of the vectors for $cell_id", (vector) => {
    const hash = witnessHash(vector.canonical_witness);
    expect(hash).toBe(vector.witness_hash_sha256);
    expect(facets(identityOf(vector), hash)).toEqual(vector.facets);
  });

  it("take an absent path and an empty one for the same, and no height for none", () => {
    const bare = facets({ cellId: "c", domainId: "d" }, hash);
    expect(facets({ cellId: "c", domainId: "d", leanArtifactPath: "" }, hash)).toEqual(bare);
    const zero = facets({ cellId: "c", domainId: "d", tauBlock: 0 }, hash);
    expect(zero.slice(0, 4)).toEqual(bare.slice(0, 4));
    expect(zero[4]).not.toBe(bare[4]);
    expect(facets({ cellId: "c", domainId: "d", tauBlock: 0n }, hash)).toEqual(zero);
  });

  it("take heights up to 2^64 - 1 and refuse what is not a whole number", () => {
    const at = (tauBlock: bigint | number): SealIdentity => ({
      cellId: "c",
      domainId: "d",
      tauBlock,
    });
    expect(facets(at(2n ** 64n - 1n), hash)).toHaveLength(5);
    for (const height of [-1, -1n, 1.5, Number.NaN, 2 ** 53, 2n ** 64n, Number.POSITIVE_INFINITY]) {
      expect(refusalOf(() => facets(at(height), hash))).toBe("TAU_BLOCK");
    }
    expect(refusalOf(() => facets(at("1" as unknown as number), hash))).toBe("TAU_BLOCK");
  });

  it("are refused for a bad identity or hash", () => {
    const good = { cellId: "c", domainId: "d" };
    expect(refusalOf(() => facets({ ...good, cellId: "a|b" }, hash))).toBe("IDENTITY_TEXT");
    expect(refusalOf(() => facets({ ...good, domainId: "a;b" }, hash))).toBe("IDENTITY_TEXT");
    expect(refusalOf(() => facets({ ...good, leanArtifactPath: "a=b" }, hash))).toBe(
      "IDENTITY_TEXT",
    );
    const upper = hash.toUpperCase();
    expect(refusalOf(() => facets(good, ensureSha256Hex(upper)))).toBe("HASH");
    expect(refusalOf(() => facets(good, upper as typeof hash))).toBe("HASH");
  });

  it("differ for any two different identities", () => {
    const text = fc.stringMatching(/^[a-z-]{0,6}$/);
    const identity = fc.record({
      cellId: text,
      domainId: text,
      leanArtifactPath: text,
      tauBlock: fc.bigInt(0n, 20n),
    });
    fc.assert(
      fc.property(identity, identity, (one, two) => {
        const same =
          JSON.stringify(Object.values(one).map(String)) ===
          JSON.stringify(Object.values(two).map(String));
        expect(facets(one, hash).join() === facets(two, hash).join()).toBe(same);
      }),
    );
  });
});
