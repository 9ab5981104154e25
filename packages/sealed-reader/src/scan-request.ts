import type { RowValue } from "@gaiaftcl/sealed-row";
import type { TableShape } from "./table-shape.js";

/** Which rows of one table to read, in the order of its key. */
export interface ScanRequest {
  readonly table: string;
  /** Only keys above this. */
  readonly after?: bigint | undefined;
  /** Only keys up to this. */
  readonly upTo?: bigint | undefined;
  /** Times in the form of `sealed_at_iso`, both inclusive. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** Columns that must hold exactly this text. */
  readonly equal?: readonly ColumnText[] | undefined;
  readonly descending?: boolean | undefined;
  readonly limit?: number | undefined;
  /** Deliver with each row the signatures kept for its witness hash. */
  readonly cosignatures?: boolean | undefined;
}

export interface ColumnText {
  readonly column: string;
  readonly text: string;
}

/** One row as it comes out of the database. */
export interface ScannedRow {
  /** `seq` or rowid; null where the table has neither. */
  readonly key: bigint | null;
  /** The witness hash of the row before: null for the first, empty text for one that is no hash. */
  readonly previous: string | null;
  /** The signatures kept for its witness hash, as JSON text, or null. */
  readonly cosignatures: string | null;
  /** In the order of the shape's columns. Text that is not UTF-8 comes as its bytes. */
  readonly values: readonly RowValue[];
}

export interface ScanBatch {
  readonly rows: readonly ScannedRow[];
  /** True when nothing follows; a batch without rows need not be the last. */
  readonly done: boolean;
}

/** The end of a table. */
export interface TableTail {
  readonly shape: TableShape;
  /** The largest key, `undefined` for an empty table. */
  readonly lastKey: bigint | undefined;
  /** The largest key ever given out, from `sqlite_sequence`, where the table has such a record. */
  readonly sequence: bigint | undefined;
}

/** Rows from `after` on, counted. */
export interface KeyCount {
  readonly count: bigint;
  /** The last key that was counted; `undefined` when there was none. */
  readonly lastKey: bigint | undefined;
}

/** An open snapshot of one table. */
export interface Scan {
  readonly shape: TableShape;
  next(signal?: AbortSignal): Promise<ScanBatch>;
  /** Ends the read transaction; more than once does nothing. */
  close(): Promise<void>;
}

/** Where rows come from: this process, or one that can be killed. */
export interface Engine {
  shapes(signal?: AbortSignal): Promise<readonly TableShape[]>;
  scan(request: ScanRequest, signal?: AbortSignal): Promise<Scan>;
  tail(table: string, signal?: AbortSignal): Promise<TableTail>;
  /** Counts at most some thousand rows above `after`; go on from `lastKey`. */
  count(
    table: string,
    after: bigint | undefined,
    upTo: bigint,
    signal?: AbortSignal,
  ): Promise<KeyCount>;
  /** The signatures kept for a witness hash, as JSON text, or null. */
  cosignatures(witnessHash: string, signal?: AbortSignal): Promise<string | null>;
  /** The problems that SQLite's own check finds, none for a sound file. */
  quickCheck(signal?: AbortSignal): Promise<readonly string[]>;
  close(): Promise<void>;
}
