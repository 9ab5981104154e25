import { ensureSameFile, type FileIdentity } from "./database-file.js";
import { pause } from "./pause.js";
import { type JudgeOptions, RowJudge, type SealedRow } from "./row-judge.js";
import type { Engine, ScannedRow } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { keyBefore } from "./table-scan.js";
import type { TableShape } from "./table-shape.js";

export interface FollowOptions {
  /** Go on after this row; absent: from the first row on. */
  readonly afterSeq?: bigint | number | undefined;
  /** How often to look for new rows, in milliseconds; default 200. */
  readonly pollIntervalMs?: number | undefined;
  /** Look at once whenever this yields, such as the events of a NATS subscription. */
  readonly hints?: AsyncIterable<unknown> | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface LastRow {
  readonly key: bigint;
  readonly hash: unknown;
}

/**
 * Yields the rows after `after`, and then new ones as they are sealed, each once and in order. It
 * goes on through restarts of the writer, and ends with an error when the file is replaced or the
 * row it stands on is no longer there.
 */
export async function* followTable(
  engine: Engine,
  file: { readonly path: string; readonly identity: FileIdentity },
  table: string,
  after: bigint | undefined,
  judgeOptions: JudgeOptions,
  options: FollowOptions & { readonly pollIntervalMs: number },
): AsyncGenerator<SealedRow, void, undefined> {
  const { signal } = options;
  const bell = new Bell(options.hints);
  let last: LastRow | undefined;
  try {
    for (;;) {
      await ensureSameFile(file.path, file.identity);
      // What rings from here on may be about a row that the next look does not see.
      const rung = bell.next();
      const tail = await engine.tail(table, signal);
      ensureKey(tail.shape);
      const from: bigint | undefined = last?.key ?? after;
      ensureNotShorter(table, from, tail.lastKey);
      if (tail.lastKey !== undefined && (from === undefined || tail.lastKey > from)) {
        for await (const found of rowsFrom(engine, table, after, last, judgeOptions, signal)) {
          last = found.last;
          if (found.row !== undefined) yield found.row;
        }
        continue;
      }
      await pause(options.pollIntervalMs, signal, rung);
    }
  } finally {
    bell.stop();
  }
}

/** The rows after the last one; that one is read again, to see that it is still what it was. */
async function* rowsFrom(
  engine: Engine,
  table: string,
  after: bigint | undefined,
  last: LastRow | undefined,
  judgeOptions: JudgeOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly last: LastRow; readonly row?: SealedRow }, void, undefined> {
  const scan = await engine.scan(
    {
      table,
      after: last === undefined ? after : keyBefore(last.key),
      cosignatures: judgeOptions.keys !== undefined,
    },
    signal,
  );
  try {
    const judge = new RowJudge(scan.shape, judgeOptions);
    const hashIndex = scan.shape.columns.indexOf("witness_hash_sha256");
    let expected = last;
    for (let done = false; !done; ) {
      const batch = await scan.next(signal);
      done = batch.done;
      for (const scanned of batch.rows) {
        signal?.throwIfAborted();
        const found = { key: keyOf(scanned), hash: scanned.values[hashIndex] };
        if (expected === undefined) yield { last: found, row: judge.judge(scanned) };
        else if (found.key !== expected.key || found.hash !== expected.hash) {
          throw removed(table, `row ${expected.key} is gone or was changed`);
        } else yield { last: found };
        expected = undefined;
      }
    }
    if (expected !== undefined) throw removed(table, `row ${expected.key} is gone`);
  } finally {
    await scan.close();
  }
}

function keyOf(scanned: ScannedRow): bigint {
  return scanned.key ?? 0n;
}

function ensureKey(shape: TableShape): void {
  if (shape.key !== "none") return;
  throw new SealedReaderError(
    "TABLE_UNSUPPORTED",
    `${shape.table} has no integer key, so nothing says which of its rows are new; read it whole`,
  );
}

function ensureNotShorter(
  table: string,
  from: bigint | undefined,
  lastKey: bigint | undefined,
): void {
  if (from === undefined || from <= (lastKey ?? 0n)) return;
  throw removed(table, `its last row is ${lastKey ?? "none"}, and there was a row ${from}`);
}

function removed(table: string, what: string): SealedReaderError {
  return new SealedReaderError(
    "ROWS_REMOVED",
    `${table} lost rows while it was followed: ${what}; rows are never removed by a cell. Verify the file and compare it with a checkpoint`,
  );
}

/** Rings when the hints yield. Without hints, or when they end or fail, it stays silent. */
class Bell {
  readonly #iterator: AsyncIterator<unknown> | undefined;
  #ring: () => void = () => {};
  #stopped = false;

  constructor(hints: AsyncIterable<unknown> | undefined) {
    this.#iterator = hints?.[Symbol.asyncIterator]();
    void this.#listen();
  }

  /** Settles with the next ring. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#ring = resolve;
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#ring();
    this.#iterator?.return?.().catch(() => {});
  }

  async #listen(): Promise<void> {
    try {
      while (!this.#stopped && this.#iterator !== undefined) {
        const { done } = await this.#iterator.next();
        if (done === true) return;
        this.#ring();
      }
    } catch {
      // Polling finds the rows as well, only later.
    }
  }
}
