import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { RowValue } from "@gaiaftcl/sealed-row";
import { CosignatureLookup } from "./cosignature-lookup.js";
import { exactValues, REPLACEMENT } from "./exact-text.js";
import { runtimeGuards } from "./runtime-guards.js";
import type { ScanBatch, ScannedRow, ScanRequest } from "./scan-request.js";
import {
  exactStatement,
  filterTexts,
  OVERSIZE,
  previousStatement,
  scanStatement,
  windowStatement,
} from "./scan-statement.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import type { TableShape } from "./table-shape.js";

export const MAX_KEY = 9223372036854775807n;
export const MIN_KEY = -9223372036854775808n;
export const BATCH_ROWS = 256;
const BATCH_BYTES = 1 << 20;
/** Rows looked at in one go for those that pass a filter. */
const WINDOW_ROWS = 5000;

/** A run of keys, both ends included. */
interface KeyRange {
  readonly lower: bigint;
  readonly upper: bigint;
}

/**
 * The rows of one request, batch by batch, within the caller's read transaction. Each batch is
 * bounded in rows, in bytes, and in the rows that a filter skips, so that no call takes long.
 */
export class TableScan {
  readonly #shape: TableShape;
  readonly #maxValueBytes: number;
  readonly #descending: boolean;
  readonly #filters: readonly string[];
  readonly #rows: StatementSync;
  readonly #exact: StatementSync;
  readonly #window: StatementSync | undefined;
  readonly #previous: StatementSync;
  readonly #cosignatures: CosignatureLookup | undefined;
  readonly #hashIndex: number;
  /** Where `seq` stands; -1 where the key stands after the columns. */
  readonly #seqIndex: number;
  readonly #hasFlag = !runtimeGuards().wholeText;
  /** What is still to be read; `undefined` at the end. */
  #range: KeyRange | undefined;
  #left: number;
  #lastHash: string | undefined;

  constructor(
    database: DatabaseSync,
    shape: TableShape,
    request: ScanRequest,
    maxValueBytes: number,
  ) {
    this.#shape = shape;
    this.#maxValueBytes = maxValueBytes;
    this.#descending = request.descending === true;
    this.#filters = filterTexts(request);
    this.#rows = scanStatement(database, shape, request, maxValueBytes);
    this.#exact = exactStatement(database, shape, maxValueBytes);
    this.#window =
      this.#filters.length === 0 ? undefined : windowStatement(database, shape, this.#descending);
    this.#previous = previousStatement(database, shape);
    this.#cosignatures =
      request.cosignatures === true ? CosignatureLookup.prepare(database) : undefined;
    this.#hashIndex = shape.columns.indexOf("witness_hash_sha256");
    this.#seqIndex = shape.key === "seq" ? shape.columns.indexOf("seq") : -1;
    this.#range = rangeAfter(request.after, request.upTo ?? MAX_KEY);
    this.#left = request.limit ?? Number.POSITIVE_INFINITY;
  }

  /** @throws SealedReaderError `CORRUPT`, `VALUE_TOO_LARGE` */
  next(): ScanBatch {
    const window = this.#nextWindow();
    if (window === undefined) return { rows: [], done: true };
    const rows: ScannedRow[] = [];
    const limit = Math.min(this.#left, BATCH_ROWS);
    let bytes = 0;
    for (const values of this.#rows.iterate(
      window.lower,
      window.upper,
      ...this.#filters,
      limit,
    ) as unknown as Iterable<RowValue[]>) {
      const key = this.#takeKey(values);
      bytes += this.#readValues(values, key);
      rows.push(this.#rowOf(values, key));
      if (bytes >= BATCH_BYTES) break;
    }
    this.#left -= rows.length;
    // A window that gave all it has is behind us, whatever its last row was.
    if (bytes < BATCH_BYTES && rows.length < limit) this.#pass(window);
    return { rows, done: this.#left <= 0 || this.#range === undefined };
  }

  /** The keys to look at next: all that are left where no filter skips any. */
  #nextWindow(): KeyRange | undefined {
    const range = this.#left > 0 ? this.#range : undefined;
    if (range === undefined || this.#window === undefined) return range;
    const found = this.#window.get(range.lower, range.upper, WINDOW_ROWS) as unknown as
      | readonly RowValue[]
      | undefined;
    const [bound, count] = found ?? [];
    // Fewer rows than asked for: the window reaches to the end.
    if (typeof bound !== "bigint" || count !== BigInt(WINDOW_ROWS)) return range;
    return this.#descending
      ? { lower: bound, upper: range.upper }
      : { lower: range.lower, upper: bound };
  }

  #pass({ lower, upper }: KeyRange): void {
    const range = this.#range;
    if (range === undefined) return;
    this.#range = this.#descending
      ? rangeBefore(lower, range.lower)
      : rangeAfter(upper, range.upper);
  }

  /**
   * Takes what stands after the columns, and sees that keys go on in order: pages that refer to one
   * another in circles would never end.
   */
  #takeKey(values: RowValue[]): bigint {
    const flagged = this.#hasFlag && values.pop() !== 0n;
    const key = this.#seqIndex >= 0 ? values[this.#seqIndex] : values.pop();
    const range = this.#range;
    if (range === undefined || typeof key !== "bigint" || key < range.lower || key > range.upper) {
      throw new SealedReaderError(
        "CORRUPT",
        `${this.#shape.table}: expected a key between ${range?.lower} and ${range?.upper}, found ${String(key)}; the file is damaged or was made to look so`,
      );
    }
    this.#range = this.#descending ? rangeBefore(key, range.lower) : rangeAfter(key, range.upper);
    if (flagged) this.#readExactly(values, key);
    return key;
  }

  /** Makes the values exact where they might not be, and returns their size. */
  #readValues(values: RowValue[], key: bigint): number {
    let bytes = 0;
    let inexact = false;
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      if (typeof value === "string") {
        bytes += value.length;
        if (value.includes(REPLACEMENT)) inexact = true;
      } else if (value instanceof Uint8Array) {
        bytes += value.byteLength;
        if (OVERSIZE.equals(value)) throw this.#tooLarge(index, key);
      }
    }
    if (inexact) this.#readExactly(values, key);
    return bytes;
  }

  #rowOf(values: readonly RowValue[], key: bigint): ScannedRow {
    const previous = this.#previousHash(key);
    const hash = values[this.#hashIndex];
    this.#lastHash = typeof hash === "string" ? hash : "";
    return { key, previous, cosignatures: this.#cosignatures?.of(hash) ?? null, values };
  }

  #readExactly(values: RowValue[], key: bigint): void {
    const found = this.#exact.get(key) as unknown as RowValue[] | undefined;
    if (found === undefined) {
      throw new SealedReaderError(
        "CORRUPT",
        `${this.#shape.table}: the row ${key} is found when walking the table and not when asked for; the file is damaged`,
      );
    }
    values.splice(0, values.length, ...exactValues(found));
  }

  #previousHash(key: bigint): string | null {
    if (this.#window === undefined && !this.#descending && this.#lastHash !== undefined) {
      return this.#lastHash;
    }
    const found = this.#previous.get(key) as unknown as readonly RowValue[] | undefined;
    if (found === undefined) return null;
    return typeof found[0] === "string" ? found[0] : "";
  }

  #tooLarge(index: number, key: bigint): SealedReaderError {
    return new SealedReaderError(
      "VALUE_TOO_LARGE",
      `${this.#shape.table}.${this.#shape.columns[index]} of row ${key} is larger than ${this.#maxValueBytes} bytes; no cell writes such rows. Read the rows after it with afterSeq`,
    );
  }
}

/** The bound to read from `key` on; `undefined` where there is none below it. */
export function keyBefore(key: bigint): bigint | undefined {
  return key > MIN_KEY ? key - 1n : undefined;
}

function rangeAfter(key: bigint | undefined, upper: bigint): KeyRange | undefined {
  if (key === undefined) return { lower: MIN_KEY, upper };
  return key < upper ? { lower: key + 1n, upper } : undefined;
}

function rangeBefore(key: bigint, lower: bigint): KeyRange | undefined {
  return key > lower ? { lower, upper: key - 1n } : undefined;
}
