import type { RowRecord } from "@gaiaftcl/sealed-row";
import { CONTEXTS, cosignFacet, type FederationKeys, federationKeys } from "@gaiaftcl/witness";
import { generateKeyPair, type KeyPair } from "@gaiaftcl/witness/ed25519";
import { describe, expect, it } from "vitest";
import { openSealed } from "./index.js";
import { collect, TestCell } from "./test-cell.testing.js";

const TABLE = "research_telemetry";
const pairs = new Map(CONTEXTS.map((context) => [context, generateKeyPair()]));
const keys: FederationKeys = federationKeys(
  [...pairs].map(([context, pair]) => [context, pair.publicKey] as const),
);

function cosignAll(cell: TestCell, row: RowRecord, holders = pairs): void {
  const identity = { cellId: "test-cell", domainId: "tests" };
  const seal = {
    canonicalWitness: String(row["canonical_witness"]),
    witnessHash: String(row["witness_hash_sha256"]),
    quintet: JSON.parse(String(row["signature_quintet"])),
  };
  for (const [context, { privateKey }] of holders) {
    cell.cosign(row, cosignFacet(identity, seal as never, context, privateKey));
  }
}

describe.each([
  ["in this thread", false, 1],
  ["in threads", false, 2],
  ["of a foreign file", true, 1],
] as const)("rows with federation keys, %s", (_, foreign, threads) => {
  it("are signed by all five or not ok", async () => {
    const cell = new TestCell();
    const rows = cell.telemetry(3);
    for (const row of rows) cosignAll(cell, row);
    await using reader = await openSealed(cell.path, { foreign, keys });
    expect(await reader.verifyAll(TABLE, { threads })).toMatchObject({ ok: true, level: "signed" });
    const found = await collect(reader.researchTelemetry());
    expect(found.map(({ report }) => report.level)).toEqual(["signed", "signed", "signed"]);

    const hash = String(rows[0]?.["witness_hash_sha256"]);
    expect((await reader.cosignatures(hash)).map(({ context }) => context).sort()).toEqual(
      CONTEXTS.toSorted(),
    );
    expect(await reader.cosignatures("0".repeat(64))).toEqual([]);

    cell.database.exec(
      `DELETE FROM substrate_cosignatures WHERE context = 'tau_block' AND witness_hash_sha256 = '${rows[1]?.["witness_hash_sha256"]}'`,
    );
    const verdict = await reader.verifyAll(TABLE, { threads });
    expect(verdict).toMatchObject({ ok: false, failed: 1, failures: [{ seq: 2n }] });
  });

  it("are not helped by signatures of other keys, or of anything else in that table", async () => {
    const cell = new TestCell();
    const [row] = cell.telemetry(1);
    const strangers = new Map<(typeof CONTEXTS)[number], KeyPair>(
      CONTEXTS.map((context) => [context, generateKeyPair()]),
    );
    cosignAll(cell, row ?? {}, strangers);
    cell.cosign(row ?? {}, { context: "no_context" as never, publicKey: "?", signature: "?" });
    await using reader = await openSealed(cell.path, { foreign, keys });
    expect(await reader.verifyAll(TABLE, { threads })).toMatchObject({ ok: false, failed: 1 });
    cosignAll(cell, row ?? {});
    expect(await reader.verifyAll(TABLE, { threads })).toMatchObject({ ok: true });
  });

  it("are unsigned where the signatures' table is missing, and refused where it is a view", async () => {
    const cell = new TestCell();
    cell.telemetry(1);
    cell.database.exec("DROP TABLE substrate_cosignatures");
    await using reader = await openSealed(cell.path, { foreign, keys });
    expect(await reader.verifyAll(TABLE, { threads })).toMatchObject({ ok: false, failed: 1 });
    cell.database.exec("CREATE VIEW substrate_cosignatures AS SELECT 1 AS witness_hash_sha256");
    await expect(reader.verifyAll(TABLE, { threads })).rejects.toMatchObject({
      code: "TABLE_NOT_REAL",
    });
  });
});

it("asks for the level it is told to", async () => {
  const cell = new TestCell();
  cell.telemetry(1);
  await using strict = await openSealed(cell.path, { require: "signed" });
  expect((await collect(strict.researchTelemetry()))[0]?.report.ok).toBe(false);
  await using facets = await openSealed(cell.path, { require: "facets" });
  expect((await collect(facets.researchTelemetry()))[0]?.report.ok).toBe(true);
});
