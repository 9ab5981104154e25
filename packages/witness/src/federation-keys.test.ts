import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { trusted, vectors } from "./cell-vectors.testing.js";
import { encodeBase64, parsePublicKey, publicKeyToBytes, publicKeyToPem } from "./ed25519.js";
import { CONTEXTS, type FederationContext, federationKeys, loadFederationKeys } from "./index.js";
import { refusalOf } from "./refusal.testing.js";

const hexOf = (context: FederationContext): string => vectors.keys[context].public;

function toml(
  keys: Readonly<Record<string, string>> = Object.fromEntries(CONTEXTS.map((c) => [c, hexOf(c)])),
  top = "",
): string {
  const lines = Object.entries(keys).map(([context, key]) => `${context} = """${key}"""`);
  return `${top}\n[public_keys]\n${lines.join("\n")}\n`;
}

const all = Object.fromEntries(CONTEXTS.map((context) => [context, hexOf(context)]));
const stranger = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";

describe("federation_keys.toml", () => {
  it("gives a key for each context", () => {
    const keys = loadFederationKeys(toml());
    expect([...keys.keys.keys()]).toEqual([...CONTEXTS]);
    expect([...keys.keys.values()].map(String)).toEqual(CONTEXTS.map(hexOf));
    expect(keys.singleOperator).toBe(false);
    expect(keys.revoked.size).toBe(0);
  });

  it("takes a key as hex, base64 or PEM", () => {
    const key = parsePublicKey(hexOf("domain_id"));
    const other = parsePublicKey(hexOf("tau_block"));
    const mixed = {
      ...all,
      domain_id: encodeBase64(publicKeyToBytes(key)),
      tau_block: `\n${publicKeyToPem(other)}`,
    };
    expect([...loadFederationKeys(toml(mixed)).keys.values()].map(String)).toEqual(
      CONTEXTS.map(hexOf),
    );
  });

  it("takes revoked keys in the same three forms", () => {
    const key = parsePublicKey(stranger);
    const forms = [stranger, encodeBase64(publicKeyToBytes(key)), publicKeyToPem(key)];
    for (const form of forms) {
      const { revoked } = loadFederationKeys(toml(all, `revoked = [${JSON.stringify(form)}]`));
      expect([...revoked]).toEqual([stranger]);
    }
  });

  it("lets one key stand for several contexts only where single_operator says so", () => {
    const one = Object.fromEntries(CONTEXTS.map((context) => [context, stranger]));
    expect(refusalOf(() => loadFederationKeys(toml(one)))).toBe("FEDERATION_KEYS");
    expect(refusalOf(() => loadFederationKeys(toml(one, "single_operator = false")))).toBe(
      "FEDERATION_KEYS",
    );
    expect(loadFederationKeys(toml(one, "single_operator = true")).singleOperator).toBe(true);
  });

  it("finds one key behind two spellings", () => {
    const spelt = {
      ...all,
      tau_block: encodeBase64(publicKeyToBytes(parsePublicKey(hexOf("cell_id")))),
    };
    expect(() => loadFederationKeys(toml(spelt))).toThrow(
      /cell_id and tau_block have the same key/,
    );
  });

  it.each(CONTEXTS)("refuses to do without the key of %s", (context) => {
    const { [context]: _, ...rest } = all;
    expect(() => loadFederationKeys(toml(rest))).toThrow(`no key for ${context}`);
  });

  it.each(CONTEXTS)("refuses a revoked key of %s", (context) => {
    const text = toml(all, `revoked = ["${hexOf(context)}"]`);
    expect(() => loadFederationKeys(text)).toThrow(`the key of ${context}`);
  });

  it.each([
    ["nothing at all", ""],
    ["a comment alone", "# keys\n"],
    ["no table", "public_keys = 1"],
    ["an empty table", "[public_keys]"],
    ["an array of tables", "[[public_keys]]\ncell_id = 'x'"],
    ["something that is not TOML", "[public_keys"],
    ["a byte that ends it", `${toml()}\0`],
    ["an unknown context", toml({ ...all, cell: stranger })],
    ["a context from the prototype", toml({ ...all, constructor: stranger })],
    ["a misplaced revoked", `${toml()}revoked = []\n`],
    ["a misspelt revoked", toml(all, "revokd = []")],
    ["a revoked that is no array", toml(all, `revoked = "${stranger}"`)],
    ["a revoked number", toml(all, "revoked = [1]")],
    ["a revoked text that is no key", toml(all, 'revoked = ["key"]')],
    ["a single_operator that is a text", toml(all, 'single_operator = "true"')],
    ["a single_operator that is a number", toml(all, "single_operator = 1")],
    ["a key that is a number", `[public_keys]\ncell_id = 1`],
    ["an empty key", toml({ ...all, cell_id: "" })],
    ["a key in upper case", toml({ ...all, cell_id: stranger.toUpperCase() })],
    ["a key of small order", toml({ ...all, cell_id: `01${"0".repeat(62)}` })],
    ["a key that is not canonical", toml({ ...all, cell_id: `${"f".repeat(63)}f` })],
    ["a key twice", `${toml()}cell_id = "${stranger}"`],
    ["nesting without end", `x = ${"[".repeat(20_000)}`],
  ])("refuses %s", (_, text) => {
    expect(refusalOf(() => loadFederationKeys(text))).toBe("FEDERATION_KEYS");
  });

  it("names the member that is wrong", () => {
    const text = toml({ ...all, tau_block: "key" });
    expect(() => loadFederationKeys(text)).toThrow(
      /public_keys\.tau_block: expected 64 lower-case hex/,
    );
    expect(() => loadFederationKeys(toml(all, 'revoked = ["x"]'))).toThrow(/revoked\[0\]/);
  });

  it("makes every text a table of keys or a refusal", () => {
    const piece = fc.constantFrom(
      "[public_keys]\n",
      "revoked",
      "single_operator",
      " = ",
      "[",
      "]",
      '"',
      "cell_id",
      "true",
      "\n",
      stranger,
    );
    const assembled = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(fc.oneof(assembled, fc.string({ unit: "binary" })), (text) => {
        expect(refusalOf(() => loadFederationKeys(text))).toBe("FEDERATION_KEYS");
      }),
    );
    expect(refusalOf(() => loadFederationKeys(undefined as unknown as string))).toBe(
      "FEDERATION_KEYS",
    );
  });
});

describe("federation keys from values", () => {
  it("are the same table", () => {
    expect(federationKeys(trusted.keys)).toEqual(trusted);
    expect(loadFederationKeys(toml()).revoked).toEqual(trusted.revoked);
  });

  it("obey the same rules", () => {
    const entries = [...trusted.keys];
    const [[, first]] = entries as [(typeof entries)[number]];
    expect(refusalOf(() => federationKeys(entries.slice(1)))).toBe("FEDERATION_KEYS");
    expect(refusalOf(() => federationKeys(entries, { revoked: [first] }))).toBe("FEDERATION_KEYS");
    const unknown = [...entries, ["cell" as FederationContext, first] as const];
    expect(refusalOf(() => federationKeys(unknown))).toBe("FEDERATION_KEYS");
    const same = CONTEXTS.map((context) => [context, first] as const);
    expect(refusalOf(() => federationKeys(same))).toBe("FEDERATION_KEYS");
    expect(federationKeys(same, { singleOperator: true }).singleOperator).toBe(true);
  });
});
