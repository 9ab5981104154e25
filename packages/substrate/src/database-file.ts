import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname, isAbsolute } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { databaseFailure } from "./database-failure.js";
import { SCHEMA, SCHEMA_VERSION } from "./schema.js";
import { SubstrateError } from "./substrate-error.js";

export interface ConnectionOptions {
  readonly synchronous: "full" | "normal";
  readonly busyTimeoutMs: number;
  readonly maxBytes: number | undefined;
}

/**
 * Opens the database for writing, creating it (mode 0600, missing directories 0700) where there is
 * none. A new one appears complete or not at all, so that an empty file always means damage.
 *
 * @throws SubstrateError
 */
export function openDatabase(path: string, options: ConnectionOptions): DatabaseSync {
  if (!isAbsolute(path) || path.includes("\0")) {
    throw new SubstrateError(
      "PATH_INVALID",
      `expected an absolute path, found ${JSON.stringify(path)}`,
    );
  }
  let database: DatabaseSync | undefined;
  try {
    if (!existsSync(path)) createDatabase(path);
    tightenFile(path);
    database = new DatabaseSync(path, { timeout: options.busyTimeoutMs });
    configure(database, options);
    ensureSchema(database, path);
    ensureWhole(database, path);
    return database;
  } catch (cause) {
    database?.close();
    throw databaseFailure(path, "cannot open", cause);
  }
}

function createDatabase(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.new-${process.pid}-${randomBytes(6).toString("hex")}`;
  try {
    closeSync(openSync(draft, "wx", 0o600));
    const database = new DatabaseSync(draft);
    try {
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
      ensureSchema(database, draft);
    } finally {
      database.close();
    }
    publishFile(draft, path);
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(draft + suffix, { force: true });
  }
}

/** Gives the draft its name unless another process was first; then that one's database stands. */
function publishFile(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") return;
    // Some file systems have no hard links.
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS") throw error;
    renameSync(draft, path);
  }
  // A directory is no file there, and its entries are kept without this.
  if (process.platform === "win32") return;
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function tightenFile(path: string): void {
  const file: Stats = statSync(path);
  if (!file.isFile()) {
    throw new SubstrateError("PATH_INVALID", `${path} is no regular file`);
  }
  if (file.size === 0) {
    throw new SubstrateError(
      "DATABASE_DAMAGED",
      `${path} is empty, and a database never is: it was truncated; restore it from a copy, or move it away to begin a new one`,
    );
  }
  const isOwn = process.getuid === undefined || process.getuid() === file.uid;
  if (isOwn && (file.mode & 0o077) !== 0) chmodSync(path, 0o600);
}

function configure(database: DatabaseSync, options: ConnectionOptions): void {
  database.exec(`
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
    PRAGMA recursive_triggers = ON;
    PRAGMA mmap_size = 0;
    PRAGMA synchronous = ${options.synchronous === "full" ? "FULL" : "NORMAL"};
    PRAGMA journal_size_limit = 67108864;
  `);
  const mode = pragma(database, "journal_mode = WAL");
  if (mode !== "wal") {
    throw new SubstrateError(
      "DATABASE_UNAVAILABLE",
      `the file system permits no WAL, only ${mode}`,
    );
  }
  if (options.maxBytes !== undefined) {
    const pageSize = Number(pragma(database, "page_size"));
    database.exec(
      `PRAGMA max_page_count = ${Math.max(1, Math.floor(options.maxBytes / pageSize))}`,
    );
  }
}

function pragma(database: DatabaseSync, text: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0];
}

/** Creates the schema in a database without it; refuses one that was changed or is newer. */
function ensureSchema(database: DatabaseSync, path: string): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    const version = Number(pragma(database, "user_version"));
    if (version > SCHEMA_VERSION) {
      throw new SubstrateError(
        "SCHEMA_NEWER",
        `${path} has schema version ${version}, and this release knows ${SCHEMA_VERSION}: use the release that wrote it, or a newer one`,
      );
    }
    const stored = database.prepare("SELECT type, sql FROM sqlite_schema WHERE name = ?");
    for (const expected of SCHEMA) {
      const found = stored.get(expected.name);
      if (found === undefined && version < SCHEMA_VERSION) {
        database.exec(expected.sql);
      } else if (found?.["type"] !== expected.type || found["sql"] !== expected.sql) {
        throw new SubstrateError(
          "SCHEMA_MISMATCH",
          `${path}: the ${expected.type} ${expected.name} is ${found === undefined ? "missing" : "not the one this release makes"}; another program made or changed it: move the file away, or set GAIAFTCL_DATA to another directory`,
        );
      }
    }
    if (version < SCHEMA_VERSION) database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/**
 * Finds a file that was cut off, before anything is written behind its end. While pages wait in the
 * write-ahead log the file may rightly be shorter; opening has just read that log, so an absent or
 * empty one means that all pages must be here.
 */
function ensureWhole(database: DatabaseSync, path: string): void {
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) return;
  const expected = Number(pragma(database, "page_count")) * Number(pragma(database, "page_size"));
  const found = statSync(path).size;
  if (found >= expected) return;
  throw new SubstrateError(
    "DATABASE_DAMAGED",
    `${path}: expected ${expected} bytes, found ${found}: the file was truncated; restore it from a copy, or move it away to begin a new one`,
  );
}
