import { describe, expect, it } from "vitest";
import { GENESIS_HASH, parseRowWitness, payloadDigest, rowWitness } from "./row-witness.js";
import { type SealRowInput, sealRow } from "./seal-row.js";
import { EVIDENCE, evidenceRow, vectors } from "./sealed-row.testing.js";
import { SEALED_TABLES, sealedTable, tableForSubject } from "./sealed-table.js";

describe("the sealed tables", () => {
  it("are seven, each with its id column first and a subject of its own", () => {
    expect(SEALED_TABLES).toHaveLength(7);
    expect(new Set(SEALED_TABLES.map((table) => table.subject)).size).toBe(7);
    for (const table of SEALED_TABLES) {
      expect(table.columns[0]).toEqual({ name: table.idColumn, type: "TEXT", nullable: false });
      expect(sealedTable(table.name)).toBe(table);
      expect(tableForSubject(table.subject)).toBe(table);
    }
    expect(sealedTable("__proto__")).toBeUndefined();
  });
});

describe("sealRow", () => {
  it.each(vectors.sealed_rows)("makes the published rows of $table", (vector) => {
    let previous: string = GENESIS_HASH;
    for (const expected of vector.rows) {
      const row = sealRow(vector.table, {
        columns: expected.columns,
        cellId: vector.cell_id,
        domainId: vector.domain_id,
        leanArtifactPath: expected.lean_artifact_path ?? undefined,
        tauBlock: expected.tau_block ?? undefined,
        sealedAtIso: expected.sealed_at_iso,
        previous,
      });
      expect(payloadDigest(vector.table, row)).toBe(expected.payload_digest);
      expect(row["canonical_witness"]).toBe(expected.canonical_witness);
      expect(row["witness_hash_sha256"]).toBe(expected.witness_hash_sha256);
      expect(JSON.parse(row["signature_quintet"] as string)).toEqual(expected.signature_quintet);
      previous = expected.witness_hash_sha256;
    }
  });

  it("returns the columns in the order of the table, integers as numbers", () => {
    const row = sealRow("production_submissions", {
      ...input(),
      columns: { transition_id: "t", submission_id: "s", to_stage: "drafted" },
      tauBlock: 12n,
    });
    expect(Object.keys(row)).toEqual([
      "transition_id",
      "submission_id",
      "from_stage",
      "to_stage",
      "session_id",
      "reason",
      "cell_id",
      "domain_id",
      "lean_artifact_path",
      "tau_block",
      "sealed_at_iso",
      "nats_broadcast_at_iso",
      "canonical_witness",
      "witness_hash_sha256",
      "signature_quintet",
      "nats_subject_sealed",
    ]);
    expect(row["tau_block"]).toBe(12);
    expect(row["from_stage"]).toBeNull();
  });

  it("keeps a block height beyond 2^53 exact", () => {
    const height = 2n ** 63n - 1n;
    expect(sealRow(TABLE, { ...input(), tauBlock: height })["tau_block"]).toBe(height);
    expect(() => sealRow(TABLE, { ...input(), tauBlock: height + 1n })).toThrow(
      expect.objectContaining({ code: "COLUMN_INVALID" }),
    );
    expect(() => sealRow(TABLE, { ...input(), tauBlock: -1 })).toThrow(/block height/);
    expect(() => sealRow(TABLE, { ...input(), tauBlock: 1.5 })).toThrow(/block height/);
  });

  it("gives one row for one integer, whether it comes as number or bigint", () => {
    expect(sealRow(TABLE, { ...input(), columns: { ...EVIDENCE, best_nonce: 7n } })).toEqual(
      sealRow(TABLE, input()),
    );
  });

  it.each<[string, string, Partial<SealRowInput>]>([
    ["a missing column", "COLUMN_MISSING", { columns: { evidence_id: "e" } }],
    ["a column of no table", "COLUMN_UNKNOWN", { columns: { ...EVIDENCE, extra: 1 } }],
    ["a column of the seal", "COLUMN_UNKNOWN", { columns: { ...EVIDENCE, cell_id: "x" } }],
    ["text for an integer", "COLUMN_INVALID", { columns: { ...EVIDENCE, best_nonce: "7" } }],
    ["an integer for text", "COLUMN_INVALID", { columns: { ...EVIDENCE, session_id: 7 } }],
    ["a fraction", "COLUMN_INVALID", { columns: { ...EVIDENCE, best_nonce: 0.5 } }],
    [
      "an integer beyond 2^53",
      "COLUMN_INVALID",
      { columns: { ...EVIDENCE, best_nonce: 2n ** 53n } },
    ],
    [
      "NULL where there must be a value",
      "COLUMN_INVALID",
      { columns: { ...EVIDENCE, best_nonce: null } },
    ],
    ["a lone surrogate", "COLUMN_INVALID", { columns: { ...EVIDENCE, session_id: "\ud800" } }],
    ["a blob", "COLUMN_INVALID", { columns: { ...EVIDENCE, session_id: new Uint8Array(1) } }],
    [
      "an id that could end the field",
      "IDENTITY_INVALID",
      { columns: { ...EVIDENCE, evidence_id: "a;prev=b" } },
    ],
    ["an empty id", "IDENTITY_INVALID", { columns: { ...EVIDENCE, evidence_id: "" } }],
    ["a cell id with a separator", "IDENTITY_INVALID", { cellId: "a|b" }],
    ["a domain id that is not NFC", "IDENTITY_INVALID", { domainId: "a\u0308" }],
    ["a path with a control character", "IDENTITY_INVALID", { leanArtifactPath: "a\nb" }],
    ["a path over 255 bytes", "IDENTITY_INVALID", { leanArtifactPath: "é".repeat(128) }],
    ["a time in seconds", "TIME_INVALID", { sealedAtIso: "2026-11-20T00:00:00Z" }],
    ["a day that is not", "TIME_INVALID", { sealedAtIso: "2026-02-30T00:00:00.000Z" }],
    ["a broadcast time of another form", "TIME_INVALID", { broadcastAtIso: "now" }],
    ["a previous hash in upper case", "HASH_INVALID", { previous: "A".repeat(64) }],
  ])("refuses %s", (_, code, change) => {
    expect(() => sealRow(TABLE, { ...input(), ...change })).toThrow(
      expect.objectContaining({ name: "SealedRowError", code }),
    );
  });

  it("refuses a table that is not sealed", () => {
    expect(() => sealRow("sqlite_master", input())).toThrow(
      expect.objectContaining({ code: "TABLE_UNKNOWN" }),
    );
  });
});

describe("parseRowWitness", () => {
  it("gives back what rowWitness was made of", () => {
    const fields = {
      cellId: "zelle-ä",
      domainId: "qc020",
      sealedAtIso: "2026-11-20T00:00:00.000Z",
      id: "e 1/2",
      previous: GENESIS_HASH,
      payloadDigest: "ab".repeat(32),
    };
    expect(parseRowWitness(rowWitness(TABLE, fields))).toEqual({ table: TABLE, ...fields });
  });

  it.each([
    "",
    "sealed;table=t",
    `${evidenceRow()["canonical_witness"]} `,
    `${evidenceRow()["canonical_witness"]}`.replace("id=e-1", "id=e\u00001"),
    `${evidenceRow()["canonical_witness"]}`.replace(".123Z", "Z"),
    `${evidenceRow()["canonical_witness"]}`.replace("prev=0", "prev=A"),
    `${evidenceRow()["canonical_witness"]}`.replace("cell=cell-alpha", "cell=a|b"),
  ])("takes no other text: %j", (text) => {
    expect(parseRowWitness(text)).toBeUndefined();
  });
});

const TABLE = "qc020_joint_variation_evidence";

function input(): SealRowInput {
  return {
    columns: EVIDENCE,
    cellId: "cell-alpha",
    domainId: "qc020",
    sealedAtIso: "2026-11-20T00:00:00.000Z",
    previous: GENESIS_HASH,
  };
}
