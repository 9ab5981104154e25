import { describe, expect, it } from "vitest";
import { identityOf, privateKeyOf, trusted, vectors } from "./cell-vectors.testing.js";
import {
  CONTEXTS,
  cosign,
  type FederationKeys,
  type Level,
  type Seal,
  sealWitness,
  type UnverifiedSeal,
  type VerificationReport,
  verifySeal,
  witnessHash,
} from "./index.js";
import { refusalOf } from "./refusal.testing.js";

const identity = {
  cellId: "cell",
  domainId: "domain",
  leanArtifactPath: "Lean/T.lean",
  tauBlock: 7n,
};
const seal = sealWitness(identity, "sealed;n=1", "selfsigned");
const FOREIGN = "selfsigned:by another implementation";

function statusOf(report: VerificationReport, name: string): string | undefined {
  return report.checks.find((check) => check.name === name)?.status;
}

function withEntry(position: number, entry: string, of: UnverifiedSeal = seal): UnverifiedSeal {
  return { ...of, quintet: of.quintet.map((old, at) => (at === position ? entry : old)) };
}

describe("the report on a seal without keys", () => {
  it.each(["facet", "selfsigned"] as const)("is good at level facets in the form %s", (form) => {
    const report = verifySeal(identity, sealWitness(identity, "text", form), {
      expectedWitness: "text",
    });
    expect(report.ok).toBe(true);
    expect(report.level).toBe("facets");
    expect(report.summary).toContain("unsigned: proves consistency, not origin");
  });

  it("lists every check, in one order", () => {
    const report = verifySeal(identity, seal, { expectedWitness: "sealed;n=1" });
    const names = ["witness.text", "witness.hash", "identity", "quintet"]
      .concat(CONTEXTS.map((context) => `facet.${context}`))
      .concat("signatures.distinct", "keys")
      .concat(CONTEXTS.map((context) => `signature.${context}`));
    expect(report.checks.map((check) => check.name)).toEqual(names);
    expect(report.checks.map((check) => check.status)).toEqual([
      ...Array<string>(9).fill("passed"),
      ...Array<string>(7).fill("skipped"),
    ]);
    for (const check of report.checks) {
      expect(check.detail === undefined).toBe(check.status === "passed");
    }
  });

  it("says that a text was not recomputed when no fields were given", () => {
    const report = verifySeal(identity, seal);
    expect(statusOf(report, "witness.text")).toBe("skipped");
    expect(report.ok).toBe(true);
  });

  it.each(vectors.manifests)(
    "is good for a signed manifest too, whose signatures it skips",
    ({ signed }) => {
      const report = verifySeal(identityOf(signed), {
        canonicalWitness: signed.canonical_witness,
        witnessHash: signed.witness_hash_sha256,
        quintet: signed.signature_quintet,
      });
      expect([report.ok, report.level]).toEqual([true, "facets"]);
      expect(statusOf(report, "signatures.distinct")).toBe("passed");
      expect(statusOf(report, "signature.cell_id")).toBe("skipped");
      expect(report.summary).toContain("unsigned");
    },
  );

  it("fails at level none when the text is not the recomputed one, or its hash is not", () => {
    const wrong: readonly [UnverifiedSeal, string | undefined][] = [
      [seal, "sealed;n=2"],
      [{ ...seal, canonicalWitness: "sealed;n=2" }, "sealed;n=1"],
      [{ ...seal, canonicalWitness: "sealed;n=2" }, undefined],
      [{ ...seal, witnessHash: witnessHash("sealed;n=2") }, undefined],
      [{ ...seal, witnessHash: seal.witnessHash.toUpperCase() }, undefined],
      [{ ...seal, witnessHash: "" }, undefined],
      [{ ...seal, canonicalWitness: "\ud800" }, undefined],
    ];
    for (const [bad, expectedWitness] of wrong) {
      const report = verifySeal(identity, bad, { expectedWitness });
      expect([report.ok, report.level]).toEqual([false, "none"]);
    }
  });

  it("fails at level none when the identity breaks the rule for its texts", () => {
    for (const bad of [
      { cellId: "a|b" },
      { domainId: "a;b" },
      { leanArtifactPath: "e\u0301" },
      { tauBlock: -1 },
    ]) {
      const report = verifySeal({ ...identity, ...bad }, seal);
      expect([report.ok, report.level]).toEqual([false, "none"]);
      expect(statusOf(report, "identity")).toBe("failed");
    }
  });

  it("fails at level witness when a part of the identity is not the one sealed", () => {
    for (const other of [
      { cellId: "x" },
      { domainId: "x" },
      { leanArtifactPath: "" },
      { tauBlock: 8n },
    ]) {
      const report = verifySeal({ ...identity, ...other }, seal);
      expect([report.ok, report.level]).toEqual([false, "witness"]);
    }
  });

  it("fails when the quintet is not exactly five texts", () => {
    const quintets: readonly unknown[] = [
      [],
      seal.quintet.slice(1),
      [...seal.quintet, seal.quintet[0]],
      [...seal.quintet.slice(1), 1],
      seal.quintet.join(),
      null,
      { length: 5 },
      new Array(5),
      [seal.quintet[0], ...new Array(4)],
    ];
    for (const quintet of quintets) {
      const report = verifySeal(identity, { ...seal, quintet: quintet as string[] });
      expect([report.ok, report.level]).toEqual([false, "witness"]);
      expect(statusOf(report, "quintet")).toBe("failed");
      expect(statusOf(report, "facet.cell_id")).toBe("skipped");
    }
  });

  it("fails when two entries are exchanged", () => {
    const [first, second, ...rest] = seal.quintet;
    expect(verifySeal(identity, { ...seal, quintet: [second, first, ...rest] }).ok).toBe(false);
  });

  it("skips a foreign selfsigned: text, stays at level witness and says so", () => {
    const report = verifySeal(identity, { ...seal, quintet: Array(5).fill(FOREIGN) });
    expect([report.ok, report.level]).toEqual([true, "witness"]);
    expect(statusOf(report, "facet.cell_id")).toBe("skipped");
    expect(report.summary).toContain("not every facet could be checked");
    expect(verifySeal(identity, withEntry(2, FOREIGN)).level).toBe("witness");
  });

  it("does not let a foreign text hide a wrong entry beside it", () => {
    const report = verifySeal(identity, withEntry(1, seal.quintet[0], withEntry(2, FOREIGN)));
    expect([report.ok, report.level]).toEqual([false, "witness"]);
  });

  const facet = seal.quintet[0].slice("selfsigned:".length);
  const signature = "A".repeat(86);
  it.each([
    ["upper-case hex", facet.toUpperCase()],
    ["63 hex digits", facet.slice(1)],
    ["65 hex digits", `${facet}0`],
    ["white space before it", ` ${facet}`],
    ["a line end after it", `${facet}\n`],
    ["nothing", ""],
    ["selfsigned: without a text", "selfsigned:"],
    ["selfsigned: with upper-case hex", `selfsigned:${facet.toUpperCase()}`],
    ["selfsigned: with other hex", `selfsigned:${"0".repeat(64)}`],
    ["another spelling of selfsigned:", `SelfSigned:${facet}`],
    ["another prefix", `foreign:${facet}`],
    ["ed25519: without anything", "ed25519:"],
    ["ed25519: without a signature", `ed25519:${facet}`],
    ["ed25519: with an empty signature", `ed25519:${facet}:`],
    ["ed25519: with upper-case hex", `ed25519:${facet.toUpperCase()}:${signature}`],
    ["ed25519: with a padded signature", `ed25519:${facet}:${signature}==`],
    ["ed25519: with a signature in plain base64", `ed25519:${facet}:${"/".repeat(85)}w`],
    ["ed25519: with non-zero tail bits", `ed25519:${facet}:${"A".repeat(85)}B`],
    ["ed25519: with a signature of 63 bytes", `ed25519:${facet}:${"A".repeat(84)}`],
    ["ed25519: with something after the signature", `ed25519:${facet}:${signature}:x`],
    ["another spelling of ed25519:", `Ed25519:${facet}:${signature}`],
    ["ed25519: with another facet", `ed25519:${"0".repeat(64)}:${signature}`],
  ])("fails for an entry of %s", (_, entry) => {
    const report = verifySeal(identity, withEntry(0, entry));
    expect([report.ok, report.level]).toEqual([false, "witness"]);
    expect(statusOf(report, "facet.cell_id")).toBe("failed");
  });

  it("refuses the same signature at two positions even without keys", () => {
    const signed = cosign(identity, seal, "cell_id", privateKeyOf("cell_id"));
    const copied = signed.quintet[0].slice(-86);
    const domainFacet = seal.quintet[1].slice("selfsigned:".length);
    const report = verifySeal(identity, withEntry(1, `ed25519:${domainFacet}:${copied}`, signed));
    expect(statusOf(report, "signatures.distinct")).toBe("failed");
    expect(report.ok).toBe(false);
  });
});

describe("the level that is required", () => {
  const foreign: UnverifiedSeal = { ...seal, quintet: Array(5).fill(FOREIGN) };
  it.each<[Level, UnverifiedSeal, boolean]>([
    ["none", foreign, true],
    ["witness", foreign, true],
    ["facets", foreign, false],
    ["facets", seal, true],
    ["signed", seal, false],
  ])("%s decides what is good", (require, subject, ok) => {
    const report = verifySeal(identity, subject, { require });
    expect(report.ok).toBe(ok);
    if (!ok) expect(report.summary).toContain(`${require} is required`);
  });

  it("is always signed when there are keys", () => {
    const report = verifySeal(identity, seal, { keys: trusted, require: "witness" });
    expect([report.ok, report.level]).toEqual([false, "facets"]);
  });

  it("must be a level", () => {
    const bad = { require: "origin" as Level };
    expect(refusalOf(() => verifySeal(identity, seal as Seal, bad))).toBe("ARGUMENT");
  });
});

describe("keys that are none", () => {
  const hexOnly = new Map([...trusted.keys].map(([context, key]) => [context, key.hex]));
  const tables: readonly unknown[] = [
    {},
    null,
    "keys",
    new Map(trusted.keys),
    Object.fromEntries(hexOnly),
    { ...trusted, keys: new Map() },
    { ...trusted, keys: hexOnly },
    { ...trusted, revoked: undefined },
  ];

  it.each(tables.map((table, index) => [index, table]))(
    "never pass for no keys, whatever they are: %s",
    (_, keys) => {
      const report = verifySeal(identity, seal, { keys: keys as FederationKeys });
      expect([report.ok, report.level]).toEqual([false, "facets"]);
      expect(statusOf(report, "keys")).toBe("failed");
      expect(statusOf(report, "signature.cell_id")).toBe("failed");
    },
  );
});
