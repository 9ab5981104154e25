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
  return { ok, tables, absent, summary: summaryOf(tables, absent, bad) };
}

function summaryOf(
  tables: readonly TableVerification[],
  absent: readonly string[],
  bad: readonly TableVerification[],
): string {
  if (tables.length === 0) return "there is no sealed table";
  const [first] = bad;
  if (first !== undefined) {
    return `${bad.length} of ${tables.length} tables failed; ${first.table}: ${first.summary}`;
  }
  const rows = tables.reduce((sum, verified) => sum + verified.rows, 0);
  // A table that was dropped leaves no trace in the file, so its absence has to meet the eye.
  const without = absent.length === 0 ? "" : `; there is no ${absent.join(", ")}`;
  return `${rows} rows in ${tables.length} tables verified${without}`;
}
