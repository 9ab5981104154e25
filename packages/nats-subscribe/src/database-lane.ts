import type { SealedTable } from "@gaiaftcl/sealed-row";
import { pause } from "./pause.js";
import type { RowSource, SourcedRow } from "./row-source.js";
import { TableCursor } from "./table-cursor.js";

export interface LaneRow {
  readonly table: SealedTable;
  readonly sourced: SourcedRow;
}

export interface LaneListener {
  /** Takes a row; settles when there is room for the next, rejects when the signal aborts. */
  onRow(row: LaneRow, signal: AbortSignal): Promise<void>;
  onDatabaseError(table: string, error: Error): void;
  /** Everything the database had up to the last reconnection was delivered. */
  onCaughtUp(): void;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;

/**
 * The rows of some tables out of the database, for as long as the broker does not deliver them, and
 * then up to the point where it does again.
 */
export class DatabaseLane {
  readonly tables: readonly SealedTable[];
  readonly #source: RowSource;
  readonly #start: ReadonlyMap<string, bigint>;
  readonly #listener: LaneListener;
  readonly #stop: AbortSignal;
  readonly #cursors = new Map<string, TableCursor>();
  #run: AbortController | undefined;
  #catching: AbortController | undefined;
  #working: Promise<unknown> = Promise.resolve();
  readonly #ready: Promise<void>;

  /** @param start where to begin in some tables; the others begin with what is sealed from now on */
  constructor(
    tables: readonly SealedTable[],
    source: RowSource,
    start: ReadonlyMap<string, bigint>,
    listener: LaneListener,
    stop: AbortSignal,
  ) {
    this.tables = tables;
    this.#source = source;
    this.#start = start;
    this.#listener = listener;
    this.#stop = stop;
    this.#ready = Promise.all(tables.map((table) => this.#begin(table.name))).then(() => {});
    this.#ready.catch(() => {});
  }

  /** Settles when it is known where each table begins. */
  ready(): Promise<void> {
    return this.#ready;
  }

  cursor(table: string): TableCursor | undefined {
    return this.#cursors.get(table);
  }

  /**
   * Rows come from the database from now on, until `catchUp` is done. Where they do already, a
   * `catchUp` under way is called off.
   *
   * @returns false where they did already
   */
  start(): boolean {
    this.#catching?.abort();
    if (this.#run !== undefined || this.#stop.aborted) return false;
    for (const cursor of this.#cursors.values()) cursor.freeze();
    const run = new AbortController();
    this.#run = run;
    const until = AbortSignal.any([this.#stop, run.signal]);
    this.#working = Promise.allSettled(this.tables.map(({ name }) => this.#follow(name, until)));
    return true;
  }

  /** The broker delivers again: goes on until the database has given all it has now, and stops. */
  async catchUp(): Promise<void> {
    if (this.#run === undefined) return;
    this.#catching?.abort();
    const catching = new AbortController();
    this.#catching = catching;
    const until = AbortSignal.any([this.#stop, catching.signal]);
    try {
      await Promise.all(this.tables.map(({ name }) => this.#reach(name, until)));
    } catch {
      // Closed, or called off.
      return;
    }
    await this.#end();
    if (until.aborted) return;
    for (const cursor of this.#cursors.values()) cursor.thaw();
    this.#listener.onCaughtUp();
  }

  async close(): Promise<void> {
    await this.#end();
    await this.#ready.catch(() => {});
  }

  async #end(): Promise<void> {
    this.#run?.abort();
    this.#run = undefined;
    await this.#working;
  }

  async #begin(table: string): Promise<void> {
    const known = this.#start.get(table);
    const position =
      known ??
      (await this.#untilRead(
        table,
        this.#stop,
        async () => (await this.#source.lastSeq(table, { signal: this.#stop })) ?? 0n,
      ));
    const cursor = new TableCursor(table, this.#source, position);
    if (this.#run !== undefined) cursor.freeze();
    this.#cursors.set(table, cursor);
  }

  async #follow(table: string, signal: AbortSignal): Promise<void> {
    const sealed = this.tables.find(({ name }) => name === table);
    if (sealed === undefined) return;
    await this.#ready;
    const cursor = this.#cursors.get(table);
    if (cursor === undefined) return;
    await this.#untilRead(table, signal, async () => {
      await cursor.settle(signal);
      const rows = this.#source.follow(table, { afterSeq: cursor.position, signal });
      for await (const sourced of rows) {
        signal.throwIfAborted();
        await this.#listener.onRow({ table: sealed, sourced }, signal);
        const seq = sourced.row["seq"];
        if (typeof seq === "bigint") cursor.advance(seq);
      }
      signal.throwIfAborted();
    });
  }

  /** Waits until the rows that the database has now were delivered from it. */
  async #reach(table: string, signal: AbortSignal): Promise<void> {
    await this.#ready;
    const target = await this.#untilRead(table, signal, async () => {
      return (await this.#source.lastSeq(table, { signal })) ?? 0n;
    });
    const cursor = this.#cursors.get(table);
    for (let wait = 1; cursor !== undefined && cursor.position < target; ) {
      await pause(wait, signal);
      wait = Math.min(wait * 2, 50);
    }
  }

  /** Tries again, for as long as it takes, until the database can be read. */
  async #untilRead<T>(table: string, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
      signal.throwIfAborted();
      try {
        return await read();
      } catch (cause) {
        signal.throwIfAborted();
        const error = cause instanceof Error ? cause : new Error(String(cause));
        this.#listener.onDatabaseError(table, error);
      }
      await pause(wait, signal);
    }
  }
}
