import { CONTEXTS, federationKeys } from "@gaiaftcl/witness";
import {
  encodeBase64,
  generateKeyPair,
  publicKeyToBytes,
  publicKeyToPem,
} from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alice, bob } from "./cell.testing.js";
import { FranklinError } from "./franklin-error.js";
import { loadOperators } from "./operators.js";

const hex = alice.publicKey.hex;

describe("operators.toml", () => {
  it("names operators with a key in each of its three forms", () => {
    const pem = publicKeyToPem(bob.publicKey);
    const operators = loadOperators(`
      [operators]
      "alice" = "${hex}"
      "alice at home" = "${encodeBase64(publicKeyToBytes(alice.publicKey))}"
      bob = '''${pem}'''
    `);
    expect([...operators.keys()]).toEqual(["alice", "alice at home", "bob"]);
    expect(operators.get("alice at home")?.publicKey.hex).toBe(hex);
    expect(operators.get("bob")?.publicKey.hex).toBe(bob.publicKey.hex);
    expect(operators.get("bob")).not.toHaveProperty("verbs");
  });

  it("grants an operator only the verbs it lists", () => {
    const operators = loadOperators(`
      [operators.alice]
      public_key = "${hex}"
      verbs = ["franklin_authority_show", "replay_session"]

      [operators.bob]
      public_key = "${bob.publicKey.hex}"
      verbs = []
    `);
    expect(operators.get("alice")?.verbs).toEqual(
      new Set(["franklin_authority_show", "replay_session"]),
    );
    expect(operators.get("bob")?.verbs).toEqual(new Set());
  });

  it("may have other tables, and nobody in its own", () => {
    expect(loadOperators('[operators]\n[other]\na = "b"').size).toBe(0);
  });

  it.each([
    ["no TOML", "[operators"],
    ["nothing", ""],
    ["an array for the table", `operators = ["${hex}"]`],
    ["a date for the table", "operators = 2026-01-01"],
    ["an array of tables", `[[operators]]\nalice = "${hex}"`],
    ["a number as key", "[operators]\nalice = 7"],
    ["a key that is none", '[operators]\nalice = "abc"'],
    ["a key of small order", `[operators]\nalice = "01${"00".repeat(31)}"`],
    ["a table without key", '[operators.alice]\nverbs = ["a"]'],
    ["a misspelt verbs", `[operators.alice]\npublic_key = "${hex}"\nverb = ["a"]`],
    ["verbs as text", `[operators.alice]\npublic_key = "${hex}"\nverbs = "a"`],
    ["a verb in upper case", `[operators.alice]\npublic_key = "${hex}"\nverbs = ["A"]`],
    ["the same operator twice", `[operators]\nalice = "${hex}"\nalice = "${hex}"`],
    ["an empty context", `[operators]\n"" = "${hex}"`],
    ["a context with a line break", `[operators]\n"a\\nb" = "${hex}"`],
    ["a context that is not NFC", `[operators]\n"e\\u0301" = "${hex}"`],
    ["a context of 256 bytes", `[operators]\n${"a".repeat(256)} = "${hex}"`],
  ])("is refused with %s", (_, toml) => {
    expect(() => loadOperators(toml)).toThrow(
      expect.objectContaining({ name: "FranklinError", code: "OPERATORS_INVALID" }),
    );
  });

  it("names the operator that is wrong", () => {
    expect(() => loadOperators('[operators]\ncarol = "abc"')).toThrow(/"carol"/);
  });

  it("is refused if it repeats a federation key, in use or revoked, whatever its form", () => {
    const pairs = CONTEXTS.map((context) => [context, generateKeyPair().publicKey] as const);
    const revoked = generateKeyPair().publicKey;
    const keys = federationKeys(pairs, { revoked: [revoked] });
    const federation = pairs[2]?.[1] ?? revoked;
    for (const key of [federation, revoked]) {
      const toml = `[operators]\nalice = "${encodeBase64(publicKeyToBytes(key))}"`;
      expect(loadOperators(toml).size).toBe(1);
      expect(() => loadOperators(toml, keys)).toThrow(
        expect.objectContaining({ code: "FEDERATION_KEY" }),
      );
    }
    expect(loadOperators(`[operators]\nalice = "${hex}"`, keys).size).toBe(1);
  });

  it("of any text is either operators or one error", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        try {
          loadOperators(`[operators]\n${text}`);
        } catch (error) {
          expect(error).toBeInstanceOf(FranklinError);
        }
      }),
    );
  });
});
