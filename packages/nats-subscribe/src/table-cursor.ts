import type { RowSource } from "./row-source.js";

interface SeenRow {
  readonly seq: bigint;
  readonly hash: string;
}

/** How many rows are remembered until the database is asked about the newest of them. */
const REMEMBERED = 64;

/**
 * Up to which row of a table everything was delivered, so that the database can take over without
 * loss. A row from the broker counts only once the database confirms it: anybody could have sent it.
 */
export class TableCursor {
  readonly table: string;
  readonly #source: RowSource;
  #position: bigint;
  #recent: SeenRow[] = [];
  #frozen = false;
  #settling: Promise<void> | undefined;

  constructor(table: string, source: RowSource, position: bigint) {
    this.table = table;
    this.#source = source;
    this.#position = position;
  }

  /** Everything up to this `seq` was delivered. */
  get position(): bigint {
    return this.#position;
  }

  /** A row from the broker was delivered, and all before it were. */
  note(seq: unknown, hash: string): void {
    if (this.#frozen || typeof seq !== "bigint" || seq <= this.#position) return;
    this.#recent.push({ seq, hash });
    if (this.#recent.length >= REMEMBERED) void this.settle().catch(() => {});
  }

  /** From now on rows from the broker may come after others that did not. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Rows from the broker count again. */
  thaw(): void {
    this.#recent = [];
    this.#frozen = false;
  }

  /** A row from the database was delivered. */
  advance(seq: bigint): void {
    if (seq > this.#position) this.#position = seq;
  }

  /** Moves to the newest of the rows noted that the database has; rejects where it cannot be read. */
  settle(signal?: AbortSignal): Promise<void> {
    this.#settling ??= this.#settle(signal).finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #settle(signal: AbortSignal | undefined): Promise<void> {
    const noted = this.#recent;
    this.#recent = [];
    for (const { seq, hash } of noted.reverse()) {
      if (seq <= this.#position) continue;
      if ((await this.#source.find(this.table, hash, { seq, signal })) === undefined) continue;
      this.advance(seq);
      return;
    }
  }
}
