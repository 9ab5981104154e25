import type { DatabaseSync } from "node:sqlite";
import type { RowValue } from "@gaiaftcl/sealed-row";
import { exactValues } from "./exact-text.js";
import type { ScanBatch, ScannedRow, ScanRequest } from "./scan-request.js";
import { filterTexts, OVERSIZE, wholeStatement } from "./scan-statement.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { BATCH_ROWS } from "./table-scan.js";
import type { TableShape } from "./table-shape.js";

/**
 * The rows of a table made by others that has neither `seq` nor rowid, in the order it stores
 * them. Without a key there is no row before, and nothing to go on from.
 */
export class WholeTableScan {
  readonly #shape: TableShape;
  readonly #rows: Iterator<RowValue[]>;

  constructor(
    database: DatabaseSync,
    shape: TableShape,
    request: ScanRequest,
    maxValueBytes: number,
  ) {
    if (request.after !== undefined || request.descending === true) {
      throw new SealedReaderError(
        "TABLE_UNSUPPORTED",
        `${shape.table} has no integer key, so there is no "after" and no reverse order in it; read it whole`,
      );
    }
    this.#shape = shape;
    this.#rows = wholeStatement(database, shape, request, maxValueBytes).iterate(
      ...filterTexts(request),
      request.limit ?? -1,
    ) as unknown as Iterator<RowValue[]>;
  }

  /** @throws SealedReaderError `VALUE_TOO_LARGE` */
  next(): ScanBatch {
    const rows: ScannedRow[] = [];
    while (rows.length < BATCH_ROWS) {
      const { done, value } = this.#rows.next();
      if (done === true) return { rows, done: true };
      if (value.some((part) => part instanceof Uint8Array && OVERSIZE.equals(part))) {
        throw new SealedReaderError(
          "VALUE_TOO_LARGE",
          `${this.#shape.table} has a row with a value larger than allowed; no cell writes such rows`,
        );
      }
      rows.push({ key: null, previous: null, cosignatures: null, values: exactValues(value) });
    }
    return { rows, done: false };
  }
}
