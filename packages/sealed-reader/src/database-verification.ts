import { SEALED_TABLES } from "@gaiaftcl/sealed-row";
import type { TableVerification } from "./verify-table.js";

/** The verdict on all tables of a database. */
export interface DatabaseVerification {
  readonly ok: boolean;
  readonly tables: readonly TableVerification[];
  /** Sealed tables that the database does not have. */
  readonly absent: readonly string[];
  readonly summary: string;
}

/** A database is sound when each of its tables is, and there is one at all. */
export function databaseVerdict(tables: readonly TableVerification[]): DatabaseVerification {
  const present = new Set(tables.map((verified) => verified.table));
  const absent = SEALED_TABLES.map((table) => table.name).filter((name) => !present.has(name));
  const bad = tables.filter((verified) => !verified.ok);
  const ok = tables.length > 0 && bad.length === 0;
  return { ok, tables, absent, summary: summaryOf(tables, bad[0], bad.length) };
}

function summaryOf(
  tables: readonly TableVerification[],
  first: TableVerification | undefined,
  bad: number,
): string {
  if (tables.length === 0) return "there is no sealed table";
  if (first !== undefined) {
    return `${bad} of ${tables.length} tables failed; ${first.table}: ${first.summary}`;
  }
  const rows = tables.reduce((sum, verified) => sum + verified.rows, 0);
  return `${rows} rows in ${tables.length} tables verified`;
}
