import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { ensureImmutableSafe } from "./explain-failure.js";
import { ALLOW, DENY, runtimeGuards } from "./runtime-guards.js";
import { SealedReaderError } from "./sealed-reader-error.js";

export interface ConnectionOptions {
  /** Read without locks and log; only for a file that nobody writes. */
  readonly immutable: boolean;
  /** The largest value, and the largest row, that is read, in bytes. */
  readonly maxValueBytes: number;
}

/**
 * Each setting a hostile file is read under, with the value it must show afterwards (cell format,
 * section 5): the schema may not call anything with side effects, nothing is written, page cells
 * are checked, and pages are copied rather than mapped.
 */
const SETTINGS = [
  ["trusted_schema", 0],
  ["query_only", 1],
  ["cell_size_check", 1],
  ["mmap_size", 0],
  // Sorting, if a hostile schema brings any about, leaves no files behind.
  ["temp_store", 2],
] as const;

/**
 * Opens the database read-only, under every guard that this runtime has.
 *
 * The settings are read back, so that a build of SQLite that ignores one is refused.
 *
 * @throws SealedReaderError `IMMUTABLE_UNSAFE`, `GUARD_INEFFECTIVE`, `ENCODING`
 * @throws what `node:sqlite` throws, for `explainFailure`
 */
export function openGuarded(path: string, options: ConnectionOptions): DatabaseSync {
  if (options.immutable) ensureImmutableSafe(path);
  const database = new DatabaseSync(locationOf(path, options.immutable), {
    readOnly: true,
    allowExtension: false,
    defensive: true,
    limits: {
      length: options.maxValueBytes,
      sqlLength: 1_000_000,
      column: 512,
      compoundSelect: 20,
      vdbeOp: 100_000,
      attach: 0,
      likePatternLength: 100,
      variableNumber: 100,
      triggerDepth: 1,
    },
  });
  try {
    applySettings(path, database);
    if (runtimeGuards().authorizer) database.setAuthorizer(allowReadingOnly);
    return database;
  } catch (cause) {
    database.close();
    throw cause;
  }
}

/** A statement whose integers are exact and whose rows are arrays. */
export function prepareExact(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  return statement;
}

function locationOf(path: string, immutable: boolean): string | URL {
  if (!immutable) return path;
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  return url;
}

function applySettings(path: string, database: DatabaseSync): void {
  for (const [name, value] of SETTINGS) {
    // A string of its own: a pragma takes no parameters.
    database.exec(`PRAGMA ${name} = ${value}`);
  }
  for (const [name, value] of SETTINGS) {
    const row = database.prepare(`PRAGMA ${name}`).get();
    // A build without memory maps answers mmap_size with no row.
    const shown = row?.[name] ?? (name === "mmap_size" ? 0 : undefined);
    if (shown !== value) {
      throw new SealedReaderError(
        "GUARD_INEFFECTIVE",
        `${path}: expected this SQLite to obey ${name} = ${value}, found ${String(shown)}; a hostile file is not safe to read with it`,
      );
    }
  }
  const encoding = database.prepare("PRAGMA encoding").get()?.["encoding"];
  if (encoding !== "UTF-8") {
    throw new SealedReaderError(
      "ENCODING",
      `${path}: expected text in UTF-8, found ${String(encoding)}; no cell writes that, and converting it could hide a difference`,
    );
  }
}

/** Action codes of SQLite's authorizer. */
const SQLITE_PRAGMA = 19;
const SQLITE_READ = 20;
const SQLITE_SELECT = 21;
const SQLITE_TRANSACTION = 22;
const SQLITE_FUNCTION = 31;

const PRAGMAS: ReadonlySet<string | null> = new Set(["table_xinfo", "index_list", "quick_check"]);
const FUNCTIONS: ReadonlySet<string | null> = new Set([
  "concat",
  "count",
  "instr",
  "max",
  "min",
  "octet_length",
  "substr",
  "typeof",
]);

/** Refuses any statement that would do something other than this package's own queries do. */
function allowReadingOnly(
  action: number,
  first: string | null,
  second: string | null,
  _database: string | null,
  cause: string | null,
): number {
  switch (action) {
    case SQLITE_SELECT:
    case SQLITE_TRANSACTION:
      return ALLOW;
    case SQLITE_READ:
      // `cause` names the view or trigger on whose behalf a table would be read.
      return cause === null ? ALLOW : DENY;
    case SQLITE_PRAGMA:
      return PRAGMAS.has(first) ? ALLOW : DENY;
    case SQLITE_FUNCTION:
      return FUNCTIONS.has(second) ? ALLOW : DENY;
    default:
      return DENY;
  }
}
