import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { SubstrateError, type SubstrateErrorCode } from "./substrate-error.js";

/** Primary result codes of SQLite: https://sqlite.org/rescode.html */
const SQLITE = {
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  CONSTRAINT: 19,
  NOTADB: 26,
} as const;

/** The extended code of a read past the end of a file that is too short. */
const SQLITE_IOERR_SHORT_READ = 522;

/** What an error of `node:sqlite` or `node:fs` means to the owner of the database. */
export function databaseFailure(path: string, doing: string, cause: unknown): SubstrateError {
  if (cause instanceof SubstrateError) return cause;
  const code = codeOf(path, cause);
  const said = wordsOf(cause);
  return new SubstrateError(code, `${doing} ${path}: ${EXPLANATION[code] ?? ""}${said}`, { cause });
}

/** Some of SQLite's messages say little; its number can be looked up. */
function wordsOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return "errcode" in cause ? `${cause.message} (SQLite code ${cause.errcode})` : cause.message;
}

const EXPLANATION: Partial<Record<SubstrateErrorCode, string>> = {
  DATABASE_DAMAGED:
    "the file is truncated, overwritten or no database; restore it from a copy, or move it away to begin a new one: ",
  DATABASE_FULL: "no space is left; nothing was written; free some space and try again: ",
  DATABASE_READ_ONLY: "writing is not permitted; check the owner and mode of file and directory: ",
  DATABASE_BUSY: "another process kept it locked; try again, or stop the other process: ",
};

function codeOf(path: string, cause: unknown): SubstrateErrorCode {
  if (!(cause instanceof Error)) return "DATABASE_UNAVAILABLE";
  if ("errcode" in cause && typeof cause.errcode === "number")
    return sqliteCode(path, cause.errcode);
  switch ("code" in cause ? cause.code : undefined) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "DATABASE_READ_ONLY";
    case "ENOSPC":
    case "EDQUOT":
      return "DATABASE_FULL";
    case "EEXIST":
    case "ENOTDIR":
    case "EISDIR":
    case "ELOOP":
    case "ENAMETOOLONG":
      return "PATH_INVALID";
    default:
      return "DATABASE_UNAVAILABLE";
  }
}

function sqliteCode(path: string, errcode: number): SubstrateErrorCode {
  if (errcode === SQLITE_IOERR_SHORT_READ) return "DATABASE_DAMAGED";
  switch (errcode & 0xff) {
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return "DATABASE_BUSY";
    case SQLITE.READONLY:
      return "DATABASE_READ_ONLY";
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return "DATABASE_DAMAGED";
    case SQLITE.FULL:
      return "DATABASE_FULL";
    case SQLITE.CONSTRAINT:
      return "ROW_REFUSED";
    case SQLITE.CANTOPEN:
      // SQLite says no more than "unable to open" when it may not create the files beside it.
      return isWritable(path) && isWritable(dirname(path))
        ? "DATABASE_UNAVAILABLE"
        : "DATABASE_READ_ONLY";
    default:
      return "DATABASE_UNAVAILABLE";
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
