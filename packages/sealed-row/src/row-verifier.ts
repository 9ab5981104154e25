import { CONTEXTS, type Cosignature, ensureIdentityText, sha256Hex } from "@gaiaftcl/witness";
import { LARGEST_INTEGER } from "./column-value.js";
import type { Requirement, RowReport } from "./row-report.js";
import { joinWitness, previousOf } from "./row-witness.js";
import {
  ensureSealedTable,
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  type SealedTable,
} from "./sealed-table.js";
import { isTimestamp } from "./timestamp.js";
import { verifyRow } from "./verify-row.js";

/** What every row must reach. */
export type RowVerifierOptions = Requirement;

/** A verifier of many rows of one table. */
export interface RowVerifier {
  readonly table: SealedTable;
  /**
   * Exactly `verifyRow(table, row, …).ok`, several times as fast where the row is in order.
   *
   * @param previous the witness hash of the row before; absent: the chain is skipped
   * @param cosignatures the signatures kept beside this row, for use with keys
   */
  accepts(row: RowRecord, previous?: string, cosignatures?: readonly Cosignature[]): boolean;
  /** `verifyRow(table, row, …)`: every check, for a row that was not accepted. */
  report(row: RowRecord, previous?: string, cosignatures?: readonly Cosignature[]): RowReport;
}

/** The levels that a row reaches without signatures. */
const UNSIGNED: ReadonlySet<string | undefined> = new Set([undefined, "none", "witness", "facets"]);

/** @throws SealedRowError `TABLE_UNKNOWN` */
export function rowVerifier(
  tableOrName: SealedTable | string,
  options: RowVerifierOptions = {},
): RowVerifier {
  const table = ensureSealedTable(tableOrName);
  const { keys, require } = options;
  const recompute = keys === undefined && UNSIGNED.has(require) ? recomputer(table) : undefined;
  const report = (
    row: RowRecord,
    previous?: string,
    cosignatures?: readonly Cosignature[],
  ): RowReport => verifyRow(table, row, { keys, require, previous, cosignatures });
  return {
    table,
    report,
    accepts: (row, previous, cosignatures) =>
      (cosignatures === undefined && recompute?.(row, previous) === true) ||
      report(row, previous, cosignatures).ok,
  };
}

/** Ids without anything that would need a closer look; others go through `verifyRow`. */
const PLAIN_ID = /^[A-Za-z0-9_.:/@+ -]{1,255}$/;

interface Identity {
  readonly cellId: RowValue | undefined;
  readonly domainId: RowValue | undefined;
  readonly leanArtifactPath: RowValue | undefined;
  readonly tauBlock: RowValue | undefined;
  /** What stands before the witness hash in each facet; the value of `payload_sha256` follows it. */
  readonly prefixes: readonly string[];
}

/**
 * The short way: writes down the one row text, witness and quintet that the fields allow and
 * compares. `true` means that every check of `verifyRow` passes; anything unusual, even if it is
 * allowed, is `false` and left to `verifyRow`.
 */
function recomputer(table: SealedTable): (row: RowRecord, previous?: string) => boolean {
  const payloadText = payloadWriter(table);
  const columnCount = table.columns.length + SEAL_COLUMNS.length;
  const { name, idColumn, subject } = table;
  let identity: Identity | undefined;

  return (row, previous) => {
    let count = 0;
    for (const _ in row) count += 1;
    const seq = row["seq"];
    if (count !== columnCount + (seq === undefined ? 0 : 1)) return false;
    if (seq !== undefined && !(isExactInteger(seq) && seq > 0 && seq <= LARGEST_INTEGER))
      return false;

    const id = row[idColumn];
    const sealedAt = row["sealed_at_iso"];
    const broadcastAt = row["nats_broadcast_at_iso"];
    const witness = row["canonical_witness"];
    const hash = row["witness_hash_sha256"];
    if (typeof id !== "string" || !PLAIN_ID.test(id) || !isTimestamp(sealedAt)) return false;
    if (broadcastAt !== sealedAt && broadcastAt !== null && !isTimestamp(broadcastAt)) return false;
    if (typeof witness !== "string" || typeof hash !== "string") return false;
    if (row["nats_subject_sealed"] !== subject) return false;

    if (identity === undefined || !isSameIdentity(identity, row)) identity = identityPrefixes(row);
    if (identity === undefined) return false;

    const payload = payloadText(row);
    const prev = previous ?? previousOf(witness);
    if (payload === undefined || prev === undefined) return false;
    const expected = joinWitness(name, {
      cellId: identity.cellId as string,
      domainId: identity.domainId as string,
      sealedAtIso: sealedAt,
      id,
      previous: prev,
      payloadDigest: sha256Hex(payload),
    });
    return (
      witness === expected &&
      hash === sha256Hex(witness) &&
      row["signature_quintet"] === quintetText(identity.prefixes, hash)
    );
  };
}

function isSameIdentity(identity: Identity, row: RowRecord): boolean {
  return (
    identity.cellId === row["cell_id"] &&
    identity.domainId === row["domain_id"] &&
    identity.leanArtifactPath === row["lean_artifact_path"] &&
    identity.tauBlock === row["tau_block"]
  );
}

function identityPrefixes(row: RowRecord): Identity | undefined {
  const cellId = row["cell_id"];
  const domainId = row["domain_id"];
  const leanArtifactPath = row["lean_artifact_path"];
  const tauBlock = row["tau_block"];
  if (typeof cellId !== "string" || typeof domainId !== "string") return undefined;
  if (leanArtifactPath !== null && typeof leanArtifactPath !== "string") return undefined;
  if (
    tauBlock !== null &&
    !(isExactInteger(tauBlock) && tauBlock >= 0 && tauBlock <= LARGEST_INTEGER)
  )
    return undefined;
  try {
    for (const text of [cellId, domainId, leanArtifactPath ?? ""]) ensureIdentityText("text", text);
  } catch {
    return undefined;
  }
  const values = [cellId, domainId, leanArtifactPath ?? "", undefined, `${tauBlock ?? ""}`];
  const prefixes = CONTEXTS.map((context, index) => {
    const value = values[index];
    return `${cellId}|${context}|${value === undefined ? "" : `${value}|`}`;
  });
  return { cellId, domainId, leanArtifactPath, tauBlock, prefixes };
}

function quintetText(prefixes: readonly string[], hash: string): string {
  const [cell, domain, path, payload, tau] = prefixes;
  return `["${sha256Hex(cell + hash)}","${sha256Hex(domain + hash)}","${sha256Hex(path + hash)}","${sha256Hex(`${payload}${hash}|${hash}`)}","${sha256Hex(tau + hash)}"]`;
}

/** The portable canonical JSON of the own columns, with the keys put in order once. */
function payloadWriter(table: SealedTable): (row: RowRecord) => string | undefined {
  const columns = table.columns
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type }, index) => ({
      name,
      isText: type === "TEXT",
      label: `${index === 0 ? "{" : ","}"${name}":`,
    }));
  return (row) => {
    let text = "";
    for (const { name, isText, label } of columns) {
      const value = row[name];
      if (value === null) {
        text += `${label}null`;
      } else if (isText) {
        if (typeof value !== "string" || !value.isWellFormed()) return undefined;
        text += label + JSON.stringify(value);
      } else {
        if (!isExactInteger(value) || !Number.isSafeInteger(Number(value))) return undefined;
        text += `${label}${value}`;
      }
    }
    return `${text}}`;
  };
}

function isExactInteger(value: RowValue | undefined): value is bigint | number {
  return typeof value === "bigint" || Number.isSafeInteger(value);
}
