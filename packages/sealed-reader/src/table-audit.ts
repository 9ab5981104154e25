import type { RowReport } from "@gaiaftcl/sealed-row";
import { type Level, reaches } from "@gaiaftcl/witness";
import type { RowJudge } from "./row-judge.js";
import type { ScannedRow } from "./scan-request.js";
import type { TableShape } from "./table-shape.js";

/** A row that did not verify. */
export interface RowFailure {
  readonly seq: bigint | undefined;
  readonly report: RowReport;
}

/** Numbers missing from `seq`, between two rows or before the first. */
export interface SeqGap {
  readonly after: bigint;
  readonly before: bigint;
}

/** A row that says it was sealed before the one above it. */
export interface ClockStep {
  readonly seq: bigint;
  readonly from: string;
  readonly to: string;
}

/** What a walk over some rows found; the lists hold the first of each, the counts all. */
export interface AuditFindings {
  readonly rows: number;
  /** The lowest level of any row; undefined without rows. */
  readonly level: Level | undefined;
  readonly failed: number;
  readonly failures: readonly RowFailure[];
  readonly gapCount: number;
  readonly gaps: readonly SeqGap[];
  readonly clockStepCount: number;
  readonly clockSteps: readonly ClockStep[];
  readonly first: AuditedRow | undefined;
  readonly last: AuditedRow | undefined;
}

interface AuditedRow {
  readonly seq: bigint | undefined;
  readonly hash: string;
  readonly sealedAt: string | undefined;
}

/** Walks the rows of one table, or a run of them, and remembers what was wrong, not the rows. */
export class TableAudit {
  readonly #judge: RowJudge;
  readonly #most: number;
  readonly #hashIndex: number;
  readonly #timeIndex: number;
  #rows = 0;
  #failed = 0;
  #gapCount = 0;
  #clockStepCount = 0;
  #level: Level | undefined;
  #first: AuditedRow | undefined;
  #last: AuditedRow | undefined;
  readonly #failures: RowFailure[] = [];
  readonly #gaps: SeqGap[] = [];
  readonly #clockSteps: ClockStep[] = [];

  /** @param most how many failures, gaps and clock steps to list of each */
  constructor(shape: TableShape, judge: RowJudge, most: number) {
    this.#judge = judge;
    this.#most = most;
    this.#hashIndex = shape.columns.indexOf("witness_hash_sha256");
    this.#timeIndex = shape.columns.indexOf("sealed_at_iso");
  }

  get rows(): number {
    return this.#rows;
  }

  add(scanned: ScannedRow): void {
    const seq = scanned.key ?? undefined;
    this.#rows += 1;
    const verdict = this.#judge.verdict(scanned);
    if (!verdict.ok) {
      this.#failed += 1;
      if (verdict.report !== undefined && this.#failures.length < this.#most) {
        this.#failures.push({ seq, report: verdict.report });
      }
    }
    if (this.#level === undefined || !reaches(verdict.level, this.#level)) {
      this.#level = verdict.level;
    }
    const row: AuditedRow = {
      seq,
      hash: textOf(scanned.values[this.#hashIndex]) ?? "",
      sealedAt: textOf(scanned.values[this.#timeIndex]),
    };
    this.#compare(this.#last, row);
    this.#first ??= row;
    this.#last = row;
  }

  /** Adds the findings of the rows that follow. */
  append(next: AuditFindings): void {
    this.#compare(this.#last, next.first);
    this.#rows += next.rows;
    this.#failed += next.failed;
    this.#gapCount += next.gapCount;
    this.#clockStepCount += next.clockStepCount;
    if (next.level !== undefined) {
      if (this.#level === undefined || !reaches(next.level, this.#level)) this.#level = next.level;
    }
    this.#failures.push(...next.failures.slice(0, this.#most - this.#failures.length));
    this.#gaps.push(...next.gaps.slice(0, this.#most - this.#gaps.length));
    this.#clockSteps.push(...next.clockSteps.slice(0, this.#most - this.#clockSteps.length));
    this.#first ??= next.first;
    this.#last = next.last ?? this.#last;
  }

  findings(): AuditFindings {
    return {
      rows: this.#rows,
      level: this.#level,
      failed: this.#failed,
      failures: this.#failures,
      gapCount: this.#gapCount,
      gaps: this.#gaps,
      clockStepCount: this.#clockStepCount,
      clockSteps: this.#clockSteps,
      first: this.#first,
      last: this.#last,
    };
  }

  #compare(before: AuditedRow | undefined, row: AuditedRow | undefined): void {
    if (before === undefined || row === undefined) return;
    if (before.seq !== undefined && row.seq !== undefined && row.seq !== before.seq + 1n) {
      this.#gapCount += 1;
      if (this.#gaps.length < this.#most) this.#gaps.push({ after: before.seq, before: row.seq });
    }
    const from = before.sealedAt;
    const to = row.sealedAt;
    if (from !== undefined && to !== undefined && row.seq !== undefined && to < from) {
      this.#clockStepCount += 1;
      if (this.#clockSteps.length < this.#most) {
        this.#clockSteps.push({ seq: row.seq, from: from.slice(0, 64), to: to.slice(0, 64) });
      }
    }
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
