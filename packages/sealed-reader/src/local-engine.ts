import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { CosignatureLookup } from "./cosignature-lookup.js";
import { explainFailure, isBusy, isCorrupt } from "./explain-failure.js";
import { type ConnectionOptions, openGuarded, prepareExact } from "./guarded-connection.js";
import { pause } from "./pause.js";
import { ensureFilterable } from "./read-options.js";
import type { Engine, KeyCount, Scan, ScanBatch, ScanRequest, TableTail } from "./scan-request.js";
import { fromTable, keyExpression } from "./scan-statement.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { TableScan } from "./table-scan.js";
import { listShapes, proveTable, readShape, type TableShape } from "./table-shape.js";
import { WholeTableScan } from "./whole-table-scan.js";

export interface LocalEngineOptions extends ConnectionOptions {
  /** How long to wait for another process's lock, in milliseconds. */
  readonly busyTimeoutMs: number;
}

const IDLE_CONNECTIONS = 4;
const COUNT_ROWS = 20_000;
const MAX_PROBLEMS = 100;

/**
 * Reads in this process. Every statement runs in a read transaction in which its table was proved
 * to be one; waiting for a lock does not block the event loop.
 */
export class LocalEngine implements Engine {
  readonly #path: string;
  readonly #options: LocalEngineOptions;
  readonly #idle: DatabaseSync[] = [];
  readonly #scans = new Set<LocalScan>();
  #closed = false;

  constructor(path: string, options: LocalEngineOptions) {
    this.#path = path;
    this.#options = options;
  }

  shapes(signal?: AbortSignal): Promise<readonly TableShape[]> {
    return this.#read(listShapes, signal);
  }

  tail(table: string, signal?: AbortSignal): Promise<TableTail> {
    return this.#read((database) => {
      const shape = readShape(database, table);
      if (shape.key === "none") return { shape, lastKey: undefined, sequence: undefined };
      const row = prepareExact(
        database,
        `SELECT max(${keyExpression(shape)}) ${fromTable(shape)}`,
      ).get() as unknown as readonly unknown[] | undefined;
      const lastKey = row?.[0];
      return {
        shape,
        lastKey: typeof lastKey === "bigint" ? lastKey : undefined,
        sequence: sequenceOf(database, table),
      };
    }, signal);
  }

  count(
    table: string,
    after: bigint | undefined,
    upTo: bigint,
    signal?: AbortSignal,
  ): Promise<KeyCount> {
    return this.#read((database) => {
      const shape = readShape(database, table);
      const key = keyExpression(shape);
      const above = after === undefined ? "" : `${key} > ? AND `;
      const row = prepareExact(
        database,
        `SELECT count(k), max(k) FROM (SELECT ${key} AS k ${fromTable(shape)} WHERE ${above}${key} <= ? ORDER BY ${key} LIMIT ${COUNT_ROWS})`,
      ).get(...(after === undefined ? [upTo] : [after, upTo])) as unknown as
        | readonly unknown[]
        | undefined;
      const [count, lastKey] = row ?? [];
      return {
        count: typeof count === "bigint" ? count : 0n,
        lastKey: typeof lastKey === "bigint" ? lastKey : undefined,
      };
    }, signal);
  }

  async scan(request: ScanRequest, signal?: AbortSignal): Promise<Scan> {
    const scan = await this.#attempt((database) => {
      database.exec("BEGIN");
      const shape = readShape(database, request.table);
      ensureFilterable(shape, request);
      const rows =
        shape.key === "none"
          ? new WholeTableScan(database, shape, request, this.#options.maxValueBytes)
          : new TableScan(database, shape, request, this.#options.maxValueBytes);
      // Its statements may be half way when it ends, so the connection goes with it.
      return new LocalScan(this.#path, shape, rows, () => {
        this.#scans.delete(scan);
        closeQuietly(database);
      });
    }, signal);
    this.#scans.add(scan);
    return scan;
  }

  cosignatures(witnessHash: string, signal?: AbortSignal): Promise<string | null> {
    return this.#read(
      (database) => CosignatureLookup.prepare(database)?.of(witnessHash) ?? null,
      signal,
    );
  }

  quickCheck(signal?: AbortSignal): Promise<readonly string[]> {
    return this.#attempt((database) => {
      try {
        const rows = prepareExact(database, `PRAGMA quick_check(${MAX_PROBLEMS})`).all();
        const lines = (rows as unknown as readonly (readonly unknown[])[]).map(([line]) =>
          String(line).slice(0, 500),
        );
        return lines.length === 1 && lines[0] === "ok" ? [] : lines;
      } catch (cause) {
        // Too damaged for the check itself is what it was asked to find out.
        if (isCorrupt(cause)) return [cause instanceof Error ? cause.message : String(cause)];
        throw cause;
      } finally {
        database.close();
      }
    }, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const scan of [...this.#scans]) await scan.close();
    for (const database of this.#idle.splice(0)) database.close();
  }

  /** One read transaction. */
  #read<T>(use: (database: DatabaseSync) => T, signal: AbortSignal | undefined): Promise<T> {
    return this.#attempt((database) => {
      database.exec("BEGIN");
      const result = use(database);
      database.exec("COMMIT");
      this.#release(database);
      return result;
    }, signal);
  }

  /** Tries again for as long as another process holds a lock. A connection that failed is closed. */
  async #attempt<T>(
    use: (database: DatabaseSync) => T,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const giveUpAt = performance.now() + this.#options.busyTimeoutMs;
    for (let wait = 2; ; wait = Math.min(wait * 2, 100)) {
      signal?.throwIfAborted();
      if (this.#closed) throw closedError(this.#path);
      let database: DatabaseSync | undefined;
      try {
        database = this.#idle.pop() ?? openGuarded(this.#path, this.#options);
        return use(database);
      } catch (cause) {
        closeQuietly(database);
        if (!isBusy(cause) || performance.now() >= giveUpAt)
          throw explainFailure(this.#path, cause);
      }
      await pause(wait, signal);
    }
  }

  #release(database: DatabaseSync): void {
    if (!this.#closed && this.#idle.length < IDLE_CONNECTIONS) this.#idle.push(database);
    else closeQuietly(database);
  }
}

class LocalScan implements Scan {
  readonly shape: TableShape;
  readonly #path: string;
  readonly #rows: { next(): ScanBatch };
  readonly #release: () => void;
  #open = true;

  constructor(path: string, shape: TableShape, rows: { next(): ScanBatch }, release: () => void) {
    this.#path = path;
    this.shape = shape;
    this.#rows = rows;
    this.#release = release;
  }

  async next(signal?: AbortSignal): Promise<ScanBatch> {
    // Other work of the process gets its turn between batches.
    await nextTurn();
    signal?.throwIfAborted();
    if (!this.#open) throw closedError(this.#path);
    try {
      return this.#rows.next();
    } catch (cause) {
      this.#end();
      throw explainFailure(this.#path, cause);
    }
  }

  async close(): Promise<void> {
    this.#end();
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#release();
  }
}

function sequenceOf(database: DatabaseSync, table: string): bigint | undefined {
  if (!proveTable(database, "sqlite_sequence")) return undefined;
  const row = prepareExact(
    database,
    "SELECT seq FROM main.sqlite_sequence WHERE name = ? COLLATE BINARY LIMIT 1",
  ).get(table) as unknown as readonly unknown[] | undefined;
  const sequence = row?.[0];
  return typeof sequence === "bigint" ? sequence : undefined;
}

export function closedError(path: string): SealedReaderError {
  return new SealedReaderError("CLOSED", `${path}: the reader is closed; open it again`);
}

function closeQuietly(database: DatabaseSync | undefined): void {
  try {
    database?.close();
  } catch {
    // It was closed before.
  }
}
