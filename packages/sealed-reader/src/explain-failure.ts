import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import { SealedReaderError, type SealedReaderErrorCode } from "./sealed-reader-error.js";

/** What lies beside a database, as far as it decides what went wrong. */
export interface Surroundings {
  /** Bytes of the `-wal` file, `undefined` where there is none. */
  readonly walBytes: number | undefined;
  readonly hasSharedMemory: boolean;
  /** Bytes of the `-journal` file of an interrupted writer, `undefined` where there is none. */
  readonly journalBytes: number | undefined;
  readonly directoryWritable: boolean;
}

function surroundingsOf(path: string): Surroundings {
  return {
    walBytes: sizeOf(`${path}-wal`),
    hasSharedMemory: sizeOf(`${path}-shm`) !== undefined,
    journalBytes: sizeOf(`${path}-journal`),
    directoryWritable: isWritable(dirname(path)),
  };
}

/** SQLite's primary result codes, the low byte of an extended one. */
const BUSY = 5;
const LOCKED = 6;
const NO_MEMORY = 7;
const READ_ONLY = 8;
const IO_ERROR = 10;
const CORRUPT = 11;
const CANNOT_OPEN = 14;
const PROTOCOL = 15;
const TOO_BIG = 18;
const NOT_AUTHORIZED = 23;
const NOT_A_DATABASE = 26;
const SHORT_READ = 522;

/** The SQLite result code of an exception that `node:sqlite` threw, or `undefined`. */
function sqliteCode(cause: unknown): number | undefined {
  if (!(cause instanceof Error) || !("code" in cause) || !("errcode" in cause)) return undefined;
  if (cause.code !== "ERR_SQLITE_ERROR" || typeof cause.errcode !== "number") return undefined;
  return cause.errcode;
}

/** True while another connection holds a lock that it will give up. */
export function isBusy(cause: unknown): boolean {
  const code = sqliteCode(cause);
  return code !== undefined && [BUSY, LOCKED, PROTOCOL].includes(code & 0xff);
}

export function isCorrupt(cause: unknown): boolean {
  const code = sqliteCode(cause);
  return code !== undefined && (code & 0xff) === CORRUPT;
}

/**
 * Turns a failure of SQLite into one that says what is wrong with the file and what is safe to do
 * about it. Anything else passes through as it is.
 */
export function explainFailure(
  path: string,
  cause: unknown,
  surroundings: Surroundings = surroundingsOf(path),
): unknown {
  if (cause instanceof SealedReaderError && !cause.message.startsWith(path)) {
    return new SealedReaderError(cause.code, `${path}: ${cause.message}`, { cause });
  }
  const extended = sqliteCode(cause);
  if (extended === undefined || !(cause instanceof Error)) return cause;
  const [code, explanation] = explanationOf(extended, surroundings);
  return new SealedReaderError(
    code,
    `${path}: ${explanation} (SQLite says "${cause.message.slice(0, 200)}", code ${extended})`,
    { cause },
  );
}

function explanationOf(
  extended: number,
  around: Surroundings,
): readonly [SealedReaderErrorCode, string] {
  switch (extended & 0xff) {
    case BUSY:
    case LOCKED:
    case PROTOCOL:
      return [
        "BUSY",
        "another process holds the database for itself; wait until its work is done, and look for a writer in exclusive mode or a backup that hangs",
      ];
    case NO_MEMORY:
      return ["IO", "there was not enough memory to read it"];
    case READ_ONLY:
      return [
        "WAL_UNREADABLE",
        "its write-ahead log was left by a writer that died, and must be recovered by an account that may write here; start the cell once, or copy the file together with its -wal file to a directory of your own and open the copy",
      ];
    case CANNOT_OPEN:
      return cannotOpen(around);
    case IO_ERROR:
      return extended === SHORT_READ
        ? ["CORRUPT", "the file ends too early: it was cut off; restore it from a copy"]
        : [
            "IO",
            "the disk could not be read; check the device, then copy the file and open the copy",
          ];
    case CORRUPT:
      return [
        "CORRUPT",
        "the file is damaged or cut off; what was read before may be kept, for the rest restore a copy and compare it with a checkpoint",
      ];
    case TOO_BIG:
      return [
        "VALUE_TOO_LARGE",
        "a value or a row is larger than this reader allows; no cell writes such rows. Raise maxValueBytes only if you know where it comes from",
      ];
    case NOT_AUTHORIZED:
      return ["SCHEMA_REFUSED", "reading it would have run something other than reading"];
    case NOT_A_DATABASE:
      return [
        "NOT_A_DATABASE",
        "expected an SQLite database, found something else; it may be encrypted, or not the file you meant",
      ];
    default:
      return ["IO", "SQLite could not read it"];
  }
}

function cannotOpen(around: Surroundings): readonly [SealedReaderErrorCode, string] {
  if (around.directoryWritable) {
    return ["PERMISSION", "SQLite may not open it, or one of the -wal and -shm files beside it"];
  }
  if ((around.walBytes ?? 0) > 0) {
    return [
      "WAL_UNREADABLE",
      "its newest rows are in the -wal file, and reading those needs a -shm file that this account may not create here; copy the file together with its -wal file to a directory of your own and open the copy",
    ];
  }
  return [
    "WAL_UNREADABLE",
    "a resting database in WAL mode needs a -shm file beside it, and this account may not create one here; copy it to a directory of your own, or, if nobody writes to it, open it with immutable: true",
  ];
}

/**
 * An immutable database is read without locks and without its log, so both must be out of play.
 *
 * @throws SealedReaderError `IMMUTABLE_UNSAFE`
 */
export function ensureImmutableSafe(
  path: string,
  around: Surroundings = surroundingsOf(path),
): void {
  const beside =
    (around.walBytes ?? 0) > 0 ? "-wal" : (around.journalBytes ?? 0) > 0 ? "-journal" : undefined;
  if (beside === undefined) return;
  throw new SealedReaderError(
    "IMMUTABLE_UNSAFE",
    `${path}: a ${beside} file lies beside it, and immutable: true would read past it and show old or torn rows; open it without immutable, or copy both files to a directory of your own and open the copy`,
  );
}

function sizeOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.size;
  } catch {
    return undefined;
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
