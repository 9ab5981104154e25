import { readFileSync } from "node:fs";
import { GENESIS_HASH } from "./row-witness.js";
import { sealRow } from "./seal-row.js";
import type { RowRecord, RowValue } from "./sealed-table.js";

export interface SealedRowVector {
  readonly table: string;
  readonly id_column: string;
  readonly cell_id: string;
  readonly domain_id: string;
  readonly rows: readonly {
    readonly seq: number;
    readonly columns: Readonly<Record<string, string | number | null>>;
    readonly sealed_at_iso: string;
    readonly lean_artifact_path: string | null;
    readonly tau_block: number | null;
    readonly payload_digest: string;
    readonly canonical_witness: string;
    readonly witness_hash_sha256: string;
    readonly signature_quintet: readonly string[];
  }[];
}

interface VectorFile {
  readonly sealed_rows: readonly SealedRowVector[];
  readonly keys: Readonly<Record<string, { readonly seed: string; readonly public: string }>>;
}

export const vectors: VectorFile = JSON.parse(
  readFileSync(new URL("../vectors/sealed-rows.json", import.meta.url), "utf8"),
) as VectorFile;

/** A row of `qc020_joint_variation_evidence`, which has text and integers, as SQLite returns it. */
export function evidenceRow(
  options: { readonly previous?: string; readonly columns?: Record<string, RowValue> } = {},
): RowRecord {
  const row = sealRow("qc020_joint_variation_evidence", {
    columns: { ...EVIDENCE, ...options.columns },
    cellId: "cell-alpha",
    domainId: "qc020",
    leanArtifactPath: "Lean/Q.lean",
    tauBlock: 905_123,
    sealedAtIso: "2026-11-20T00:00:00.123Z",
    broadcastAtIso: "2026-11-20T00:00:00.123Z",
    previous: options.previous ?? GENESIS_HASH,
  });
  return { seq: 1n, ...asStored(row) };
}

/** Integers as `node:sqlite` returns them when asked for bigint. */
export function asStored(row: RowRecord): RowRecord {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === "number" ? BigInt(value) : value,
    ]),
  );
}

export function without(row: RowRecord, ...names: readonly string[]): RowRecord {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
}

export const EVIDENCE: RowRecord = {
  evidence_id: "e-1",
  session_id: "s-1",
  session_seed_hex: "00".repeat(32),
  cursor_extranonce: 0,
  nonce_start: 0,
  nonce_count: 16,
  leading_zero_nibble_count: 1,
  best_nonce: 7,
  best_hash_hex: `0f${"ff".repeat(31)}`,
  histogram_json: "[15,1]",
};
