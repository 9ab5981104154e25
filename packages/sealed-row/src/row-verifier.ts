import type { Cosignature, VerificationReport } from "@gaiaftcl/witness";
import { recomputer } from "./recompute.js";
import { isUnsigned, type Requirement, type RowReport } from "./row-report.js";
import {
  ensureSealedTable,
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  type SealedTable,
} from "./sealed-table.js";
import { verifyRow } from "./verify-row.js";

/** What every row must reach. */
export type RowVerifierOptions = Requirement;

/**
 * A verifier of many rows of one table.
 *
 * `previous` is the witness hash of the row before; without it the chain is skipped. `cosignatures`
 * are the signatures kept beside the row, for use with keys.
 */
export interface RowVerifier {
  readonly table: SealedTable;
  /** Every column of the table from `seq` on, in order: what `acceptsValues` takes. */
  readonly columns: readonly string[];
  /** Exactly `verifyRow(table, row, …).ok`, several times as fast where the row is in order. */
  accepts(row: RowRecord, previous?: string, cosignatures?: readonly Cosignature[]): boolean;
  /** `accepts` for the values of a row in the order of `columns`, which a database reads faster. */
  acceptsValues(
    values: readonly RowValue[],
    previous?: string,
    cosignatures?: readonly Cosignature[],
  ): boolean;
  /**
   * Exactly `verifyRow(table, row, …)`, and as fast as `accepts` where the row is in order: the
   * checks of all accepted rows are the same, so their reports share one frozen list.
   */
  verify(row: RowRecord, previous?: string, cosignatures?: readonly Cosignature[]): RowReport;
  /** `verifyRow(table, row, …)`: every check, for a row that was not accepted. */
  report(row: RowRecord, previous?: string, cosignatures?: readonly Cosignature[]): RowReport;
}

/** @throws SealedRowError `TABLE_UNKNOWN` */
export function rowVerifier(
  tableOrName: SealedTable | string,
  options: RowVerifierOptions = {},
): RowVerifier {
  const table = ensureSealedTable(tableOrName);
  const { keys, require } = options;
  const columns = ["seq", ...[...table.columns, ...SEAL_COLUMNS].map((column) => column.name)];
  const holds = isUnsigned(options) ? recomputer(table) : (): boolean => false;

  const report: RowVerifier["report"] = (row, previous, cosignatures) =>
    verifyRow(table, row, { keys, require, previous, cosignatures });

  const scratch: (RowValue | undefined)[] = columns.map(() => undefined);
  const valuesOf = (row: RowRecord): readonly (RowValue | undefined)[] | undefined => {
    let count = "seq" in row ? 0 : 1;
    for (const _ in row) count += 1;
    if (count !== columns.length) return undefined;
    for (let at = 0; at < columns.length; at += 1) scratch[at] = row[columns[at] as string];
    return scratch;
  };

  const isInOrder: RowVerifier["accepts"] = (row, previous, cosignatures) => {
    const values = cosignatures === undefined ? valuesOf(row) : undefined;
    return values !== undefined && holds(values, previous);
  };

  /** Of the first row found in order, with and without the one before it. */
  const models: { alone?: VerificationReport; chained?: VerificationReport } = {};
  const verify: RowVerifier["verify"] = (row, previous, cosignatures) => {
    const model = models[previous === undefined ? "alone" : "chained"];
    if (model !== undefined && isInOrder(row, previous, cosignatures)) {
      const id = row[table.idColumn] as string;
      const witnessHash = row["witness_hash_sha256"] as string;
      return { table: table.name, id, witnessHash, ...model };
    }
    const found = report(row, previous, cosignatures);
    if (model === undefined && isInOrder(row, previous, cosignatures)) {
      const { ok, level, summary } = found;
      const checks = Object.freeze([...found.checks]);
      models[previous === undefined ? "alone" : "chained"] = { ok, level, checks, summary };
    }
    return found;
  };

  return {
    table,
    columns,
    report,
    verify,
    accepts: (row, previous, cosignatures) =>
      isInOrder(row, previous, cosignatures) || report(row, previous, cosignatures).ok,
    acceptsValues(values, previous, cosignatures) {
      if (cosignatures === undefined && values.length === columns.length) {
        if (holds(values, previous)) return true;
      }
      return report(recordOf(columns, values), previous, cosignatures).ok;
    },
  };
}

function recordOf(columns: readonly string[], values: readonly RowValue[]): RowRecord {
  const entries = values.map((value, at): [string, RowValue] => [columns[at] ?? `#${at}`, value]);
  return Object.fromEntries(entries);
}
