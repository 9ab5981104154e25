import type { RowRecord } from "@gaiaftcl/sealed-row";
import { sealedTable } from "@gaiaftcl/sealed-row";
import type { VerificationReport } from "@gaiaftcl/witness";
import type { OutputRecord } from "./output.js";

interface ReportedRow {
  readonly row: RowRecord;
  readonly report: VerificationReport;
}

/** A row as a record: its columns are what the witness covers, the report is this program's. */
export function rowRecord(
  table: string,
  { row, report }: ReportedRow,
  more: object = {},
): OutputRecord {
  return { kind: "row", signed: { table, row: jsonRow(row) }, derived: { ...more, report } };
}

/** A row on one line: verdict, time, id and the columns that are not part of the seal. */
export function rowLine(table: string, { row, report }: ReportedRow): string {
  const known = sealedTable(table);
  const columns = known?.columns.map((column) => column.name) ?? Object.keys(row);
  const values = columns
    .filter((name) => row[name] !== null && row[name] !== undefined)
    .map((name) => `${name}=${shortened(row[name])}`);
  return `${report.ok ? report.level : "FAILED"} ${row["sealed_at_iso"] ?? ""} ${values.join(" ")}`;
}

/** Columns that JSON has no form for, as foreign tables may have them, become text. */
function jsonRow(row: RowRecord): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? `x'${Buffer.from(value).toString("hex")}'` : value,
    ]),
  );
}

function shortened(value: RowRecord[string] | undefined): string {
  const raw = value instanceof Uint8Array ? `${value.length} bytes` : String(value);
  // What a table or a broker holds must not steer the terminal.
  const text = raw.replace(/\p{Cc}/gu, "\ufffd");
  return text.length > 48 ? `${text.slice(0, 45)}…` : text;
}
