import { lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ioError, RedexError } from "./redex-error.js";

const SQLITE_BUSY = 5;
/** Upper case, so that it is no channel's name. */
const LOCK = "REDEX.lock";

/**
 * What makes one writer the only one of a directory. Node has no `flock`, so the lock is SQLite's:
 * an exclusive transaction on an empty file, which is a lock of the operating system and ends with
 * the process however it ends. It holds between threads of one process too. 0.19.0 knows no lock
 * and is not kept out by this one.
 */
export class DirectoryLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Takes the lock of a directory, which is made where it is missing.
   *
   * @throws RedexError `LOCKED` with who has it; `IO`
   */
  static acquire(directory: string): DirectoryLock {
    const path = join(directory, LOCK);
    let database: DatabaseSync | undefined;
    try {
      mkdirSync(directory, { recursive: true });
      if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) {
        throw new Error(`${path} is no regular file; move it away`);
      }
      database = new DatabaseSync(path);
      database.exec("PRAGMA busy_timeout = 50; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      writeFileSync(`${path}.holder`, `${process.pid}\n`, { mode: 0o600 });
      return new DirectoryLock(database);
    } catch (cause) {
      if (database?.isOpen === true) database.close();
      if (cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY) {
        throw new RedexError(
          "LOCKED",
          "open",
          `${directory} has a writer already (${holder(path)}); a second one would overwrite its events; close it, or read it with LogReader.open`,
          { cause },
        );
      }
      throw ioError("open", `the lock ${path} cannot be taken`, cause);
    }
  }

  /** Gives the lock back. The file stays: removing it would let two writers in. */
  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

function holder(path: string): string {
  try {
    const pid = Number(readFileSync(`${path}.holder`, "utf8"));
    return Number.isSafeInteger(pid) && pid > 0 ? `process ${pid}` : "another process";
  } catch {
    return "another process";
  }
}
