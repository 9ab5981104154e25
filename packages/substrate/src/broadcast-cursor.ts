import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * `substrate_broadcast_cursor`: up to which `seq` each table has reached the broker (cell format,
 * section 7). It lives in the database itself, so it goes where the rows go, and it only advances.
 */
export class BroadcastCursor {
  readonly #select: StatementSync;
  readonly #advance: StatementSync;

  constructor(database: DatabaseSync) {
    this.#select = database.prepare(
      "SELECT seq FROM substrate_broadcast_cursor WHERE table_name = ?",
    );
    this.#advance = database.prepare(
      `INSERT INTO substrate_broadcast_cursor (table_name, seq) VALUES (?, ?)
       ON CONFLICT (table_name) DO UPDATE SET seq = max(seq, excluded.seq)`,
    );
  }

  /** 0 where nothing has been published. */
  of(table: string): number {
    return Number(this.#select.get(table)?.["seq"] ?? 0);
  }

  advance(table: string, seq: number): void {
    this.#advance.run(table, BigInt(seq));
  }
}
