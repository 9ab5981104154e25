import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  type RowRecord,
  type RowValue,
  SEAL_COLUMNS,
  type SealedTable,
} from "@gaiaftcl/sealed-row";
import { SubstrateError } from "./substrate-error.js";

/** The end of a chain: what the next row is linked to. */
export interface ChainHead {
  readonly witnessHash: string;
  readonly sealedAtIso: string;
}

/** How much to read at once. */
export interface ReadLimits {
  readonly rows: number;
  /** Text of the own columns, which is what can be large. */
  readonly characters: number;
}

/** The statements that add to one sealed table and read it in order. */
export class TableWriter {
  readonly table: SealedTable;
  readonly #columns: readonly string[];
  readonly #textColumns: readonly string[];
  readonly #head: StatementSync;
  readonly #insert: StatementSync;
  readonly #exists: StatementSync;
  readonly #after: StatementSync;
  readonly #lastSeq: StatementSync;

  constructor(database: DatabaseSync, table: SealedTable) {
    this.table = table;
    this.#columns = [...table.columns, ...SEAL_COLUMNS].map((column) => column.name);
    this.#textColumns = table.columns
      .filter((column) => column.type === "TEXT")
      .map((column) => column.name);
    this.#head = database.prepare(
      `SELECT witness_hash_sha256 AS hash, sealed_at_iso AS at FROM ${table.name} ORDER BY seq DESC LIMIT 1`,
    );
    this.#insert = database.prepare(
      `INSERT INTO ${table.name} (${this.#columns.join(", ")}) VALUES (${this.#columns.map(() => "?").join(", ")})`,
    );
    this.#exists = database.prepare(`SELECT 1 FROM ${table.name} WHERE ${table.idColumn} = ?`);
    this.#after = database.prepare(
      `SELECT seq, ${this.#columns.join(", ")} FROM ${table.name} WHERE seq > ? ORDER BY seq LIMIT ?`,
    );
    this.#after.setReadBigInts(true);
    this.#lastSeq = database.prepare(`SELECT coalesce(max(seq), 0) AS seq FROM ${table.name}`);
  }

  /** The last row, to be read in the transaction that adds the next one. */
  head(): ChainHead | undefined {
    const row = this.#head.get();
    return row === undefined
      ? undefined
      : { witnessHash: String(row["hash"]), sealedAtIso: String(row["at"]) };
  }

  /**
   * @returns the row with its `seq`
   * @throws SubstrateError `ROW_EXISTS`, or whatever `node:sqlite` throws
   */
  insert(row: RowRecord): RowRecord {
    const id = row[this.table.idColumn] as string;
    if (this.#exists.get(id) !== undefined) {
      throw new SubstrateError(
        "ROW_EXISTS",
        `${this.table.name} has a row with ${this.table.idColumn} ${JSON.stringify(id)} already`,
      );
    }
    const values = this.#columns.map((name) => bindable(row[name]));
    const { lastInsertRowid } = this.#insert.run(...values);
    return { seq: Number(lastInsertRowid), ...row };
  }

  /** Rows with a larger `seq`, in order; ends with the row that passes one of the limits. */
  after(seq: number, { rows, characters }: ReadLimits): readonly RowRecord[] {
    const found: RowRecord[] = [];
    let read = 0;
    for (const row of this.#after.iterate(seq, rows)) {
      found.push(row as RowRecord);
      for (const name of this.#textColumns) read += String(row[name]).length;
      if (read >= characters) break;
    }
    return found;
  }

  lastSeq(): number {
    return Number(this.#lastSeq.get()?.["seq"] ?? 0);
  }
}

/** A `number` would be bound as a floating-point value. */
function bindable(value: RowValue | undefined): string | bigint | null {
  if (typeof value === "number") return BigInt(value);
  return typeof value === "string" || typeof value === "bigint" ? value : null;
}
