import { availableParallelism } from "node:os";
import { type Level, reaches } from "@gaiaftcl/witness";
import { type AuditRange, auditRange } from "./audit-range.js";
import type { LocalEngineOptions } from "./local-engine.js";
import { parallelAudit } from "./parallel-audit.js";
import { type JudgeOptions, RowJudge } from "./row-judge.js";
import type { Engine, TableTail } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import {
  type AuditFindings,
  type ClockStep,
  type RowFailure,
  type SeqGap,
  TableAudit,
} from "./table-audit.js";

export interface VerifyProgress {
  readonly table: string;
  readonly rows: number;
  /** About how many there are, judged from the largest `seq`. */
  readonly expected: number;
}

export interface VerifyAllOptions {
  readonly onProgress?: ((progress: VerifyProgress) => void) | undefined;
  /** How many failures, gaps and clock steps to list of each; default 100. All are counted. */
  readonly maxListed?: number | undefined;
  /**
   * How many threads share a long table of the cell's own, this one among them, which gives way to
   * other work between batches; default up to four.
   */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The verdict on one table. */
export interface TableVerification {
  readonly table: string;
  /** Every row verified, and none is missing that the file itself tells of. */
  readonly ok: boolean;
  /** The lowest level of any row. */
  readonly level: Level;
  readonly rows: number;
  readonly failed: number;
  readonly failures: readonly RowFailure[];
  /** Numbers missing from `seq`. Where the chain holds across one, no row was there. */
  readonly gapCount: number;
  readonly gaps: readonly SeqGap[];
  /** How many rows after the last one the file remembers having had: its end was cut off. */
  readonly missingAtEnd: bigint;
  /** Rows that say they were sealed before the one above: a clock that was set back, or worse. */
  readonly clockStepCount: number;
  readonly clockSteps: readonly ClockStep[];
  readonly lastSeq: bigint | undefined;
  /** The witness hash of the last row, `undefined` without rows. */
  readonly lastHash: string | undefined;
  /** What could not be checked, and what is odd without being wrong. */
  readonly notes: readonly string[];
  readonly summary: string;
}

/** Below this many rows a thread takes longer to start than to work. */
const ROWS_WORTH_A_THREAD = 10_000;
const MOST_THREADS = 4;

/**
 * Walks a table and verifies each row and the chain between them (cell format, section 5).
 *
 * @param local where threads can open the file for themselves; absent for a foreign file
 */
export async function verifyTable(
  engine: Engine,
  local: { readonly path: string; readonly engine: LocalEngineOptions } | undefined,
  table: string,
  judgeOptions: JudgeOptions,
  options: VerifyAllOptions,
): Promise<TableVerification> {
  const { signal, maxListed = 100 } = options;
  ensureCount("maxListed", maxListed, 0);
  const tail = await engine.tail(table, signal);
  const expected = Number(tail.lastKey ?? 0n);
  const onRows = (rows: number): void => options.onProgress?.({ table, rows, expected });
  const range: AuditRange = { table, after: undefined, upTo: tail.lastKey, most: maxListed };
  const threads = threadsFor(options.threads, expected, judgeOptions);
  if (local === undefined || threads === 1 || range.upTo === undefined) {
    return verdict(tail, await auditRange(engine, range, judgeOptions, onRows, signal));
  }
  const parts = await parallelAudit(
    local,
    engine,
    { ...range, upTo: range.upTo },
    threads,
    judgeOptions,
    onRows,
    signal,
  );
  const whole = new TableAudit(tail.shape, new RowJudge(tail.shape, judgeOptions), maxListed);
  for (const part of parts) whole.append(part);
  return verdict(tail, whole.findings());
}

function threadsFor(wanted: number | undefined, rows: number, options: JudgeOptions): number {
  if (wanted !== undefined) return ensureCount("threads", wanted, 1);
  const worth = options.keys === undefined ? ROWS_WORTH_A_THREAD : ROWS_WORTH_A_THREAD / 50;
  const most = Math.min(MOST_THREADS, availableParallelism());
  return Math.max(1, Math.min(most, Math.floor(rows / worth)));
}

function verdict(tail: TableTail, found: AuditFindings): TableVerification {
  const { table, key } = tail.shape;
  const notes: string[] = [];
  const lastSeq = found.last?.seq;
  let { gapCount, gaps } = found;
  const firstSeq = found.first?.seq;
  if (key === "seq" && firstSeq !== undefined && firstSeq > 1n) {
    gapCount += 1;
    gaps = [{ after: 0n, before: firstSeq }, ...gaps];
  }
  const missingAtEnd = missingRows(tail, notes);
  if (key !== "seq") notes.push("made by others: there is no chain between its rows to check");
  if (gapCount > 0) notes.push(`seq has ${plural(gapCount, "gap")}`);
  if (found.clockStepCount > 0) {
    notes.push(`the clock went backwards ${plural(found.clockStepCount, "time")}`);
  }
  const level = found.level ?? "none";
  const ok = found.failed === 0 && missingAtEnd === 0n;
  return {
    table,
    ok,
    level,
    rows: found.rows,
    failed: found.failed,
    failures: found.failures,
    gapCount,
    gaps,
    missingAtEnd,
    clockStepCount: found.clockStepCount,
    clockSteps: found.clockSteps,
    lastSeq,
    lastHash: found.last?.hash,
    notes,
    summary: summaryOf(ok, level, found, missingAtEnd),
  };
}

/** AUTOINCREMENT never gives a number twice, so the file knows how many rows it has given out. */
function missingRows(tail: TableTail, notes: string[]): bigint {
  if (tail.shape.key !== "seq") return 0n;
  const last = tail.lastKey ?? 0n;
  if (tail.sequence === undefined) {
    if (last > 0n) notes.push("the file keeps no record of the numbers given out");
    return 0n;
  }
  if (tail.sequence < last) notes.push("the record of the numbers given out was set back");
  return tail.sequence > last ? tail.sequence - last : 0n;
}

function summaryOf(ok: boolean, level: Level, found: AuditFindings, missing: bigint): string {
  const rows = plural(found.rows, "row");
  if (ok && found.rows === 0) return "no rows";
  if (ok) {
    const proof = reaches(level, "signed") ? "" : "; unsigned: proves consistency, not origin";
    return `${rows} verified (${level})${proof}`;
  }
  const faults = [
    ...(found.failed > 0 ? [`${found.failed} of ${rows} failed`] : []),
    ...(missing > 0n ? [`${plural(missing, "row")} missing at the end`] : []),
  ];
  const first = found.failures[0];
  const detail = first === undefined ? "" : `; first at seq ${first.seq}: ${first.report.summary}`;
  return `${faults.join(", ")}${detail}`;
}

function plural(count: number | bigint, noun: string): string {
  return `${count} ${noun}${Number(count) === 1 ? "" : "s"}`;
}

function ensureCount(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new SealedReaderError(
    "OPTION_INVALID",
    `${name}: expected a whole number of at least ${least}, found ${String(value)}`,
  );
}
