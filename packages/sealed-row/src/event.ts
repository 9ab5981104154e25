import { CanonicalJsonError, decode, encodeBytes, type JsonValue } from "@gaiaftcl/canonical-json";
import { nameOf } from "./column-value.js";
import { SealedRowError } from "./sealed-row-error.js";
import type { RowRecord } from "./sealed-table.js";

/** A row as it travels over NATS (cell format, section 7). */
export interface RowEvent {
  readonly table: string;
  readonly row: RowRecord;
}

export interface DecodeEventOptions {
  /** Refuse more bytes than this before looking at them; default 16 MiB. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 16 * 1024 * 1024;
const MAX_COLUMNS = 256;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/**
 * The event of a row: `{"row":{every column},"table":"…"}` in canonical JSON. Integers stay exact:
 * those beyond 2^53 are written as digits.
 *
 * @throws SealedRowError `EVENT_INVALID` for a blob, a fraction that JSON has no form for, text
 *   with lone surrogates, or a name that is no column or table name
 */
export function encodeEvent(tableName: string, row: RowRecord): Uint8Array {
  ensureName("table", tableName);
  const names = Object.keys(row);
  ensureColumnCount(names.length);
  for (const name of names) {
    ensureName("column", name);
    const value = row[name];
    if (isEventValue(value)) continue;
    throw invalid(`row.${name}: expected text, an integer or null, found ${nameOf(value)}`);
  }
  try {
    return encodeBytes({ table: tableName, row });
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw invalid(`the row of ${tableName} has no JSON form: ${cause.message}`, cause);
  }
}

/**
 * Reads an event from bytes that anybody may have sent: size, JSON (duplicate keys refused), shape,
 * names and types of the values are checked here, once. That the row belongs to the table, and
 * that its seal holds, is for `verifyRow` to say. Integers beyond 2^53 come as `bigint`; members
 * beside `table` and `row` are dropped.
 *
 * @throws SealedRowError `EVENT_INVALID`, `EVENT_TOO_LARGE`
 */
export function decodeEvent(bytes: Uint8Array, options: DecodeEventOptions = {}): RowEvent {
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  if (bytes.byteLength > maxBytes) {
    throw new SealedRowError(
      "EVENT_TOO_LARGE",
      `expected an event of at most ${maxBytes} bytes, found ${bytes.byteLength}`,
    );
  }
  let value: JsonValue;
  try {
    value = decode(bytes, { maxDepth: 8, maxBytes, bigints: "bigint" });
  } catch (cause) {
    if (!(cause instanceof CanonicalJsonError)) throw cause;
    throw invalid(`the event is no JSON: ${cause.message}`, cause);
  }
  if (!isObject(value)) throw invalid(`expected an object, found ${kindOf(value)}`);
  const table = member(value, "table");
  if (typeof table !== "string") throw invalid(`table: expected text, found ${kindOf(table)}`);
  ensureName("table", table);
  const row = member(value, "row");
  if (!isObject(row)) throw invalid(`row: expected an object, found ${kindOf(row)}`);
  return { table, row: ensureRow(row) };
}

function ensureRow(row: { readonly [key: string]: JsonValue }): RowRecord {
  const names = Object.keys(row);
  ensureColumnCount(names.length);
  for (const name of names) {
    ensureName("column", name);
    if (isEventValue(row[name])) continue;
    throw invalid(`row.${name}: expected text, a number or null, found ${kindOf(row[name])}`);
  }
  return row as RowRecord;
}

function isEventValue(value: unknown): value is string | number | bigint | null {
  const type = typeof value;
  return value === null || type === "string" || type === "number" || type === "bigint";
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(
  object: { readonly [key: string]: JsonValue },
  name: string,
): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function ensureColumnCount(count: number): void {
  if (count === 0) throw invalid("the row has no columns");
  if (count > MAX_COLUMNS) {
    throw invalid(`expected at most ${MAX_COLUMNS} columns, found ${count}`);
  }
}

function ensureName(what: string, name: string): void {
  if (NAME.test(name)) return;
  throw invalid(
    `expected a ${what} name of letters, digits and "_", at most 128, found ${JSON.stringify(name.slice(0, 160))}`,
  );
}

function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function invalid(message: string, cause?: unknown): SealedRowError {
  return new SealedRowError("EVENT_INVALID", message, cause === undefined ? {} : { cause });
}
