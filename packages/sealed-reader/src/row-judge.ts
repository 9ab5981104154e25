import {
  GENESIS_HASH,
  type RowRecord,
  type RowReport,
  type RowValue,
  type RowVerifier,
  rowVerifier,
  sealedTable,
  verifyRow,
} from "@gaiaftcl/sealed-row";
import {
  type Check,
  type Cosignature,
  type FederationKeys,
  isSha256Hex,
  type Level,
  verificationReport,
} from "@gaiaftcl/witness";
import { parseCosignatures } from "./cosignature-lookup.js";
import type { ScannedRow } from "./scan-request.js";
import type { TableShape } from "./table-shape.js";

/** A row and what was found out about it. */
export interface SealedRow {
  /** `seq`; the rowid in a table made by others; `undefined` where a table has neither. */
  readonly seq: bigint | undefined;
  readonly row: RowRecord;
  readonly report: RowReport;
}

/** What every row must reach: `signed` where keys are given. */
export interface JudgeOptions {
  readonly keys?: FederationKeys | undefined;
  readonly require?: Level | undefined;
}

/** Verifies the rows of one table as they are scanned (cell format, sections 2 and 5). */
export class RowJudge {
  readonly #shape: TableShape;
  readonly #options: JudgeOptions;
  readonly #verifier: RowVerifier | undefined;
  /** The columns stand where the verifier wants them. */
  readonly #inOrder: boolean;
  /** What the report of any accepted row without keys says, apart from the row itself. */
  #accepted: Pick<RowReport, "table" | "ok" | "level" | "checks" | "summary"> | undefined;
  readonly #idIndex: number;
  readonly #hashIndex: number;
  /** The witness hash of the row accepted last. */
  #lastHash: RowValue | undefined;

  constructor(shape: TableShape, options: JudgeOptions) {
    this.#shape = shape;
    this.#options = options;
    const table = sealedTable(shape.table);
    this.#verifier = table === undefined ? undefined : rowVerifier(table, options);
    this.#inOrder =
      options.keys === undefined &&
      this.#verifier?.columns.length === shape.columns.length &&
      this.#verifier.columns.every((column, index) => column === shape.columns[index]);
    this.#idIndex = table === undefined ? -1 : shape.columns.indexOf(table.idColumn);
    this.#hashIndex = shape.columns.indexOf("witness_hash_sha256");
  }

  judge(scanned: ScannedRow): SealedRow {
    const seq = scanned.key ?? undefined;
    const row = recordOf(this.#shape.columns, scanned.values);
    if (!this.#acceptsFast(scanned)) return { seq, row, report: this.#report(scanned, row) };
    this.#accepted ??= withoutRow(this.#report(scanned, row));
    return {
      seq,
      row,
      report: {
        ...this.#accepted,
        id: textOf(scanned.values[this.#idIndex]),
        witnessHash: textOf(scanned.values[this.#hashIndex]),
      },
    };
  }

  /** The verdict alone, which costs less than a row with its report. */
  verdict(scanned: ScannedRow): Pick<RowReport, "ok" | "level"> & { readonly report?: RowReport } {
    if (this.#accepted !== undefined && this.#acceptsFast(scanned)) return this.#accepted;
    const { report } = this.judge(scanned);
    return report.ok ? report : { ok: false, level: report.level, report };
  }

  #acceptsFast(scanned: ScannedRow): boolean {
    if (!this.#inOrder || this.#verifier === undefined) return false;
    const previous = scanned.previous ?? GENESIS_HASH;
    const isHash = previous === this.#lastHash || isSha256Hex(previous);
    if (scanned.cosignatures !== null || !isHash) return false;
    const accepted = this.#verifier.acceptsValues(scanned.values, previous);
    if (accepted) this.#lastHash = scanned.values[this.#hashIndex];
    return accepted;
  }

  #report(scanned: ScannedRow, row: RowRecord): RowReport {
    const { keys, require } = this.#options;
    const previous = scanned.key === null ? undefined : (scanned.previous ?? GENESIS_HASH);
    const cosignatures: readonly Cosignature[] | undefined =
      scanned.cosignatures === null ? undefined : parseCosignatures(scanned.cosignatures);
    const linked = previous !== undefined && isSha256Hex(previous);
    const report = verifyRow(this.#shape.table, row, {
      keys,
      require,
      cosignatures,
      previous: linked ? previous : undefined,
    });
    return linked || previous === undefined
      ? report
      : withFailedCheck(report, {
          name: "chain",
          status: "failed",
          detail: "the row before has no witness hash to link to",
        });
  }
}

function withFailedCheck(report: RowReport, check: Check): RowReport {
  const checks = [...report.checks.filter((other) => other.name !== check.name), check];
  const { table, id, witnessHash } = report;
  return { table, id, witnessHash, ...verificationReport("none", checks, "witness") };
}

function withoutRow(
  report: RowReport,
): Pick<RowReport, "table" | "ok" | "level" | "checks" | "summary"> {
  const { table, ok, level, checks, summary } = report;
  return { table, ok, level, checks: Object.freeze([...checks]), summary };
}

function recordOf(columns: readonly string[], values: readonly RowValue[]): RowRecord {
  const record: Record<string, RowValue> = {};
  for (let index = 0; index < columns.length; index += 1) {
    const name = columns[index];
    if (name !== undefined) record[name] = values[index] ?? null;
  }
  return record;
}

function textOf(value: RowValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
