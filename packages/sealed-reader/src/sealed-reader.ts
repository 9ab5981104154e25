import type { Cosignature } from "@gaiaftcl/witness";
import {
  type Checkpoint,
  type CheckpointComparison,
  compareWithCheckpoint,
  takeCheckpoint,
} from "./checkpoint.js";
import { parseCosignatures } from "./cosignature-lookup.js";
import { type DatabaseFile, ensureSameFile } from "./database-file.js";
import { type DatabaseVerification, databaseVerdict } from "./database-verification.js";
import type { EvidenceBundle } from "./evidence.js";
import { type FollowOptions, followTable } from "./follow-table.js";
import { closedError, type LocalEngineOptions } from "./local-engine.js";
import { ensureText, type ReadOptions, scanRequestOf, seqOf } from "./read-options.js";
import { type JudgeOptions, RowJudge, type SealedRow } from "./row-judge.js";
import type { Engine, ScanRequest } from "./scan-request.js";
import { SealedReaderError } from "./sealed-reader-error.js";
import { keyBefore } from "./table-scan.js";
import { isTableName, type TableShape } from "./table-shape.js";
import { takeEvidence } from "./take-evidence.js";
import { type TableVerification, type VerifyAllOptions, verifyTable } from "./verify-table.js";

/** What `openSealed` hands over. */
export interface ReaderParts {
  readonly file: DatabaseFile;
  /** True when the file is read in a process of its own. */
  readonly isolated: boolean;
  readonly engine: Engine;
  readonly engineOptions: LocalEngineOptions;
  readonly judgeOptions: JudgeOptions;
  /** SQLite's own check of the file, in a process apart. */
  readonly quickCheck: (
    deadlineMs: number | undefined,
    signal: AbortSignal | undefined,
  ) => Promise<readonly string[]>;
}

export interface Cancellable {
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_POLL_MS = 200;

/**
 * Reads the sealed tables of one database and verifies every row (cell format, section 5). Made by
 * `openSealed`; `close` it, or declare it with `await using`.
 */
export class SealedReader implements AsyncDisposable {
  readonly #parts: ReaderParts;
  readonly #closing = new AbortController();

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  get path(): string {
    return this.#parts.file.path;
  }

  /** True when the file is read in a process of its own, since others may have written it. */
  get isolated(): boolean {
    return this.#parts.isolated;
  }

  /** The tables that can be read: the sealed ones first, then any with the founding columns. */
  async tables(options: Cancellable = {}): Promise<readonly TableShape[]> {
    await this.#ensureReadable();
    return this.#parts.engine.shapes(options.signal);
  }

  heartbeatHistory(options: ReadOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    return this.read("franklin_heartbeat_history", options);
  }

  jointVariationEvidence(options: ReadOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    return this.read("qc020_joint_variation_evidence", options);
  }

  researchTelemetry(options: ReadOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    return this.read("research_telemetry", options);
  }

  constitutionalEvaluations(options: ReadOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    return this.read("constitutional_evaluations", options);
  }

  listSubstrateDevelopments(options: ReadOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    return this.read("substrate_developments", options);
  }

  productionSubmissions(options: ReadOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    return this.read("production_submissions", options);
  }

  franklinCommands(options: ReadOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    return this.read("franklin_commands", options);
  }

  /** The development of that id, the newest where several rows have it; `undefined` without one. */
  async showSubstrateDevelopment(
    id: string,
    options: Cancellable = {},
  ): Promise<SealedRow | undefined> {
    const table = "substrate_developments";
    const equal = [{ column: "development_id", text: ensureText("id", id) }];
    for await (const row of this.#rows(
      { table, equal, descending: true, limit: 1 },
      options.signal,
    )) {
      return row;
    }
    return undefined;
  }

  /**
   * The rows of a table, each with its report, over one snapshot: it is taken with the first row and
   * held until the iterator ends, returns, throws or is aborted. Rows sealed in the meantime are not
   * in it. Several iterators at once have a snapshot each.
   *
   * @param table a sealed table, or one made by others that has the founding columns
   * @throws SealedReaderError `OPTION_INVALID`, `TABLE_MISSING`, `TABLE_NOT_REAL`,
   *   `TABLE_UNSUPPORTED`, `CORRUPT`, `VALUE_TOO_LARGE`, `BUSY`, `FILE_REPLACED`, and for a foreign
   *   file `DEADLINE` and `CHILD_FAILED`; the reason of the signal
   */
  read(table: string, options: ReadOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    return this.#rows(scanRequestOf(ensureTable(table), options), options.signal);
  }

  /**
   * The rows after `afterSeq`, and then new ones as they are sealed: each once, in order, with its
   * link to the one before. It goes on while the writer restarts, and needs no NATS.
   *
   * @throws SealedReaderError `FILE_REPLACED`, `ROWS_REMOVED`, and what `read` throws
   */
  follow(table: string, options: FollowOptions = {}): AsyncGenerator<SealedRow, void, undefined> {
    const pollIntervalMs = options.pollIntervalMs ?? DEFAULT_POLL_MS;
    if (!(pollIntervalMs >= 1 && pollIntervalMs <= 3_600_000)) {
      throw new SealedReaderError(
        "OPTION_INVALID",
        `pollIntervalMs: expected 1 to 3,600,000 ms, found ${pollIntervalMs}`,
      );
    }
    const { engine, file, judgeOptions } = this.#parts;
    return followTable(
      engine,
      file,
      ensureTable(table),
      seqOf("afterSeq", options.afterSeq),
      judgeOptions,
      { ...options, pollIntervalMs, signal: this.#untilClosed(options.signal) },
    );
  }

  /** The largest `seq` of a table; `undefined` for an empty one. */
  async lastSeq(table: string, options: Cancellable = {}): Promise<bigint | undefined> {
    await this.#ensureReadable();
    return (await this.#parts.engine.tail(ensureTable(table), options.signal)).lastKey;
  }

  /**
   * The row with that witness hash. With `seq` only that row is looked at; without, the table is
   * searched from its end.
   */
  async find(
    table: string,
    witnessHash: string,
    options: { readonly seq?: bigint | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<SealedRow | undefined> {
    ensureTable(table);
    const hash = ensureText("witnessHash", witnessHash);
    const seq = seqOf("seq", options.seq);
    const request: ScanRequest =
      seq === undefined
        ? {
            table,
            equal: [{ column: "witness_hash_sha256", text: hash }],
            descending: true,
            limit: 1,
          }
        : { table, after: keyBefore(seq), upTo: seq, limit: 1 };
    for await (const found of this.#rows(request, options.signal)) {
      return found.row["witness_hash_sha256"] === hash ? found : undefined;
    }
    return undefined;
  }

  /** True when the database has a row with that witness hash. */
  async has(table: string, witnessHash: string): Promise<boolean> {
    return (await this.find(table, witnessHash)) !== undefined;
  }

  /** The signatures kept for a row, whoever made them: whether they are any is for keys to say. */
  async cosignatures(
    witnessHash: string,
    options: Cancellable = {},
  ): Promise<readonly Cosignature[]> {
    await this.#ensureReadable();
    const hash = ensureText("witnessHash", witnessHash);
    const text = await this.#parts.engine.cosignatures(hash, options.signal);
    return text === null ? [] : parseCosignatures(text);
  }

  /**
   * Verifies every row of one table, or of every table there is, and the chain between the rows.
   * Numbers missing from `seq`, rows missing at the end and clocks that went backwards are reported.
   */
  verifyAll(table: string, options?: VerifyAllOptions): Promise<TableVerification>;
  verifyAll(table?: undefined, options?: VerifyAllOptions): Promise<DatabaseVerification>;
  async verifyAll(
    table?: string,
    options: VerifyAllOptions = {},
  ): Promise<TableVerification | DatabaseVerification> {
    await this.#ensureReadable();
    const verify = (name: string): Promise<TableVerification> =>
      verifyTable(
        this.#parts.engine,
        this.#parts.isolated ? undefined : { path: this.path, engine: this.#parts.engineOptions },
        name,
        this.#parts.judgeOptions,
        { ...options, signal: this.#untilClosed(options.signal) },
      );
    if (table !== undefined) return verify(ensureTable(table));
    const names = (await this.tables(options)).map((shape) => shape.table);
    const tables: TableVerification[] = [];
    for (const name of names) tables.push(await verify(name));
    return databaseVerdict(tables);
  }

  /** What the table holds now, to be compared with later; keep it where the writer cannot reach. */
  async checkpoint(table: string, options: Cancellable = {}): Promise<Checkpoint> {
    await this.#ensureReadable();
    return takeCheckpoint(this.#parts.engine, ensureTable(table), options.signal);
  }

  /**
   * Whether the table still has everything it had then. Together with `verifyAll` it shows any row
   * changed or removed since, even where the whole chain was made anew.
   */
  async compareCheckpoint(
    previous: Checkpoint,
    options: Cancellable = {},
  ): Promise<CheckpointComparison> {
    await this.#ensureReadable();
    return compareWithCheckpoint(this.#parts.engine, previous, options.signal);
  }

  /**
   * Exports a row with all that a third party needs to verify it offline; see `encodeEvidence` and
   * `verifyEvidence`.
   *
   * @param row as this reader yielded it
   * @throws SealedReaderError `ROW_MISSING` where it is no longer there as it was
   */
  async evidence(row: SealedRow, options: Cancellable = {}): Promise<EvidenceBundle> {
    await this.#ensureReadable();
    return takeEvidence(this.#parts.engine, row, options.signal);
  }

  /**
   * What SQLite's own check finds wrong with the file, nothing for a sound one. It reads the whole
   * file in one go, so it runs in a process of its own.
   *
   * @param options `deadlineMs`: how long it may take, default ten minutes
   * @throws SealedReaderError `DEADLINE`, and what `openSealed` throws
   */
  quickCheck(
    options: Cancellable & { readonly deadlineMs?: number | undefined } = {},
  ): Promise<readonly string[]> {
    return this.#parts.quickCheck(options.deadlineMs, this.#untilClosed(options.signal));
  }

  /** Ends every iterator and lets go of the file; more than once does nothing. */
  async close(): Promise<void> {
    this.#closing.abort(closedError(this.path));
    await this.#parts.engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *#rows(
    request: ScanRequest,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<SealedRow, void, undefined> {
    signal?.throwIfAborted();
    await this.#ensureReadable();
    const { engine, judgeOptions } = this.#parts;
    const scan = await engine.scan(
      { ...request, cosignatures: judgeOptions.keys !== undefined },
      signal,
    );
    try {
      const judge = new RowJudge(scan.shape, judgeOptions);
      for (let done = false; !done; ) {
        const batch = await scan.next(signal);
        done = batch.done;
        for (const scanned of batch.rows) {
          yield judge.judge(scanned);
          signal?.throwIfAborted();
        }
      }
    } finally {
      await scan.close();
    }
  }

  async #ensureReadable(): Promise<void> {
    this.#closing.signal.throwIfAborted();
    await ensureSameFile(this.path, this.#parts.file.identity);
  }

  #untilClosed(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined
      ? this.#closing.signal
      : AbortSignal.any([signal, this.#closing.signal]);
  }
}

/** @throws SealedReaderError `OPTION_INVALID` */
function ensureTable(name: string): string {
  if (typeof name === "string" && isTableName(name)) return name;
  throw new SealedReaderError(
    "OPTION_INVALID",
    `expected the name of a table, found ${JSON.stringify(String(name).slice(0, 128))}`,
  );
}
