import { chmodSync, lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import * as v from "valibot";
import { FranklinError, messageOf, systemCode } from "./franklin-error.js";

/** Which process holds a lock. */
export interface LockHolder {
  /** This and the rest is absent for an instant while a daemon takes the lock. */
  readonly pid: number | undefined;
  readonly startedAtIso: string | undefined;
  readonly socketPath: string | undefined;
}

const UNNAMED: LockHolder = { pid: undefined, startedAtIso: undefined, socketPath: undefined };

const SQLITE_BUSY = 5;
/**
 * Who asks for the holder has the lock for an instant, a daemon has it for good. The wait stops
 * this process, so it is no longer than that instant may take.
 */
const ACQUIRE_WAIT_MS = 250;
const ASK_WAIT_MS = 20;

const holderSchema = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  started_at_iso: v.string(),
  socket_path: v.string(),
});

/**
 * The lock that makes one daemon the only one of its home (cell format, section 6).
 *
 * Node has no `flock`, so the lock is SQLite's: an exclusive transaction on the lock file, which
 * stays empty, is a lock of the operating system and ends with the process however it ends, also
 * with kill -9. Who holds it is told by a file beside it (`<lock>.holder`), which is only looked at
 * while the lock is taken, so that what a dead daemon left there deceives nobody.
 *
 * The lock file must not be opened in this process by other means: closing it would end the lock.
 */
export class DaemonLock {
  readonly #database: DatabaseSync;
  readonly #holderPath: string;

  private constructor(database: DatabaseSync, holderPath: string) {
    this.#database = database;
    this.#holderPath = holderPath;
  }

  /**
   * Takes the lock or says who has it.
   *
   * @throws FranklinError `ALREADY_RUNNING`, `LOCK_UNUSABLE`
   */
  static acquire(lockPath: string, socketPath: string): DaemonLock {
    const database = lockDatabase(lockPath, ACQUIRE_WAIT_MS);
    if (database === undefined) throw alreadyRunning(lockPath);
    const lock = new DaemonLock(database, holderPathOf(lockPath));
    try {
      chmodSync(lockPath, 0o600);
      lock.#writeHolder(socketPath);
    } catch (cause) {
      lock.release();
      throw unusable(lockPath, cause);
    }
    return lock;
  }

  /** Gives the lock back; the lock file stays, since removing it would let two daemons in. */
  release(): void {
    if (!this.#database.isOpen) return;
    try {
      rmSync(this.#holderPath, { force: true });
    } catch {
      // Nobody looks at it without the lock being taken.
    }
    this.#database.close();
  }

  #writeHolder(socketPath: string): void {
    const temporary = `${this.#holderPath}.new`;
    const startedAt = new Date(Date.now() - process.uptime() * 1000);
    const holder = {
      pid: process.pid,
      started_at_iso: startedAt.toISOString(),
      socket_path: socketPath,
    };
    rmSync(temporary, { force: true });
    writeFileSync(temporary, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: "wx" });
    renameSync(temporary, this.#holderPath);
  }
}

/**
 * Which daemon holds the lock of a home, or `undefined` where none runs.
 *
 * @throws FranklinError `LOCK_UNUSABLE`
 */
export function lockHolder(lockPath: string): LockHolder | undefined {
  if (!isLockFile(lockPath)) return undefined;
  const database = lockDatabase(lockPath, ASK_WAIT_MS);
  if (database === undefined) {
    return readHolder(lockPath) ?? UNNAMED;
  }
  database.close();
  return undefined;
}

/** An open database that holds the lock, or `undefined` where another one does. */
function lockDatabase(lockPath: string, waitMs: number): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    isLockFile(lockPath);
    database = new DatabaseSync(lockPath);
    database.exec(`PRAGMA busy_timeout = ${waitMs}; PRAGMA journal_mode = MEMORY`);
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (cause) {
    if (database?.isOpen === true) database.close();
    if (isBusy(cause)) return undefined;
    throw cause instanceof FranklinError ? cause : unusable(lockPath, cause);
  }
}

function isBusy(cause: unknown): boolean {
  return cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY;
}

/** Whether there is a lock file; anything else at its place, a symlink included, is an error. */
function isLockFile(lockPath: string): boolean {
  try {
    if (lstatSync(lockPath).isFile()) return true;
  } catch (cause) {
    if (systemCode(cause) === "ENOENT") return false;
    throw unusable(lockPath, cause);
  }
  throw new FranklinError("LOCK_UNUSABLE", `${lockPath} is no regular file; move it away`);
}

function readHolder(lockPath: string): LockHolder | undefined {
  try {
    const found = v.safeParse(
      holderSchema,
      JSON.parse(readFileSync(holderPathOf(lockPath), "utf8")),
    );
    if (!found.success) return undefined;
    const { pid, started_at_iso: startedAtIso, socket_path: socketPath } = found.output;
    return { pid, startedAtIso, socketPath };
  } catch {
    return undefined;
  }
}

function holderPathOf(lockPath: string): string {
  return `${lockPath}.holder`;
}

function alreadyRunning(lockPath: string): FranklinError {
  const holder = readHolder(lockPath);
  const who =
    holder === undefined
      ? "another daemon"
      : `process ${holder.pid}, started ${holder.startedAtIso},`;
  return new FranklinError(
    "ALREADY_RUNNING",
    `${who} runs this cell already (lock ${lockPath}); stop it with: gaiaftcl cell stop`,
  );
}

function unusable(lockPath: string, cause: unknown): FranklinError {
  return new FranklinError(
    "LOCK_UNUSABLE",
    `the lock ${lockPath} cannot be taken: ${messageOf(cause)}; check that its directory can be written and has room`,
    { cause },
  );
}
