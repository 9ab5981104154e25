import {
  CONTEXTS,
  type Cosignature,
  cosignFacet,
  type FederationKeys,
  loadFederationKeys,
  type Sha256Hex,
} from "@gaiaftcl/witness";
import { privateKeyFromSeed } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rowVerifier } from "./row-verifier.js";
import { GENESIS_HASH } from "./row-witness.js";
import { sealRow } from "./seal-row.js";
import { asStored, evidenceRow, vectors, without } from "./sealed-row.testing.js";
import { type RowRecord, type RowValue, SEALED_TABLES } from "./sealed-table.js";
import { identityOf, verifyRow } from "./verify-row.js";

const TABLE = "qc020_joint_variation_evidence";

describe("verifyRow", () => {
  it.each(vectors.sealed_rows)("accepts the published rows of $table, in their chain", (vector) => {
    let previous: string = GENESIS_HASH;
    for (const expected of vector.rows) {
      const row: RowRecord = asStored({
        seq: expected.seq,
        ...expected.columns,
        cell_id: vector.cell_id,
        domain_id: vector.domain_id,
        lean_artifact_path: expected.lean_artifact_path,
        tau_block: expected.tau_block,
        sealed_at_iso: expected.sealed_at_iso,
        nats_broadcast_at_iso: null,
        canonical_witness: expected.canonical_witness,
        witness_hash_sha256: expected.witness_hash_sha256,
        // As Python's json.dumps writes it, with a blank after each comma.
        signature_quintet: JSON.stringify(expected.signature_quintet).replaceAll(",", ", "),
        nats_subject_sealed: SEALED_TABLES.find((table) => table.name === vector.table)
          ?.subject as string,
      });
      const report = verifyRow(vector.table, row, { previous });
      expect(report.checks.filter((check) => check.status === "failed")).toEqual([]);
      expect(report).toMatchObject({ ok: true, level: "facets", table: vector.table });
      expect(report.id).toBe(expected.columns[vector.id_column]);
      expect(rowVerifier(vector.table).accepts(row, previous)).toBe(true);
      previous = expected.witness_hash_sha256;
    }
  });

  it("says that a row without signatures proves consistency, not origin", () => {
    expect(verifyRow(TABLE, evidenceRow()).summary).toMatch(/unsigned/);
  });

  it("skips the chain where the row before was not given, and says so", () => {
    expect(verifyRow(TABLE, evidenceRow()).checks).toContainEqual(
      expect.objectContaining({ name: "chain", status: "skipped" }),
    );
  });

  it.each(Object.keys(evidenceRow()).filter((name) => !UNCOVERED.has(name)))(
    "finds a change of %s",
    (name) => {
      const row = evidenceRow();
      const value = row[name];
      const changed = typeof value === "bigint" ? value + 1n : changeText(value as string);
      expectRefused({ ...row, [name]: changed });
    },
  );

  it.each<[string, RowValue]>([
    ["session_id", null],
    ["evidence_id", null],
    ["evidence_id", ""],
    ["evidence_id", "e;x"],
    ["best_nonce", "7"],
    ["best_nonce", 7.5],
    ["best_nonce", 2n ** 60n],
    ["cell_id", null],
    ["cell_id", "a|b"],
    ["domain_id", "a\u0308"],
    ["lean_artifact_path", "a=b"],
    ["lean_artifact_path", null],
    ["tau_block", null],
    ["tau_block", -1n],
    ["tau_block", "905123"],
    ["sealed_at_iso", "2026-11-20T00:00:00Z"],
    ["nats_broadcast_at_iso", "soon"],
    ["seq", 0n],
    ["seq", "1"],
    ["seq", null],
    ["canonical_witness", null],
    ["witness_hash_sha256", "A".repeat(64)],
    ["signature_quintet", "[]"],
    ["signature_quintet", "{}"],
    ["signature_quintet", "["],
    ["signature_quintet", null],
    ["nats_subject_sealed", "gaiaftcl.substrate.research_telemetry.sealed"],
    ["session_id", new Uint8Array(3)],
    ["session_id", "\ud800"],
  ])("refuses %s = %s", (name, value) => {
    expectRefused({ ...evidenceRow(), [name]: value });
  });

  it("refuses a quintet of the forms that only manifests and responses may have", () => {
    const row = evidenceRow();
    const entries = JSON.parse(row["signature_quintet"] as string) as string[];
    const selfsigned = JSON.stringify(entries.map((entry) => `selfsigned:${entry}`));
    const six = JSON.stringify([...entries, entries[0]]);
    const swapped = JSON.stringify([entries[1], entries[0], ...entries.slice(2)]);
    const upper = JSON.stringify(entries.map((entry) => entry.toUpperCase()));
    for (const quintet of [selfsigned, six, swapped, upper]) {
      expectRefused({ ...row, signature_quintet: quintet });
    }
  });

  it("refuses a row that lost a column, or has one that no seal covers", () => {
    const row = evidenceRow();
    for (const name of Object.keys(row)) {
      if (name !== "seq") expectRefused(without(row, name));
    }
    expectRefused({ ...row, note: "trust me" });
    expectRefused({ ...row, __proto__x: null });
  });

  it("refuses the columns of a genuine row that lost its identity, so that they cannot be changed", () => {
    const stripped = without(evidenceRow(), "cell_id", "domain_id", "sealed_at_iso");
    expectRefused({ ...stripped, best_nonce: 99n });
  });

  it("accepts a row before it has a sequence number", () => {
    expect(verifyRow(TABLE, without(evidenceRow(), "seq")).ok).toBe(true);
  });

  it("finds a removed, added or moved row by the chain", () => {
    const first = evidenceRow();
    const second = evidenceRow({ previous: first["witness_hash_sha256"] as string });
    const previous = first["witness_hash_sha256"] as string;
    expect(verifyRow(TABLE, second, { previous }).ok).toBe(true);
    const report = verifyRow(TABLE, second, { previous: GENESIS_HASH });
    expect(report).toMatchObject({ ok: false, level: "none" });
    expect(report.summary).toMatch(/chain/);
    expect(rowVerifier(TABLE).accepts(second, GENESIS_HASH)).toBe(false);
  });

  it("throws only for misuse: a previous hash that is none", () => {
    expect(() => verifyRow(TABLE, evidenceRow(), { previous: "x" })).toThrow(
      expect.objectContaining({ code: "HASH_INVALID" }),
    );
  });

  it("returns a report for any row at all, and the fast way agrees with it", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.bigInt(),
      fc.double(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 4 }),
    );
    const names = [...Object.keys(evidenceRow()), "extra"];
    const change = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3 });
    const remove = fc.subarray(names, { maxLength: 2 });
    const verifier = rowVerifier(TABLE);
    fc.assert(
      fc.property(change, remove, fc.boolean(), (changes, removed, chained) => {
        const row = without({ ...evidenceRow(), ...changes }, ...removed);
        const previous = chained ? GENESIS_HASH : undefined;
        const report = verifyRow(TABLE, row, { previous });
        expect(rowVerifier(TABLE).accepts(row, previous)).toBe(report.ok);
        expect(verifier.verify(row, previous)).toEqual(report);
      }),
    );
  });

  it("accepts whatever it sealed, both ways", () => {
    const text = fc.string({ unit: "grapheme" });
    const integer = fc.maxSafeInteger();
    fc.assert(
      fc.property(text, integer, fc.option(text), (summary, count, session) => {
        const row = sealRow("research_telemetry", {
          columns: {
            telemetry_id: "t",
            session_id: session,
            metric: summary,
            value_text: `${count}`,
            detail_json: '\u2028\u0000\\"/',
          },
          cellId: "c",
          domainId: "",
          sealedAtIso: "2024-02-29T23:59:59.999Z",
          previous: GENESIS_HASH,
        });
        expect(verifyRow("research_telemetry", row).ok).toBe(true);
        expect(rowVerifier("research_telemetry").accepts(row)).toBe(true);
      }),
    );
  });
});

describe("a verifier of many rows", () => {
  it("gives each row the report that verifyRow gives it", () => {
    const verifier = rowVerifier(TABLE);
    const first = evidenceRow();
    const previous = first["witness_hash_sha256"] as string;
    const second = evidenceRow({ previous, columns: { evidence_id: "e-2" } });
    const changed = { ...second, best_nonce: 1n };
    for (const _ of [1, 2]) {
      expect(verifier.verify(first, GENESIS_HASH)).toEqual(
        verifyRow(TABLE, first, { previous: GENESIS_HASH }),
      );
      expect(verifier.verify(second, previous)).toEqual(verifyRow(TABLE, second, { previous }));
      expect(verifier.verify(changed, previous)).toEqual(verifyRow(TABLE, changed, { previous }));
      expect(verifier.verify(second)).toEqual(verifyRow(TABLE, second));
    }
  });

  it("takes the values of a row in the order of its columns, which are those of the table", () => {
    const verifier = rowVerifier(TABLE);
    const row = evidenceRow();
    expect(verifier.columns).toEqual(Object.keys(row));
    const values = Object.values(row);
    expect(verifier.acceptsValues(values, GENESIS_HASH)).toBe(true);
    expect(verifier.acceptsValues(values, "ab".repeat(32))).toBe(false);
    expect(verifier.acceptsValues(values.slice(1))).toBe(false);
    expect(verifier.acceptsValues([...values, 1n])).toBe(false);
    expect(verifier.acceptsValues(values.with(9, 8n))).toBe(false);
    const signed = rowVerifier(TABLE, { keys: federation() });
    expect(signed.acceptsValues(values, GENESIS_HASH, cosign(row))).toBe(true);
    expect(signed.acceptsValues(values, GENESIS_HASH)).toBe(false);
  });
});

describe("verifyRow with federation keys", () => {
  const row = evidenceRow();

  it("demands the signature of every context", () => {
    const report = verifyRow(TABLE, row, { keys: federation() });
    expect(report.ok).toBe(false);
    expect(rowVerifier(TABLE, { keys: federation() }).accepts(row)).toBe(false);
  });

  it("reaches the level signed with the five cosignatures kept beside the row", () => {
    const cosignatures = cosign(row);
    const report = verifyRow(TABLE, row, { keys: federation(), cosignatures });
    expect(report).toMatchObject({ ok: true, level: "signed" });
    const verifier = rowVerifier(TABLE, { keys: federation() });
    expect(verifier.accepts(row, undefined, cosignatures)).toBe(true);
    expect(verifier.accepts(row, undefined, cosignatures.slice(1))).toBe(false);
  });

  it("does not take the cosignatures of another row", () => {
    const other = evidenceRow({ columns: { best_nonce: 8 } });
    const report = verifyRow(TABLE, row, { keys: federation(), cosignatures: cosign(other) });
    expect(report.ok).toBe(false);
  });

  it("fails where the level required is not reached", () => {
    expect(verifyRow(TABLE, row, { require: "signed" }).ok).toBe(false);
    expect(rowVerifier(TABLE, { require: "signed" }).accepts(row)).toBe(false);
    expect(verifyRow(TABLE, row, { require: "facets" }).ok).toBe(true);
  });
});

describe("verifyRow on a row of others", () => {
  const ours = evidenceRow();
  const founding: RowRecord = {
    canonical_witness: "heartbeat;n=1",
    witness_hash_sha256: "bfe5ab59ce77ee9d09a0b1b5e25e34f1bc8ad0a9f4bcd4f6e0b2f5a1c9a4f8a1",
    signature_quintet: ours["signature_quintet"] as string,
    nats_subject_sealed: ours["nats_subject_sealed"] as string,
  };
  const bare = {
    ...founding,
    canonical_witness: ours["canonical_witness"] as string,
    witness_hash_sha256: ours["witness_hash_sha256"] as string,
  };

  it("checks the witness rule and the quintet form and lists the rest as skipped", () => {
    const report = verifyRow(TABLE, bare);
    expect(report).toMatchObject({ ok: true, level: "witness" });
    const status = (name: string): string | undefined =>
      report.checks.find((check) => check.name === name)?.status;
    expect([status("witness.hash"), status("quintet.form"), status("subject")]).toEqual(
      Array(3).fill("passed"),
    );
    expect([status("columns"), status("chain"), status("facets"), status("witness.text")]).toEqual(
      Array(4).fill("skipped"),
    );
  });

  it("does so for a table it does not know", () => {
    const row = { ...bare, nats_subject_sealed: "other.sealed", temperature: 21.5 };
    expect(verifyRow("other_table", row)).toMatchObject({ ok: true, table: "other_table" });
    expect(verifyRow("other_table", bare).summary).toMatch(/another table/);
  });

  it("finds a wrong hash, a wrong quintet and a missing founding column", () => {
    expect(verifyRow(TABLE, founding).summary).toMatch(/hash/);
    expect(verifyRow(TABLE, { ...bare, signature_quintet: "[1]" }).ok).toBe(false);
    for (const name of Object.keys(bare)) {
      expect(verifyRow("other_table", without(bare, name)).ok).toBe(false);
    }
  });

  it("never satisfies a required level or keys", () => {
    expect(verifyRow(TABLE, bare, { require: "facets" }).ok).toBe(false);
    expect(verifyRow(TABLE, bare, { keys: federation() }).ok).toBe(false);
  });
});

/** Columns whose change no seal can show; `seq` is checked by the reader, along the chain. */
const UNCOVERED = new Set(["seq"]);

function expectRefused(row: RowRecord): void {
  const report = verifyRow(TABLE, row);
  expect(report.ok).toBe(false);
  expect(report.checks.some((check) => check.status === "failed")).toBe(true);
  expect(rowVerifier(TABLE).accepts(row)).toBe(false);
}

function changeText(value: string): string {
  return `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`;
}

function federation(): FederationKeys {
  const lines = CONTEXTS.map((context) => `${context} = "${vectors.keys[context]?.public}"`);
  return loadFederationKeys(`[public_keys]\n${lines.join("\n")}\n`);
}

function cosign(row: RowRecord): readonly Cosignature[] {
  const seal = {
    canonicalWitness: row["canonical_witness"] as string,
    witnessHash: row["witness_hash_sha256"] as Sha256Hex,
    quintet: JSON.parse(row["signature_quintet"] as string) as [
      string,
      string,
      string,
      string,
      string,
    ],
  };
  return CONTEXTS.map((context) => {
    const seed = Buffer.from(vectors.keys[context]?.seed ?? "", "hex");
    return cosignFacet(identityOf(row), seal, context, privateKeyFromSeed(seed));
  });
}
