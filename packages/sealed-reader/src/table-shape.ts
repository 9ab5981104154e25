import type { DatabaseSync } from "node:sqlite";
import { SEALED_TABLES } from "@gaiaftcl/sealed-row";
import { prepareExact } from "./guarded-connection.js";
import { SealedReaderError } from "./sealed-reader-error.js";

/** A real table, and how its rows are named and put in order. */
export interface TableShape {
  readonly table: string;
  readonly columns: readonly string[];
  /**
   * The integer that orders the rows: the column `seq`, the rowid of a table made by others, or
   * nothing for a table that has neither.
   */
  readonly key: "seq" | "rowid" | "none";
  /** The name under which SQL reaches the rowid, where `key` is `rowid`. */
  readonly rowidName?: string;
}

/** The columns the founding documents fix (cell format, section 5). */
const FOUNDING_COLUMNS = [
  "canonical_witness",
  "witness_hash_sha256",
  "signature_quintet",
  "nats_subject_sealed",
] as const;

const COLUMN_NAME = /^[A-Za-z][A-Za-z0-9_]{0,127}$/;
const TABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const MAX_COLUMNS = 250;

/** True for a name that can stand in the statements of this package. */
export function isTableName(name: string): boolean {
  return TABLE_NAME.test(name) && !name.toLowerCase().startsWith("sqlite_");
}

/**
 * Proves that `name` is a real table in the schema as it is now, before any statement names it: a
 * view of that name would run whatever query stands behind it, a virtual table whatever code.
 *
 * Call it within the transaction that reads the table, so that the schema cannot change in between.
 *
 * @returns false where the schema has no entry of that name at all
 * @throws SealedReaderError `TABLE_NOT_REAL`, `SCHEMA_REFUSED`
 */
export function proveTable(database: DatabaseSync, name: string): boolean {
  const entries = rowsOf(
    database,
    "SELECT type, name, rootpage, substr(sql, 1, 400) FROM main.sqlite_schema WHERE name = ? COLLATE NOCASE AND type <> 'index' AND type <> 'trigger' LIMIT 2",
    name,
  );
  const [entry] = entries;
  if (entry === undefined) return false;
  const [type, found, rootPage, sql] = entry;
  if (entries.length > 1 || found !== name) {
    throw new SealedReaderError(
      "SCHEMA_REFUSED",
      `expected one table ${name} in the schema, found ${entries.length} named ${JSON.stringify(String(found).slice(0, 128))}; no cell writes such a schema`,
    );
  }
  const isReal =
    type === "table" &&
    typeof rootPage === "bigint" &&
    rootPage > 0n &&
    typeof sql === "string" &&
    isPlainDefinition(sql, name);
  if (!isReal) {
    throw new SealedReaderError(
      "TABLE_NOT_REAL",
      `expected a real table ${name}, found ${kindOf(type, sql)}; rows from it would be made up while reading. Do not trust this file`,
    );
  }
  return true;
}

/**
 * The shape of a table that `proveTable` passed.
 *
 * @throws SealedReaderError `TABLE_MISSING`, and what `proveTable` throws; `TABLE_UNSUPPORTED` for
 *   a table without the founding columns, or with columns that are computed
 */
export function readShape(database: DatabaseSync, name: string): TableShape {
  if (!proveTable(database, name)) {
    const present = SEALED_TABLES.map((table) => table.name).filter(
      (table) => table !== name && hasEntry(database, table),
    );
    throw new SealedReaderError(
      "TABLE_MISSING",
      `there is no table ${name}; of the sealed tables there are ${present.join(", ") || "none: this is not the database of a cell"}`,
    );
  }
  const columns = columnsOf(database, name);
  const missing = FOUNDING_COLUMNS.filter((column) => !columns.some((c) => c.name === column));
  if (missing.length > 0) {
    throw new SealedReaderError(
      "TABLE_UNSUPPORTED",
      `${name} is not a sealed table: it has no column ${missing.join(", ")}`,
    );
  }
  const names = columns.map((column) => column.name);
  if (isIntegerKey(database, name, columns)) return { table: name, columns: names, key: "seq" };
  const rowidName = rowidNameOf(database, name, names);
  return rowidName === undefined
    ? { table: name, columns: names, key: "none" }
    : { table: name, columns: names, key: "rowid", rowidName };
}

/**
 * Every real table with the founding columns; the sealed ones first, in the order of the format.
 *
 * @throws SealedReaderError where a sealed name is not what it should be; other tables that cannot
 *   be read are left out
 */
export function listShapes(database: DatabaseSync): readonly TableShape[] {
  const sealed = SEALED_TABLES.map(({ name }) => name);
  const shapes = sealed
    .filter((name) => proveTable(database, name))
    .map((name) => readShape(database, name));
  const others = rowsOf(
    database,
    "SELECT name FROM main.sqlite_schema WHERE type = 'table' ORDER BY name LIMIT 1000",
  )
    .map(([name]) => name)
    .filter((name) => typeof name === "string" && isTableName(name) && !sealed.includes(name));
  for (const name of others as readonly string[]) {
    try {
      shapes.push(readShape(database, name));
    } catch (cause) {
      if (!(cause instanceof SealedReaderError)) throw cause;
    }
  }
  return shapes;
}

/** A name quoted for SQL; only names that passed `isTableName` or came from the schema get here. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly primaryKey: bigint;
}

function columnsOf(database: DatabaseSync, table: string): readonly Column[] {
  const entries = rowsOf(database, `PRAGMA main.table_xinfo(${quoted(table)})`);
  if (entries.length > MAX_COLUMNS) {
    throw new SealedReaderError(
      "TABLE_UNSUPPORTED",
      `expected at most ${MAX_COLUMNS} columns in ${table}, found ${entries.length}`,
    );
  }
  return entries.map(([, name, type, , , primaryKey, hidden]) => {
    if (typeof name !== "string" || !COLUMN_NAME.test(name)) {
      throw new SealedReaderError(
        "TABLE_UNSUPPORTED",
        `${table} has a column named ${JSON.stringify(String(name).slice(0, 128))}; no cell writes such a table`,
      );
    }
    if (hidden !== 0n) {
      throw new SealedReaderError(
        "TABLE_UNSUPPORTED",
        `${table}.${name} is computed while reading, not stored; no cell writes such a table`,
      );
    }
    return {
      name,
      type: String(type).toUpperCase(),
      primaryKey: typeof primaryKey === "bigint" ? primaryKey : 0n,
    };
  });
}

/** True where `seq` is the rowid itself, so that reading in its order needs no index. */
function isIntegerKey(database: DatabaseSync, table: string, columns: readonly Column[]): boolean {
  const keys = columns.filter((column) => column.primaryKey > 0n);
  const [key] = keys;
  if (keys.length !== 1 || key?.name !== "seq" || key.type !== "INTEGER") return false;
  const indexes = rowsOf(database, `PRAGMA main.index_list(${quoted(table)})`);
  // An index made for the key means that the column is not the rowid.
  return !indexes.some(([, , , origin]) => origin === "pk");
}

function rowidNameOf(
  database: DatabaseSync,
  table: string,
  columns: readonly string[],
): string | undefined {
  const taken = new Set(columns.map((column) => column.toLowerCase()));
  const free = ["rowid", "_rowid_", "oid"].find((name) => !taken.has(name));
  if (free === undefined) return undefined;
  try {
    database.prepare(`SELECT ${free} FROM main.${quoted(table)} NOT INDEXED LIMIT 1`);
    return free;
  } catch {
    return undefined;
  }
}

function rowsOf(
  database: DatabaseSync,
  sql: string,
  ...parameters: readonly string[]
): readonly (readonly unknown[])[] {
  return prepareExact(database, sql).all(
    ...parameters,
  ) as unknown as readonly (readonly unknown[])[];
}

function hasEntry(database: DatabaseSync, name: string): boolean {
  return (
    prepareExact(database, "SELECT 1 FROM main.sqlite_schema WHERE name = ? LIMIT 1").get(name) !==
    undefined
  );
}

/** SQLite stores a definition as `CREATE TABLE ` and the text from the name on. */
function isPlainDefinition(sql: string, name: string): boolean {
  const prefix = "CREATE TABLE ";
  if (!sql.startsWith(prefix)) return false;
  const rest = sql.slice(prefix.length);
  return [name, `"${name}"`, `'${name}'`, `\`${name}\``, `[${name}]`].some(
    (form) => rest.startsWith(form) && !/^[A-Za-z0-9_$]/.test(rest.slice(form.length)),
  );
}

function kindOf(type: unknown, sql: unknown): string {
  if (type === "view") return "a view";
  if (typeof sql === "string" && /^CREATE\s+VIRTUAL/i.test(sql)) return "a virtual table";
  return "something else";
}
