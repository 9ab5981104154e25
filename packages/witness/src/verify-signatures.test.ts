import { describe, expect, it } from "vitest";
import { identityOf, privateKeyOf, trusted, vectors } from "./cell-vectors.testing.js";
import { encodeBase64Url, generateKeyPair, parsePublicKey, sign } from "./ed25519.js";
import { decodeHex } from "./hex.js";
import {
  CONTEXTS,
  type Cosignature,
  cosign,
  cosignFacet,
  type FederationContext,
  type FederationKeys,
  federationKeys,
  type Seal,
  sealWitness,
  type UnverifiedSeal,
  verifySeal,
} from "./index.js";

const identity = { cellId: "cell", domainId: "domain" };
const unsigned = sealWitness(identity, "sealed;n=1", "selfsigned");
const signed = CONTEXTS.reduce(
  (seal, context) => cosign(identity, seal, context, privateKeyOf(context)),
  unsigned,
);
const row = sealWitness(identity, "sealed;n=1", "facet");
const beside = CONTEXTS.map((context) =>
  cosignFacet(identity, row, context, privateKeyOf(context)),
);

/** The contexts whose signature did not pass. */
function unsignedContexts(
  seal: UnverifiedSeal,
  keys: FederationKeys = trusted,
  cosignatures: readonly Cosignature[] = [],
): readonly string[] {
  const report = verifySeal(identity, seal, { keys, cosignatures });
  const missing = report.checks
    .filter((check) => check.name.startsWith("signature.") && check.status === "failed")
    .map((check) => check.name.slice("signature.".length));
  expect(report.ok).toBe(report.level === "signed");
  if (missing.length > 0) expect(report.ok).toBe(false);
  return missing;
}

function withEntry(
  seal: UnverifiedSeal,
  context: FederationContext,
  entry: string,
): UnverifiedSeal {
  return {
    ...seal,
    quintet: seal.quintet.map((old, at) => (CONTEXTS[at] === context ? entry : old)),
  };
}

describe("signatures in the quintet", () => {
  it.each(vectors.manifests)("of the vectors are good", (vector) => {
    const { canonical_witness, witness_hash_sha256, signature_quintet } = vector.signed;
    const report = verifySeal(
      identityOf(vector.signed),
      {
        canonicalWitness: canonical_witness,
        witnessHash: witness_hash_sha256,
        quintet: signature_quintet,
      },
      { keys: trusted, expectedWitness: canonical_witness },
    );
    expect([report.ok, report.level]).toEqual([true, "signed"]);
    expect(report.checks.every((check) => check.status === "passed")).toBe(true);
    expect(report.summary).not.toContain("unsigned");
  });

  it.each(CONTEXTS)("must all be there: without that of %s it is not signed", (context) => {
    const entry = unsigned.quintet[CONTEXTS.indexOf(context)] ?? "";
    expect(unsignedContexts(withEntry(signed, context, entry))).toEqual([context]);
  });

  it("must be by the key of their own context", () => {
    const swapped = cosign(identity, signed, "cell_id", privateKeyOf("tau_block"));
    expect(unsignedContexts(swapped)).toEqual(["cell_id"]);
    const stranger = generateKeyPair(new Uint8Array(32)).privateKey;
    expect(unsignedContexts(cosign(identity, signed, "tau_block", stranger))).toEqual([
      "tau_block",
    ]);
  });

  it("cannot be moved to another context, even under one key for all", () => {
    const key = generateKeyPair(new Uint8Array(32));
    const keys = federationKeys(
      CONTEXTS.map((context) => [context, key.publicKey] as const),
      { singleOperator: true },
    );
    const all = CONTEXTS.reduce(
      (seal, context) => cosign(identity, seal, context, key.privateKey),
      unsigned,
    );
    expect(unsignedContexts(all, keys)).toEqual([]);
    const moved = all.quintet[0].slice(-86);
    const facet = all.quintet[1].split(":")[1];
    const report = verifySeal(identity, withEntry(all, "domain_id", `ed25519:${facet}:${moved}`), {
      keys,
    });
    expect(report.ok).toBe(false);
    const failed = report.checks.filter((check) => check.status === "failed");
    expect(failed.map((check) => check.name)).toEqual([
      "signatures.distinct",
      "signature.domain_id",
    ]);
  });

  it("cannot be taken from another witness", () => {
    const other = sealWitness(identity, "sealed;n=2", "selfsigned");
    const foreign = cosign(identity, other, "cell_id", privateKeyOf("cell_id"));
    const facet = signed.quintet[0].split(":")[1];
    const entry = `ed25519:${facet}:${foreign.quintet[0].slice(-86)}`;
    expect(unsignedContexts(withEntry(signed, "cell_id", entry))).toEqual(["cell_id"]);
  });

  it("are not accepted over a bare digest, as a handshake signs one", () => {
    const key = privateKeyOf("cell_id");
    const facet = signed.quintet[0].split(":")[1] ?? "";
    for (const digest of [signed.witnessHash, facet]) {
      for (const message of [decodeHex(digest), new TextEncoder().encode(digest)]) {
        const entry = `ed25519:${facet}:${encodeBase64Url(sign(key, message))}`;
        expect(unsignedContexts(withEntry(signed, "cell_id", entry))).toEqual(["cell_id"]);
      }
    }
  });

  it("prove nothing when the witness does not hold", () => {
    const report = verifySeal(identity, signed, { keys: trusted, expectedWitness: "sealed;n=2" });
    expect([report.ok, report.level]).toEqual([false, "none"]);
    const altered = verifySeal(identity, { ...signed, canonicalWitness: "x" }, { keys: trusted });
    expect([altered.ok, altered.level]).toEqual([false, "none"]);
    const badIdentity = verifySeal({ ...identity, cellId: "|" }, signed, { keys: trusted });
    expect([badIdentity.ok, badIdentity.level]).toEqual([false, "none"]);
  });
});

describe("cosignatures beside a row", () => {
  it("sign a row whose quintet is five plain facets", () => {
    expect(unsignedContexts(row, trusted, beside)).toEqual([]);
    expect(unsignedContexts(row, trusted, beside.toReversed())).toEqual([]);
    expect(unsignedContexts(row)).toEqual([...CONTEXTS]);
  });

  it("may stand beside entries that are signed themselves", () => {
    const partly = cosign(identity, row, "cell_id", privateKeyOf("cell_id"));
    expect(unsignedContexts(partly, trusted, beside.slice(1))).toEqual([]);
  });

  it("do not heal an entry whose own signature is bad", () => {
    const stranger = generateKeyPair(new Uint8Array(32)).privateKey;
    const bad: Seal = cosign(identity, row, "cell_id", stranger);
    expect(unsignedContexts(bad, trusted, beside)).toEqual(["cell_id"]);
  });

  it("do not lift the level when an entry could not be recomputed", () => {
    const foreign = withEntry(row, "cell_id", "selfsigned:foreign");
    const report = verifySeal(identity, foreign, { keys: trusted, cosignatures: beside });
    expect([report.ok, report.level]).toEqual([false, "witness"]);
  });

  it("count only in the name of the trusted key, and other people's do no harm", () => {
    const stranger = generateKeyPair(new Uint8Array(32)).privateKey;
    const strange = cosignFacet(identity, row, "cell_id", stranger);
    expect(unsignedContexts(row, trusted, [strange, ...beside])).toEqual([]);
    expect(unsignedContexts(row, trusted, [strange, ...beside.slice(1)])).toEqual(["cell_id"]);
    const [own] = beside as [Cosignature];
    const relabelled = { ...strange, publicKey: own.publicKey };
    expect(unsignedContexts(row, trusted, [relabelled, ...beside.slice(1)])).toEqual(["cell_id"]);
    expect(unsignedContexts(row, trusted, [relabelled, ...beside])).toEqual([]);
  });

  it("may be repeated, but not stand at two contexts", () => {
    expect(unsignedContexts(row, trusted, [...beside, ...beside])).toEqual([]);
    const [own] = beside as [Cosignature];
    const copied: Cosignature = { ...own, context: "tau_block" };
    const report = verifySeal(identity, row, { keys: trusted, cosignatures: [...beside, copied] });
    expect(report.ok).toBe(false);
    expect(report.level).toBe("facets");
  });

  it("are refused in another encoding", () => {
    const [own, ...rest] = beside as [Cosignature, ...Cosignature[]];
    for (const signature of [
      `${own.signature}==`,
      own.signature.slice(1),
      `${own.signature}\n`,
      "",
      "junk",
    ]) {
      expect(unsignedContexts(row, trusted, [{ ...own, signature }, ...rest])).toEqual(["cell_id"]);
    }
    const upper = { ...own, publicKey: own.publicKey.toUpperCase() };
    expect(unsignedContexts(row, trusted, [upper, ...rest])).toEqual(["cell_id"]);
  });

  it("cost a bounded number of verifications, however many there are", () => {
    const [own, ...rest] = beside as [Cosignature, ...Cosignature[]];
    const junk = Array.from({ length: 20_000 }, (_, index) => ({
      ...own,
      signature: encodeBase64Url(new Uint8Array(64).fill(index & 7)),
    }));
    expect(unsignedContexts(row, trusted, [...junk, ...rest])).toEqual(["cell_id"]);
  });

  it("are skipped without keys", () => {
    const report = verifySeal(identity, row, { cosignatures: beside });
    expect([report.ok, report.level]).toEqual([true, "facets"]);
  });
});

describe("the keys of a verification", () => {
  const key = parsePublicKey(vectors.keys.cell_id.public);
  it.each<[string, FederationKeys]>([
    ["are missing one", { ...trusted, keys: new Map([...trusted.keys].slice(1)) }],
    ["hold one that is revoked", { ...trusted, revoked: new Set([key.hex]) }],
    ["hold one twice", { ...trusted, keys: new Map([...trusted.keys, ["tau_block", key]]) }],
    ["are none", { ...trusted, keys: new Map() }],
  ])("fail the report when they %s", (_, keys) => {
    const report = verifySeal(identity, signed, { keys });
    expect([report.ok, report.level]).toEqual([false, "facets"]);
    expect(report.checks.find((check) => check.name === "keys")?.status).toBe("failed");
  });
});
