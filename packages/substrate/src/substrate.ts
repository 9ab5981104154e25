import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  ensureSealedTable,
  GENESIS_HASH,
  isTimestamp,
  type RowRecord,
  SEALED_TABLES,
  SealedRowError,
  sealRow,
} from "@gaiaftcl/sealed-row";
import { type Cosignature, ensureIdentityText, isSha256Hex, WitnessError } from "@gaiaftcl/witness";
import { BroadcastCursor } from "./broadcast-cursor.js";
import { CosignatureTable } from "./cosignature-table.js";
import { databaseFailure } from "./database-failure.js";
import { openDatabase } from "./database-file.js";
import { ensureNumber, LONGEST_TIMEOUT_MS } from "./option.js";
import { SubstrateError } from "./substrate-error.js";
import { type ChainHead, TableWriter } from "./table-writer.js";

export interface SubstrateOptions {
  readonly cellId: string;
  readonly domainId: string;
  /** The time that rows are sealed at; the system's clock unless given. */
  readonly clock?: (() => Date) | undefined;
  /**
   * `full` (the default) keeps every row that was returned through a power failure; `normal` only
   * through the end of the process, and is faster.
   */
  readonly synchronous?: "full" | "normal" | undefined;
  /** How long to wait for other processes, which blocks this thread; 5,000 unless given. */
  readonly busyTimeoutMs?: number | undefined;
  /** The size from which the database refuses to grow; unbounded unless given. */
  readonly maxBytes?: number | undefined;
}

/** The values of two facets of a row (cell format, section 2). */
export interface SealExtras {
  readonly leanArtifactPath?: string | undefined;
  readonly tauBlock?: bigint | number | undefined;
}

/** One row to be sealed. */
export interface SealEntry {
  readonly table: string;
  /** The table's own columns; nullable ones may be absent. */
  readonly columns: RowRecord;
  readonly extra?: SealExtras | undefined;
}

/** What became of one entry of `sealEach`. */
export type SealResult =
  | { readonly row: RowRecord; readonly error?: undefined }
  | { readonly row?: undefined; readonly error: SubstrateError };

/**
 * Opens the substrate database for sealing, creating it where there is none (cell format, section
 * 5): file 0600, missing directories 0700. Several processes may have it open and seal at once.
 *
 * @param path absolute
 * @throws SubstrateError where there is no usable database; the code says why
 */
export function openSubstrate(path: string, options: SubstrateOptions): Substrate {
  return new Substrate(path, options);
}

/** The open database: seals rows, each in one transaction with the link to the row before it. */
export class Substrate implements Disposable {
  readonly path: string;
  readonly cellId: string;
  readonly domainId: string;
  readonly #clock: () => Date;
  readonly #database: DatabaseSync;
  readonly #writers: ReadonlyMap<string, TableWriter>;
  readonly #cosignatures: CosignatureTable;
  readonly #cursor: BroadcastCursor;
  readonly #selects: Map<string, StatementSync> = new Map();
  readonly #listeners: Set<() => void> = new Set();

  constructor(path: string, options: SubstrateOptions) {
    const { busyTimeoutMs = 5000, synchronous = "full", maxBytes } = options;
    ensureNumber("busyTimeoutMs", busyTimeoutMs, 0, LONGEST_TIMEOUT_MS);
    if (maxBytes !== undefined) ensureNumber("maxBytes", maxBytes, 1);
    if (synchronous !== "full" && synchronous !== "normal") {
      throw new SubstrateError("OPTION_INVALID", 'synchronous: expected "full" or "normal"');
    }
    this.cellId = identity("cellId", options.cellId);
    this.domainId = identity("domainId", options.domainId);
    this.path = path;
    this.#clock = options.clock ?? ((): Date => new Date());
    this.#database = openDatabase(path, { synchronous, busyTimeoutMs, maxBytes });
    try {
      this.#writers = new Map(
        SEALED_TABLES.map((table) => [table.name, new TableWriter(this.#database, table)]),
      );
      this.#cosignatures = new CosignatureTable(this.#database);
      this.#cursor = new BroadcastCursor(this.#database);
      // Reads the end of every table, so that damage there shows now and not at the first row.
      for (const writer of this.#writers.values()) writer.head();
    } catch (cause) {
      this.#database.close();
      throw databaseFailure(path, "cannot open", cause);
    }
  }

  /**
   * Seals one row in a transaction of its own. When this returns, the row is on the disk.
   *
   * `sealed_at_iso` is never earlier than that of the row before, whatever the clock says.
   *
   * @returns the whole row, `seq` included
   * @throws SubstrateError; the table is as it was then
   */
  seal(table: string, columns: RowRecord, extra?: SealExtras): RowRecord {
    const [row] = this.sealAll([{ table, columns, extra }]);
    return row as RowRecord;
  }

  /**
   * Seals all entries in one transaction, in order.
   *
   * @throws SubstrateError where any of them cannot be sealed; none is sealed then
   */
  sealAll(entries: readonly SealEntry[]): readonly RowRecord[] {
    return this.sealWith(() => entries);
  }

  /**
   * Seals what `compose` returns, which may read the database: no other process can add to it
   * between that reading and the new rows.
   *
   * @throws SubstrateError, and what `compose` throws; nothing is sealed then
   */
  sealWith(compose: () => readonly SealEntry[]): readonly RowRecord[] {
    const rows = this.#transaction(() => {
      const heads = new Map<string, ChainHead>();
      return compose().map((entry) => this.#sealEntry(entry, heads));
    });
    if (rows.length > 0) this.#announce();
    return rows;
  }

  /**
   * Seals in one transaction those entries that can be sealed; the others get an error each and
   * leave no trace.
   *
   * @throws SubstrateError where the transaction as a whole fails; none is sealed then
   */
  sealEach(entries: readonly SealEntry[]): readonly SealResult[] {
    const results = this.#transaction(() => {
      const heads = new Map<string, ChainHead>();
      return entries.map((entry): SealResult => {
        try {
          return { row: this.#sealEntry(entry, heads) };
        } catch (cause) {
          const error = databaseFailure(this.path, "cannot seal in", cause);
          if (OF_ONE_ROW.has(error.code)) return { error };
          throw error;
        }
      });
    });
    if (results.some((result) => result.row !== undefined)) this.#announce();
    return results;
  }

  /**
   * Rows of a table with a `seq` larger than this one, in order; integers as `bigint`.
   *
   * @param maxRows how many to read at most
   * @param maxCharacters the text after which no further row is read; unbounded unless given
   */
  rowsAfter(
    table: string,
    seq: number,
    maxRows: number,
    maxCharacters: number = Number.POSITIVE_INFINITY,
  ): readonly RowRecord[] {
    const limits = { rows: maxRows, characters: maxCharacters };
    return this.#attempt("cannot read", () => this.#writer(table).after(seq, limits));
  }

  /** The largest `seq` of a table; 0 where it has no rows. */
  lastSeq(table: string): number {
    return this.#attempt("cannot read", () => this.#writer(table).lastSeq());
  }

  /**
   * Keeps a signature beside the row it belongs to (cell format, section 2); that it is valid is for
   * `verifyRow` to say, with the keys. Adding one again changes nothing.
   *
   * @throws SubstrateError `COSIGNATURE_INVALID` where no row has this witness hash, or the form is wrong
   */
  addCosignature(witnessHash: string, cosignature: Cosignature): void {
    this.#transaction(() => this.#cosignatures.add(witnessHash, cosignature));
  }

  /** The signatures kept beside the row with this witness hash. */
  cosignaturesOf(witnessHash: string): readonly Cosignature[] {
    return this.#attempt("cannot read", () => this.#cosignatures.of(witnessHash));
  }

  /** Up to which `seq` the rows of a table have been broadcast; 0 where none has. */
  broadcastCursor(table: string): number {
    return this.#attempt("cannot read", () => this.#cursor.of(this.#writer(table).table.name));
  }

  /** Records that the rows of a table up to `seq` have been broadcast; never goes back. */
  advanceBroadcastCursor(table: string, seq: number): void {
    this.#transaction(() => this.#cursor.advance(this.#writer(table).table.name, seq));
  }

  /**
   * The rows of a SELECT; integers as `bigint`.
   *
   * @throws SubstrateError `OPTION_INVALID` where `sql` begins with anything else
   */
  select(sql: string, ...values: readonly (string | number | bigint | null)[]): RowRecord[] {
    if (!/^SELECT\s/.test(sql)) {
      throw new SubstrateError("OPTION_INVALID", `expected a SELECT, found ${sql.slice(0, 40)}`);
    }
    return this.#attempt("cannot read", () => {
      let statement = this.#selects.get(sql);
      if (statement === undefined) {
        statement = this.#database.prepare(sql);
        statement.setReadBigInts(true);
        this.#selects.set(sql, statement);
      }
      return statement.all(...values) as unknown as RowRecord[];
    });
  }

  /** Calls `listener` after each transaction of this object that added rows. It must not throw. */
  onSealed(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * SQLite's own check of the whole file; takes time in proportion to its size.
   *
   * @returns what is wrong, one line each; empty where nothing is
   */
  checkIntegrity(): readonly string[] {
    return this.#attempt("cannot check", () => {
      const lines = this.#database.prepare("PRAGMA integrity_check(100)").all();
      return lines.map((line) => String(Object.values(line)[0])).filter((line) => line !== "ok");
    });
  }

  close(): void {
    this.#listeners.clear();
    if (this.#database.isOpen) this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #sealEntry(entry: SealEntry, heads: Map<string, ChainHead>): RowRecord {
    const writer = this.#writer(entry.table);
    const head = heads.get(entry.table) ?? writer.head();
    const row = writer.insert(this.#sealAfter(head, entry));
    heads.set(entry.table, {
      witnessHash: row["witness_hash_sha256"] as string,
      sealedAtIso: row["sealed_at_iso"] as string,
    });
    return row;
  }

  #sealAfter(head: ChainHead | undefined, entry: SealEntry): RowRecord {
    if (head !== undefined && !(isSha256Hex(head.witnessHash) && isTimestamp(head.sealedAtIso))) {
      throw new SubstrateError(
        "DATABASE_DAMAGED",
        `the last row of ${entry.table} in ${this.path} was not sealed by this format: no row can follow it`,
      );
    }
    const now = this.#clock().toISOString();
    const sealedAtIso = head !== undefined && head.sealedAtIso > now ? head.sealedAtIso : now;
    try {
      return sealRow(entry.table, {
        ...entry.extra,
        columns: entry.columns,
        cellId: this.cellId,
        domainId: this.domainId,
        sealedAtIso,
        broadcastAtIso: sealedAtIso,
        previous: head?.witnessHash ?? GENESIS_HASH,
      });
    } catch (cause) {
      if (!(cause instanceof SealedRowError)) throw cause;
      throw new SubstrateError("ROW_INVALID", cause.message, { cause });
    }
  }

  #writer(table: string): TableWriter {
    const writer = this.#writers.get(table);
    if (writer !== undefined) return writer;
    try {
      ensureSealedTable(table);
    } catch (cause) {
      throw new SubstrateError("ROW_INVALID", (cause as Error).message, { cause });
    }
    throw new SubstrateError("ROW_INVALID", `${table} is not part of this schema`);
  }

  /**
   * IMMEDIATE, so that the head that is read is still the head when the row is added. When SQLite
   * fails, it may have rolled back by itself.
   */
  #transaction<Result>(run: () => Result): Result {
    return this.#attempt("cannot seal in", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const result = run();
        this.#database.exec("COMMIT");
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  #attempt<Result>(doing: string, run: () => Result): Result {
    if (!this.#database.isOpen) {
      throw new SubstrateError("CLOSED", `${this.path} was closed; open it again`);
    }
    try {
      return run();
    } catch (cause) {
      if (isSqlite(cause)) throw databaseFailure(this.path, doing, cause);
      throw cause;
    }
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }
}

const OF_ONE_ROW: ReadonlySet<string> = new Set(["ROW_INVALID", "ROW_EXISTS", "ROW_REFUSED"]);

function isSqlite(error: unknown): boolean {
  return error instanceof Error && "errcode" in error;
}

function identity(name: string, value: string): string {
  try {
    return ensureIdentityText(name, value);
  } catch (cause) {
    if (!(cause instanceof WitnessError)) throw cause;
    throw new SubstrateError("OPTION_INVALID", cause.message, { cause });
  }
}
