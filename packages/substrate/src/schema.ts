import {
  SEAL_COLUMNS,
  SEALED_TABLES,
  type SealedColumn,
  type SealedTable,
} from "@gaiaftcl/sealed-row";
import { CONTEXTS } from "@gaiaftcl/witness";

/** Stands in `user_version`; a database with a larger one is of a newer release. */
export const SCHEMA_VERSION = 1;

/** What SQLite calls `type` in its schema table. */
export interface SchemaObject {
  readonly type: "table" | "index" | "trigger";
  readonly name: string;
  /** Exactly as SQLite stores it, so that it can be compared with what a file has. */
  readonly sql: string;
}

/** The cast finds bytes behind a NUL, which `length` and `GLOB` would not see. */
const IS_QUINTET = `CASE
    WHEN NOT json_valid(NEW.signature_quintet) THEN 0
    WHEN json_type(NEW.signature_quintet) <> 'array' THEN 0
    WHEN json_array_length(NEW.signature_quintet) <> 5 THEN 0
    ELSE (SELECT count(*) FROM json_each(NEW.signature_quintet) AS entry
      WHERE entry.type = 'text' AND length(CAST(entry.atom AS BLOB)) = 64
        AND entry.atom NOT GLOB '*[^0-9a-f]*') = 5
  END`;

/** Everything the schema consists of, in the order it is created (cell format, sections 2, 5 and 7). */
export const SCHEMA: readonly SchemaObject[] = [
  ...SEALED_TABLES.flatMap(sealedObjects),
  ...cosignatureObjects(),
  {
    type: "table",
    name: "substrate_broadcast_cursor",
    sql: `CREATE TABLE substrate_broadcast_cursor (
  table_name TEXT PRIMARY KEY NOT NULL,
  seq INTEGER NOT NULL
) STRICT`,
  },
];

function sealedObjects(table: SealedTable): readonly SchemaObject[] {
  return [
    { type: "table", name: table.name, sql: createTable(table) },
    index(table.name, "witness_hash", "UNIQUE ", "witness_hash_sha256"),
    index(table.name, "sealed_at", "", "sealed_at_iso"),
    ...table.columns
      .filter((column) => column.name === "session_id" || column.name === "submission_id")
      .map((column) => index(table.name, column.name.replace(/_id$/, ""), "", column.name)),
    refuse(table.name, "update", "UPDATE", "is append-only: a sealed row cannot be changed"),
    refuse(table.name, "delete", "DELETE", "is append-only: a sealed row cannot be removed"),
    checkInsert(table),
  ];
}

function createTable(table: SealedTable): string {
  const own = table.columns.map((column) =>
    column.name === table.idColumn ? `${define(column)} UNIQUE` : define(column),
  );
  const seal = SEAL_COLUMNS.map((column) =>
    column.name === "nats_subject_sealed"
      ? `${define(column)} DEFAULT '${table.subject}'`
      : define(column),
  );
  const columns = ["seq INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0)", ...own, ...seal];
  return `CREATE TABLE ${table.name} (\n  ${columns.join(",\n  ")}\n) STRICT`;
}

function define(column: SealedColumn): string {
  return `${column.name} ${column.type}${column.nullable ? "" : " NOT NULL"}`;
}

/**
 * An INSERT may not take the place of a row: with OR REPLACE, SQLite would remove that row without
 * running the DELETE trigger, unless the client had asked for recursive triggers. In a BEFORE
 * trigger a `seq` still to be chosen reads as -1; a chosen one must come after all others.
 */
function checkInsert(table: SealedTable): SchemaObject {
  const name = `${table.name}_checks_insert`;
  const sql = `CREATE TRIGGER ${name} BEFORE INSERT ON ${table.name}
BEGIN
  SELECT RAISE(ABORT, '${table.name}: a row with this id is there already')
    WHERE EXISTS (SELECT 1 FROM ${table.name} WHERE ${table.idColumn} = NEW.${table.idColumn});
  SELECT RAISE(ABORT, '${table.name}: a row with this witness hash is there already')
    WHERE EXISTS (SELECT 1 FROM ${table.name} WHERE witness_hash_sha256 = NEW.witness_hash_sha256);
  SELECT RAISE(ABORT, '${table.name}: a row can only be added after the last one')
    WHERE NEW.seq <> -1 AND NEW.seq <= (SELECT max(seq) FROM ${table.name});
  SELECT RAISE(ABORT, '${table.name}: a row is broadcast only with a quintet of five 64-hex strings')
    WHERE NEW.nats_broadcast_at_iso IS NOT NULL AND NOT ${IS_QUINTET};
END`;
  return { type: "trigger", name, sql };
}

function cosignatureObjects(): readonly SchemaObject[] {
  const name = "substrate_cosignatures";
  const contexts = CONTEXTS.map((context) => `'${context}'`).join(", ");
  return [
    {
      type: "table",
      name,
      sql: `CREATE TABLE ${name} (
  witness_hash_sha256 TEXT NOT NULL,
  context TEXT NOT NULL CHECK (context IN (${contexts})),
  public_key TEXT NOT NULL,
  signature TEXT NOT NULL,
  UNIQUE (witness_hash_sha256, context, public_key, signature)
) STRICT`,
    },
    refuse(name, "update", "UPDATE", "is append-only: a signature cannot be changed"),
    refuse(name, "delete", "DELETE", "is append-only: a signature cannot be removed"),
    {
      type: "trigger",
      name: `${name}_checks_insert`,
      sql: `CREATE TRIGGER ${name}_checks_insert BEFORE INSERT ON ${name}
BEGIN
  SELECT RAISE(ABORT, '${name}: a signature can only be added after the last one')
    WHERE NEW.rowid <> -1 AND NEW.rowid <= (SELECT max(rowid) FROM ${name});
  SELECT RAISE(ABORT, '${name}: this signature is there already')
    WHERE EXISTS (SELECT 1 FROM ${name}
      WHERE witness_hash_sha256 = NEW.witness_hash_sha256 AND context = NEW.context
        AND public_key = NEW.public_key AND signature = NEW.signature);
END`,
    },
  ];
}

function refuse(table: string, word: string, statement: string, reason: string): SchemaObject {
  const name = `${table}_refuses_${word}`;
  const sql = `CREATE TRIGGER ${name} BEFORE ${statement} ON ${table}
BEGIN
  SELECT RAISE(ABORT, '${table} ${reason}');
END`;
  return { type: "trigger", name, sql };
}

function index(table: string, word: string, kind: string, column: string): SchemaObject {
  const name = `${table}_by_${word}`;
  return { type: "index", name, sql: `CREATE ${kind}INDEX ${name} ON ${table} (${column})` };
}
