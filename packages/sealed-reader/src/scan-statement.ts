import { randomBytes } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { prepareExact } from "./guarded-connection.js";
import { runtimeGuards } from "./runtime-guards.js";
import type { ScanRequest } from "./scan-request.js";
import { quoted, type TableShape } from "./table-shape.js";

/**
 * Stands in for a value that is larger than allowed, on runtimes that cannot limit it otherwise.
 * It is random, so no file can hold it beforehand, and no UTF-8, so it never passes for text.
 */
export const OVERSIZE: Buffer = Buffer.concat([Buffer.of(0xff), randomBytes(16)]);

/** How a column is selected: as it is, or so that its exact bytes can be told. */
type Mode = "plain" | "exact";

/** The SQL expression of a table's key. */
export function keyExpression(shape: TableShape): string {
  if (shape.key === "seq") return 't."seq"';
  return shape.rowidName === undefined ? "NULL" : `t.${shape.rowidName}`;
}

/** `FROM` the table itself: an index could name other rows than the table holds. */
export function fromTable(shape: TableShape): string {
  return `FROM main.${quoted(shape.table)} AS t NOT INDEXED`;
}

/**
 * The statement that reads rows in the order of their key: the columns, the key if it is
 * none of them, and on some runtimes a flag that is not zero where a text would arrive cut off. Parameters: lower bound and
 * upper bound, both inclusive, the texts of the filters, and the number of rows.
 */
export function scanStatement(
  database: DatabaseSync,
  shape: TableShape,
  request: ScanRequest,
  maxValueBytes: number,
): StatementSync {
  const key = keyExpression(shape);
  const conditions = [`${key} >= ?`, `${key} <= ?`, ...filterConditions(request)];
  const order = request.descending === true ? "DESC" : "ASC";
  return prepareExact(
    database,
    withNulFlag(
      shape,
      `SELECT ${columnList(shape, "plain", maxValueBytes)}${shape.key === "seq" ? "" : `, ${key} AS k`} ${fromTable(shape)} WHERE ${conditions.join(" AND ")} ORDER BY ${key} ${order} LIMIT ?`,
    ),
  );
}

/** Reads a table that has no key, once, in the order it is stored. */
export function wholeStatement(
  database: DatabaseSync,
  shape: TableShape,
  request: ScanRequest,
  maxValueBytes: number,
): StatementSync {
  const conditions = filterConditions(request);
  const where = conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  return prepareExact(
    database,
    `SELECT ${columnList(shape, "exact", maxValueBytes)} ${fromTable(shape)}${where} LIMIT ?`,
  );
}

/** Reads one row again, with the bytes of its texts. */
export function exactStatement(
  database: DatabaseSync,
  shape: TableShape,
  maxValueBytes: number,
): StatementSync {
  return prepareExact(
    database,
    `SELECT ${columnList(shape, "exact", maxValueBytes)} ${fromTable(shape)} WHERE ${keyExpression(shape)} = ?`,
  );
}

/** The bound keys of the next rows, whether they pass the filters or not. */
export function windowStatement(
  database: DatabaseSync,
  shape: TableShape,
  descending: boolean,
): StatementSync {
  const key = keyExpression(shape);
  const [last, order] = descending ? ["min", "DESC"] : ["max", "ASC"];
  return prepareExact(
    database,
    `SELECT ${last}(k), count(k) FROM (SELECT ${key} AS k ${fromTable(shape)} WHERE ${key} >= ? AND ${key} <= ? ORDER BY ${key} ${order} LIMIT ?)`,
  );
}

/** The witness hash of the row before a key; empty text where it is no hash. */
export function previousStatement(database: DatabaseSync, shape: TableShape): StatementSync {
  const key = keyExpression(shape);
  return prepareExact(
    database,
    `SELECT CASE WHEN octet_length(t."witness_hash_sha256") = 64 THEN t."witness_hash_sha256" ELSE '' END ${fromTable(shape)} WHERE ${key} < ? ORDER BY ${key} DESC LIMIT 1`,
  );
}

/** The texts that go with the conditions, in their order. */
export function filterTexts(request: ScanRequest): readonly string[] {
  return [
    ...(request.since === undefined ? [] : [request.since]),
    ...(request.until === undefined ? [] : [request.until]),
    ...(request.equal ?? []).map((entry) => entry.text),
  ];
}

function filterConditions(request: ScanRequest): readonly string[] {
  // BINARY, since the column's own collation is the file's choice.
  return [
    ...(request.since === undefined ? [] : ['t."sealed_at_iso" >= ? COLLATE BINARY']),
    ...(request.until === undefined ? [] : ['t."sealed_at_iso" <= ? COLLATE BINARY']),
    ...(request.equal ?? []).map((entry) => `t.${quoted(entry.column)} = ? COLLATE BINARY`),
  ];
}

function columnList(shape: TableShape, mode: Mode, maxValueBytes: number): string {
  return shape.columns
    .map((name, index) => {
      const column = `t.${quoted(name)}`;
      if (mode === "plain") return `${sized(column, column, maxValueBytes)} AS c${index}`;
      const bytes = `CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`;
      return `${sized(column, bytes, maxValueBytes)}, typeof(${column}) = 'text'`;
    })
    .join(", ");
}

/** The length of a value stands in the row's header, so a huge one is never loaded to be refused. */
function sized(column: string, value: string, maxValueBytes: number): string {
  if (runtimeGuards().limits) return value;
  return `CASE WHEN octet_length(${column}) > ${maxValueBytes} THEN X'${OVERSIZE.toString("hex")}' ELSE ${value} END`;
}

/** One more column that is not zero where a text has a NUL in it. */
function withNulFlag(shape: TableShape, sql: string): string {
  if (runtimeGuards().wholeText) return sql;
  const columns = shape.columns.map((_, index) => `c${index}`).join(", ");
  return `SELECT *, instr(CAST(concat(${columns}) AS BLOB), X'00') FROM (${sql})`;
}
