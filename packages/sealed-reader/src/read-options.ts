import { isTimestamp, sealedTable } from "@gaiaftcl/sealed-row";
import type { ScanRequest } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { MAX_KEY, MIN_KEY } from "./table-scan.js";
import type { TableShape } from "./table-shape.js";

/** Which rows to read. */
export interface ReadOptions {
  /** The earliest `sealed_at_iso`, itself included. A text is a date or an ISO 8601 time. */
  readonly since?: Date | string | undefined;
  /** The latest `sealed_at_iso`, itself included. */
  readonly until?: Date | string | undefined;
  /** The most rows to read, counted from where the order begins. */
  readonly limit?: number | undefined;
  /** Only rows of this session: `session_id`, or `daemon_session_id` of heartbeats. */
  readonly session?: string | undefined;
  /** Only rows after this one. */
  readonly afterSeq?: bigint | number | undefined;
  /** By `seq`; default `ascending`. */
  readonly order?: "ascending" | "descending" | undefined;
  readonly signal?: AbortSignal | undefined;
}

const SESSION_COLUMNS = ["session_id", "daemon_session_id"];

/**
 * @throws SealedReaderError `OPTION_INVALID`, where a table known to have no such column is asked
 *   for rows of a session, too
 */
export function scanRequestOf(table: string, options: ReadOptions): ScanRequest {
  const { session, limit } = options;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw invalid(`limit: expected a whole number of rows, found ${String(limit)}`);
  }
  const order = options.order ?? "ascending";
  if (order !== "ascending" && order !== "descending") {
    throw invalid(`order: expected ascending or descending, found ${JSON.stringify(order)}`);
  }
  return {
    table,
    since: timeOf("since", options.since),
    until: timeOf("until", options.until),
    after: seqOf("afterSeq", options.afterSeq),
    descending: order === "descending",
    limit,
    ...(session === undefined
      ? {}
      : { equal: [{ column: sessionColumn(table), text: ensureText("session", session) }] }),
  };
}

/** @throws SealedReaderError `OPTION_INVALID` where the table lacks a column that a filter needs. */
export function ensureFilterable(shape: TableShape, request: ScanRequest): void {
  const needed = (request.equal ?? []).map((entry) => entry.column);
  if (request.since !== undefined || request.until !== undefined) needed.push("sealed_at_iso");
  const missing = needed.find((column) => !shape.columns.includes(column));
  if (missing === undefined) return;
  throw invalid(
    `${shape.table} was made by others and has no column ${missing}; read it without that filter`,
  );
}

/** @throws SealedReaderError `OPTION_INVALID` */
export function seqOf(name: string, value: bigint | number | undefined): bigint | undefined {
  if (value === undefined) return undefined;
  const seq = typeof value === "bigint" || Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (seq !== undefined && seq >= MIN_KEY && seq <= MAX_KEY) return seq;
  throw invalid(`${name}: expected a seq, an integer of 64 bits, found ${String(value)}`);
}

/** @throws SealedReaderError `OPTION_INVALID` */
export function ensureText(name: string, value: string): string {
  if (typeof value === "string" && value.isWellFormed()) return value;
  throw invalid(`${name}: expected text, found ${typeof value}`);
}

function sessionColumn(table: string): string {
  const known = sealedTable(table);
  const names = known === undefined ? undefined : known.columns.map((column) => column.name);
  const column = SESSION_COLUMNS.find((name) => names?.includes(name) ?? true);
  if (column !== undefined) return column;
  throw invalid(`${table} has no sessions; read it without that filter`);
}

const DATE_OR_TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

function timeOf(name: string, value: Date | string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && isTimestamp(value)) return value;
  const isText = typeof value === "string" && DATE_OR_TIME.test(value);
  const time = value instanceof Date ? value : new Date(isText ? value : Number.NaN);
  const iso = Number.isNaN(time.getTime()) ? "" : time.toISOString();
  if (isTimestamp(iso)) return iso;
  throw invalid(
    `${name}: expected a Date or a time such as 2026-11-20T00:00:00.000Z, found ${JSON.stringify(String(value).slice(0, 64))}`,
  );
}

function invalid(message: string): SealedReaderError {
  return new SealedReaderError("OPTION_INVALID", message);
}
