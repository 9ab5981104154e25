import { type JudgeOptions, RowJudge } from "./row-judge.js";
import type { Engine } from "./scan-request.js";
import { type AuditFindings, TableAudit } from "./table-audit.js";

/** A run of keys to audit: above `after`, up to `upTo`. */
export interface AuditRange {
  readonly table: string;
  readonly after: bigint | undefined;
  readonly upTo: bigint | undefined;
  /** How many failures, gaps and clock steps to list of each. */
  readonly most: number;
}

/** Walks a run of rows; memory does not grow with their number. */
export async function auditRange(
  engine: Engine,
  range: AuditRange,
  options: JudgeOptions,
  onRows: (rows: number) => void,
  signal?: AbortSignal,
): Promise<AuditFindings> {
  const { table, after, upTo, most } = range;
  const scan = await engine.scan(
    { table, after, upTo, cosignatures: options.keys !== undefined },
    signal,
  );
  try {
    const audit = new TableAudit(scan.shape, new RowJudge(scan.shape, options), most);
    for (;;) {
      const { rows, done } = await scan.next(signal);
      for (const row of rows) audit.add(row);
      onRows(audit.rows);
      if (done) return audit.findings();
    }
  } finally {
    await scan.close();
  }
}
