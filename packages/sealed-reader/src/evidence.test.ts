import { CONTEXTS, cosignFacet, federationKeys } from "@gaiaftcl/witness";
import { generateKeyPair } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  decodeEvidence,
  encodeEvidence,
  openSealed,
  SealedReaderError,
  verifyEvidence,
} from "./index.js";
import { collect, TestCell } from "./test-cell.testing.js";

const TABLE = "research_telemetry";

async function bundleOf(cell: TestCell, seq: number) {
  await using reader = await openSealed(cell.path);
  const row = (await collect(reader.researchTelemetry()))[seq - 1];
  if (row === undefined) throw new Error(`no row ${seq}`);
  return await reader.evidence(row);
}

it("exports a row that verifies without the database", async () => {
  const cell = new TestCell();
  cell.telemetry(3);
  for (const seq of [1, 3]) {
    const text = encodeEvidence(await bundleOf(cell, seq));
    const report = verifyEvidence(text);
    expect(report).toMatchObject({ ok: true, level: "facets", id: `t-${seq}` });
    expect(report.checks).toContainEqual({ name: "chain", status: "passed" });
    expect(verifyEvidence(new TextEncoder().encode(text))).toEqual(report);
    expect(encodeEvidence(decodeEvidence(text))).toBe(text);
    expect(JSON.parse(text).definition.id_column).toBe("telemetry_id");
  }
});

it("brings the signatures along, and takes the keys from the verifier only", async () => {
  const pairs = CONTEXTS.map((context) => [context, generateKeyPair()] as const);
  const keys = federationKeys(pairs.map(([context, { publicKey }]) => [context, publicKey]));
  const others = federationKeys(CONTEXTS.map((context) => [context, generateKeyPair().publicKey]));
  const cell = new TestCell();
  const [row] = cell.telemetry(1);
  const seal = {
    canonicalWitness: String(row?.["canonical_witness"]),
    witnessHash: String(row?.["witness_hash_sha256"]),
    quintet: JSON.parse(String(row?.["signature_quintet"])),
  };
  for (const [context, { privateKey }] of pairs) {
    const identity = { cellId: "test-cell", domainId: "tests" };
    cell.cosign(row ?? {}, cosignFacet(identity, seal as never, context, privateKey));
  }
  const bundle = await bundleOf(cell, 1);
  expect(bundle.cosignatures).toHaveLength(5);
  expect(verifyEvidence(bundle, { keys })).toMatchObject({ ok: true, level: "signed" });
  expect(verifyEvidence(bundle, { keys: others }).ok).toBe(false);
  expect(verifyEvidence(bundle)).toMatchObject({ ok: true, level: "facets" });
});

it("fails where anything in it was changed", async () => {
  const cell = new TestCell();
  cell.telemetry(2);
  const bundle = await bundleOf(cell, 2);
  const changed = [
    { ...bundle, row: { ...bundle.row, metric: "other" } },
    { ...bundle, row: { ...bundle.row, extra: "column" } },
    { ...bundle, previousWitnessHash: "0".repeat(64) },
    { ...bundle, previousWitnessHash: null },
    { ...bundle, table: "franklin_commands" },
  ];
  for (const evidence of changed) expect(verifyEvidence(evidence).ok).toBe(false);
});

it("takes no definition of a table from the bundle", async () => {
  const cell = new TestCell();
  cell.telemetry(1);
  const value = JSON.parse(encodeEvidence(await bundleOf(cell, 1)));
  value.definition.columns = [];
  delete value.row.detail_json;
  expect(verifyEvidence(JSON.stringify(value)).ok).toBe(false);
});

it("is not exported where the row is no longer as it was read", async () => {
  const cell = new TestCell();
  cell.telemetry(1);
  await using reader = await openSealed(cell.path);
  const [row] = await collect(reader.researchTelemetry());
  if (row === undefined) throw new Error("no row");
  cell.database.exec(`UPDATE ${TABLE} SET witness_hash_sha256 = '${"0".repeat(64)}'`);
  await expect(reader.evidence(row)).rejects.toMatchObject({ code: "ROW_MISSING" });
  cell.database.exec(`DELETE FROM ${TABLE}`);
  await expect(reader.evidence(row)).rejects.toMatchObject({ code: "ROW_MISSING" });
});

it("is refused where it is no evidence, with its own error only", () => {
  for (const text of [
    "",
    "{}",
    "[]",
    '{"format":"gaiaftcl.evidence.v1"}',
    '{"format":"x","format":"y"}',
  ]) {
    expect(() => verifyEvidence(text)).toThrow(SealedReaderError);
  }
  const parts = fc.record(
    {
      format: fc.constant("gaiaftcl.evidence.v1"),
      table: fc.oneof(fc.constant(TABLE), fc.string()),
      row: fc.oneof(
        fc.jsonValue(),
        fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer())),
      ),
      previous_witness_hash: fc.oneof(fc.constant("0".repeat(64)), fc.constant(null), fc.string()),
      cosignatures: fc.oneof(fc.constant([]), fc.jsonValue()),
    },
    { requiredKeys: ["format", "table", "cosignatures"] },
  );
  fc.assert(
    fc.property(parts, (value) => {
      try {
        expect(verifyEvidence(JSON.stringify(value)).level).not.toBe("signed");
      } catch (cause) {
        expect(cause).toBeInstanceOf(SealedReaderError);
      }
    }),
  );
});
