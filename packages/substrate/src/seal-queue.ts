import type { RowRecord } from "@gaiaftcl/sealed-row";
import { ensureNumber } from "./option.js";
import type { SealEntry, SealExtras, SealResult, Substrate } from "./substrate.js";
import { SubstrateError } from "./substrate-error.js";

export interface SealQueueOptions {
  /** More waiting rows than this are refused with `QUEUE_FULL`; 10,000 unless given. */
  readonly maxPending?: number | undefined;
  /** Rows in one transaction at most, so that the event loop gets its turn; 512 unless given. */
  readonly maxBatch?: number | undefined;
}

interface Waiting {
  readonly entry: SealEntry;
  readonly resolve: (row: RowRecord) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Seals for many callers at once: what they ask for in one turn of the event loop goes into one
 * transaction, so that a flush to the disk is paid once for all. Rows are sealed in the order of the
 * calls; one that cannot be sealed fails its own caller only.
 */
export class SealQueue implements AsyncDisposable {
  readonly #substrate: Substrate;
  readonly #maxPending: number;
  readonly #maxBatch: number;
  #waiting: Waiting[] = [];
  #isScheduled = false;
  #isClosed = false;
  #whenEmpty: PromiseWithResolvers<void> | undefined;

  constructor(substrate: Substrate, options: SealQueueOptions = {}) {
    this.#substrate = substrate;
    this.#maxPending = ensureNumber("maxPending", options.maxPending ?? 10_000, 1);
    this.#maxBatch = ensureNumber("maxBatch", options.maxBatch ?? 512, 1);
  }

  /** Rows that wait for their transaction. */
  get pending(): number {
    return this.#waiting.length;
  }

  /**
   * Seals one row in the next transaction.
   *
   * @returns the row, once it is on the disk
   * @throws SubstrateError `QUEUE_FULL`, `CLOSED`, or why this row or its transaction failed
   */
  seal(table: string, columns: RowRecord, extra?: SealExtras): Promise<RowRecord> {
    if (this.#isClosed) return Promise.reject(new SubstrateError("CLOSED", "the queue was closed"));
    if (this.#waiting.length >= this.#maxPending) {
      const message = `${this.#maxPending} rows wait to be sealed already; try again later`;
      return Promise.reject(new SubstrateError("QUEUE_FULL", message));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry: { table, columns, extra }, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves when nothing waits any more. */
  drain(): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    this.#whenEmpty ??= Promise.withResolvers<void>();
    return this.#whenEmpty.promise;
  }

  /** Refuses new rows, and resolves when those that wait are sealed. The database stays open. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.drain();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#sealBatch();
    });
  }

  #sealBatch(): void {
    const batch = this.#waiting.slice(0, this.#maxBatch);
    this.#waiting = this.#waiting.slice(this.#maxBatch);
    let results: readonly SealResult[] = [];
    let failure: unknown;
    try {
      results = this.#substrate.sealEach(batch.map((waiting) => waiting.entry));
    } catch (error) {
      failure = error;
    }
    batch.forEach((waiting, index) => {
      const result = results[index];
      if (result?.row !== undefined) waiting.resolve(result.row);
      else waiting.reject(result?.error ?? failure);
    });
    if (this.#waiting.length > 0) {
      this.#schedule();
    } else {
      this.#whenEmpty?.resolve();
      this.#whenEmpty = undefined;
    }
  }
}
