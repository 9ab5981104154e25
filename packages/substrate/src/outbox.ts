import { setImmediate } from "node:timers/promises";
import {
  encodeEvent,
  type RowRecord,
  SEALED_TABLES,
  SealedRowError,
  type SealedTable,
} from "@gaiaftcl/sealed-row";
import { ensureNumber, LONGEST_TIMEOUT_MS } from "./option.js";
import { Pause } from "./pause.js";
import type { Substrate } from "./substrate.js";
import { SubstrateError } from "./substrate-error.js";

/** What takes the events: a connection to a broker. */
export interface Publisher {
  /** Hands over one event, in order; throws or rejects where it could not. */
  publish(subject: string, event: Uint8Array): void | Promise<void>;
  /** Resolves when the broker has all that was handed over; rejects where it may not have it. */
  flush(): Promise<void>;
}

export interface OutboxOptions {
  /** How often to look for rows that other processes sealed; 1,000 ms unless given. */
  readonly pollIntervalMs?: number | undefined;
  /** Rows between two flushes at most; 256 unless given. */
  readonly batchRows?: number | undefined;
  /** Larger events than the broker takes are left out and counted; 1 MiB unless given. */
  readonly maxEventBytes?: number | undefined;
  /** The first wait after a failure, doubled with each further one; 100 ms unless given. */
  readonly retryMinMs?: number | undefined;
  /** The longest wait after a failure; 10,000 ms unless given. */
  readonly retryMaxMs?: number | undefined;
  /** How long the broker may take to confirm a batch; 30,000 ms unless given. */
  readonly confirmTimeoutMs?: number | undefined;
  /** Told of each failure, which is retried, and of each row left out, which is not. */
  readonly onProblem?: ((problem: SubstrateError) => void) | undefined;
  /** Ends the outbox as `close` does. */
  readonly signal?: AbortSignal | undefined;
}

export interface OutboxStats {
  /** Events the broker confirmed, doubles included. */
  readonly published: number;
  readonly failures: number;
  /** Rows left out because their event was too large, or could not be made. */
  readonly leftOut: number;
  /** Rows not yet confirmed, by table; tables without any are absent. */
  readonly lag: Readonly<Record<string, number>>;
  readonly lastProblem: SubstrateError | undefined;
}

/** A batch ends with the row that exceeds this, so that large rows are held one at a time. */
const BATCH_CHARACTERS = 4 * 1024 * 1024;

/** Who waits until the rows up to these are confirmed. */
interface Drain {
  readonly upTo: ReadonlyMap<string, number>;
  readonly resolve: () => void;
  readonly reject: (error: SubstrateError) => void;
}

/** The numbers of the options, with their defaults. */
type Tuning = {
  readonly [Name in keyof Omit<OutboxOptions, "onProblem" | "signal">]-?: number;
};

/**
 * Publishes the rows of all sealed tables, each table in its order and at least once (cell format,
 * section 7). The cursor advances only after the broker confirmed, so an outage or a crash delays
 * events or doubles them, and loses none. Runs from its creation until it is closed.
 */
export class Outbox implements AsyncDisposable {
  readonly #substrate: Substrate;
  readonly #publisher: Publisher;
  readonly #options: Tuning;
  readonly #onProblem: (problem: SubstrateError) => void;
  readonly #pause: Pause = new Pause();
  readonly #closing: AbortController = new AbortController();
  readonly #running: Promise<void>;
  #published = 0;
  #failures = 0;
  #leftOut = 0;
  #lastProblem: SubstrateError | undefined;
  #drains: readonly Drain[] = [];
  /** After which `seq` a table is published once more. */
  readonly #repeats = new Map<string, number>();

  constructor(substrate: Substrate, publisher: Publisher, options: OutboxOptions = {}) {
    this.#substrate = substrate;
    this.#publisher = publisher;
    this.#onProblem = options.onProblem ?? ((): void => undefined);
    this.#options = {
      pollIntervalMs: options.pollIntervalMs ?? 1000,
      batchRows: options.batchRows ?? 256,
      maxEventBytes: options.maxEventBytes ?? 1024 * 1024,
      retryMinMs: options.retryMinMs ?? 100,
      retryMaxMs: options.retryMaxMs ?? 10_000,
      confirmTimeoutMs: options.confirmTimeoutMs ?? 30_000,
    };
    for (const [name, value] of Object.entries(this.#options)) {
      ensureNumber(name, value, 1, LONGEST_TIMEOUT_MS);
    }
    const forget = substrate.onSealed(() => this.wake());
    const { signal } = options;
    const abort = (): void => this.#abort();
    if (signal?.aborted === true) abort();
    signal?.addEventListener("abort", abort, { once: true });
    this.#running = Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        forget();
        signal?.removeEventListener("abort", abort);
      });
  }

  /** Looks for rows at once instead of at the next interval; not while waiting after a failure. */
  wake(): void {
    this.#pause.wake();
  }

  /**
   * Publishes the last rows of each table once more: a broker that ended may have confirmed events that
   * its subscribers never got.
   */
  repeat(rows: number): void {
    ensureNumber("rows", rows, 1, Number.MAX_SAFE_INTEGER);
    for (const { name } of SEALED_TABLES) {
      const cursor = this.#substrate.broadcastCursor(name);
      const after = Math.max(0, cursor - rows);
      if (after === cursor) continue;
      this.#repeats.set(name, Math.min(after, this.#repeats.get(name) ?? after));
    }
    this.wake();
  }

  /** Resolves when every row sealed so far is confirmed; rejects with `CLOSED` if closed before. */
  drained(): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(closed());
    const upTo = new Map(SEALED_TABLES.map(({ name }) => [name, this.#substrate.lastSeq(name)]));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#drains = [...this.#drains, { upTo, resolve, reject }];
    // Whoever asked may have stopped waiting when the outbox is closed.
    promise.catch(() => undefined);
    this.wake();
    return promise;
  }

  stats(): OutboxStats {
    const lag = SEALED_TABLES.map(({ name }): [string, number] => [
      name,
      this.#substrate.lastSeq(name) - this.#substrate.broadcastCursor(name),
    ]).filter(([, rows]) => rows > 0);
    return {
      published: this.#published,
      failures: this.#failures,
      leftOut: this.#leftOut,
      lag: Object.fromEntries(lag),
      lastProblem: this.#lastProblem,
    };
  }

  /** Stops at once; what is not confirmed yet is published again by the next outbox. */
  close(): Promise<void> {
    this.#abort();
    return this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #abort(): void {
    this.#closing.abort();
    this.#pause.end();
    for (const drain of this.#drains) drain.reject(closed());
    this.#drains = [];
  }

  async #run(): Promise<void> {
    const { pollIntervalMs, retryMinMs, retryMaxMs } = this.#options;
    let delay = retryMinMs;
    while (!this.#closing.signal.aborted) {
      try {
        const isMore = await this.#publishRound();
        delay = retryMinMs;
        this.#answerDrains();
        // Between two rounds everybody else gets a turn, even if the publisher never waits.
        if (isMore || this.#drains.length > 0) await setImmediate();
        else await this.#pause.idle(pollIntervalMs);
      } catch (cause) {
        if (this.#closing.signal.aborted) return;
        const problem = asProblem(cause);
        this.#failures += 1;
        this.#report(problem);
        // The database was closed under it, and this object cannot open it again.
        if (problem.code === "CLOSED") return this.#abort();
        await this.#pause.hold(delay);
        delay = Math.min(delay * 2, retryMaxMs);
      }
    }
  }

  #answerDrains(): void {
    const isReached = ({ upTo }: Drain): boolean =>
      [...upTo].every(([table, seq]) => this.#substrate.broadcastCursor(table) >= seq);
    for (const drain of this.#drains.filter(isReached)) drain.resolve();
    this.#drains = this.#drains.filter((drain) => !isReached(drain));
  }

  /** One batch of each table; true where any table has more. */
  async #publishRound(): Promise<boolean> {
    let isMore = false;
    for (const table of SEALED_TABLES) {
      const after = this.#repeats.get(table.name) ?? this.#substrate.broadcastCursor(table.name);
      const { batchRows } = this.#options;
      const rows = this.#substrate.rowsAfter(table.name, after, batchRows, BATCH_CHARACTERS);
      const last = rows.at(-1);
      if (last === undefined) continue;
      let count = 0;
      const leftOut: SubstrateError[] = [];
      for (const row of rows) {
        // NULL says that the row is not for broadcast.
        if (row["nats_broadcast_at_iso"] === null) continue;
        const event = this.#eventOf(table, row);
        if (event instanceof SubstrateError) {
          leftOut.push(event);
          continue;
        }
        const handedOver = this.#publisher.publish(table.subject, event);
        if (handedOver !== undefined) await this.#confirmed(handedOver);
        count += 1;
      }
      if (count > 0) await this.#confirmed(this.#publisher.flush());
      this.#advance(table.name, Number(last["seq"]));
      this.#published += count;
      this.#leftOut += leftOut.length;
      for (const problem of leftOut) this.#report(problem);
      isMore ||= this.#substrate.lastSeq(table.name) > Number(last["seq"]);
    }
    return isMore;
  }

  #advance(table: string, seq: number): void {
    const isRepeating = this.#repeats.has(table);
    if (isRepeating && seq < this.#substrate.broadcastCursor(table)) {
      this.#repeats.set(table, seq);
      return;
    }
    this.#repeats.delete(table);
    this.#substrate.advanceBroadcastCursor(table, seq);
  }

  /**
   * The event of a row, or why it has none. Trying again would not help, and would keep all rows
   * behind it from ever being published.
   */
  #eventOf(table: SealedTable, row: RowRecord): Uint8Array | SubstrateError {
    const { maxEventBytes } = this.#options;
    let problem: string;
    try {
      const event = encodeEvent(table.name, row);
      if (event.byteLength <= maxEventBytes) return event;
      problem = `its event has ${event.byteLength} bytes, and the broker takes ${maxEventBytes}`;
    } catch (cause) {
      if (!(cause instanceof SealedRowError)) throw cause;
      problem = cause.message;
    }
    const name = `${table.name} ${String(row[table.idColumn])}`;
    return new SubstrateError("BROADCAST_LEFT_OUT", `${name} is not broadcast: ${problem}`);
  }

  /** Waits for the broker, but neither for ever nor beyond the end of this outbox. */
  async #confirmed(promise: Promise<void>): Promise<void> {
    const { promise: end, reject } = Promise.withResolvers<never>();
    const timeoutMs = this.#options.confirmTimeoutMs;
    const onAbort = (): void => reject(closed());
    const onTimeout = (): void =>
      reject(new SubstrateError("BROADCAST_FAILED", `no confirmation within ${timeoutMs} ms`));
    const timer = setTimeout(onTimeout, timeoutMs);
    this.#closing.signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([promise, end]);
    } finally {
      clearTimeout(timer);
      this.#closing.signal.removeEventListener("abort", onAbort);
    }
  }

  #report(problem: SubstrateError): void {
    this.#lastProblem = problem;
    this.#onProblem(problem);
  }
}

function closed(): SubstrateError {
  return new SubstrateError("CLOSED", "the outbox was closed");
}

function asProblem(cause: unknown): SubstrateError {
  if (cause instanceof SubstrateError) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  return new SubstrateError("BROADCAST_FAILED", `cannot publish, and will try again: ${said}`, {
    cause,
  });
}
