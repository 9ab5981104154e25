import { SealedRowError } from "./sealed-row-error.js";
import type { RowRecord, RowValue, SealedColumn, SealedTable } from "./sealed-table.js";

/** The largest integer that SQLite holds; a block height may use all of it. */
export const LARGEST_INTEGER: bigint = 2n ** 63n - 1n;

/**
 * The value of an own column as it stands in the payload digest: text, a safe integer or null.
 *
 * The digest covers NULL like any value, so verification takes it in every column but the id;
 * which columns may be NULL is a rule for the writer, kept by `sealRow` and by the schema.
 *
 * @throws SealedRowError `COLUMN_MISSING`, `COLUMN_INVALID`
 */
export function ownValue(
  table: SealedTable,
  column: SealedColumn,
  row: RowRecord,
): string | number | null {
  const value = Object.hasOwn(row, column.name) ? row[column.name] : undefined;
  if (value === undefined) {
    throw new SealedRowError(
      "COLUMN_MISSING",
      `${table.name}: the row has no column ${column.name}`,
    );
  }
  const problem = valueProblem(column, value, column.name !== table.idColumn);
  if (problem !== undefined) {
    throw new SealedRowError("COLUMN_INVALID", `${table.name}.${column.name}: ${problem}`);
  }
  return typeof value === "bigint" ? Number(value) : (value as string | number | null);
}

/** What is wrong with a value of an own column, or `undefined`. */
export function valueProblem(
  column: SealedColumn,
  value: RowValue | undefined,
  nullable: boolean,
): string | undefined {
  if (value === null && nullable) return undefined;
  if (column.type === "TEXT") {
    if (typeof value !== "string") return `expected text, found ${nameOf(value)}`;
    return value.isWellFormed() ? undefined : "expected well-formed text, found a lone surrogate";
  }
  if (typeof value === "bigint" || typeof value === "number") {
    return Number.isSafeInteger(Number(value))
      ? undefined
      : `expected an integer within ±(2^53 − 1), found ${value}`;
  }
  return `expected an integer, found ${nameOf(value)}`;
}

export function nameOf(value: unknown): string {
  if (value === null) return "NULL";
  if (value === undefined) return "nothing";
  if (value instanceof Uint8Array) return "a blob";
  if (typeof value === "string") return "text";
  return typeof value === "bigint" ? "an integer" : `a ${typeof value}`;
}
