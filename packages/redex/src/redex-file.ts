import { checksum } from "./checksum.js";
import { DiskStore } from "./disk-store.js";
import type { EventStore } from "./event-store.js";
import { Evictor } from "./evictor.js";
import { type LogObserver, ObserverList } from "./observer.js";
import type { CheckedOptions } from "./options.js";
import type { RecoveryReport } from "./recovery.js";
import type { RedexError } from "./redex-error.js";
import type { EventVisitor, RedexEvent } from "./redex-event.js";
import { closed, ensurePayload, exhausted } from "./refusals.js";
import { ensureSequence, MAX_SEQ } from "./sequence-runs.js";
import type { Storage } from "./storage.js";
import { SyncLoop } from "./sync-loop.js";
import { lagged, RedexTail } from "./tail.js";

/** What an event takes on disk beside its payload. */
const RECORD_AND_TIME = 28;

/** What opening gives a file beside its store. */
export interface FileParts extends CheckedOptions {
  readonly name: string;
  readonly store: EventStore;
  readonly now: () => bigint;
  readonly disk?: { readonly storage: Storage; readonly directory: string };
  readonly recovery?: RecoveryReport;
}

/**
 * One log: a list of events that only grows at its end, and shrinks only at its start, by
 * retention. `Redex.openFile` opens it. Appending is synchronous; one process writes, any number
 * of readers in it follow.
 */
export class RedexFile implements AsyncDisposable {
  readonly name: string;
  /** What opening found and repaired; undefined for a log in memory. */
  readonly recovery: RecoveryReport | undefined;
  readonly #store: EventStore;
  readonly #disk: DiskStore | undefined;
  readonly #loop: SyncLoop | undefined;
  readonly #observers = new ObserverList();
  readonly #tails = new Set<RedexTail>();
  readonly #evictor: Evictor;
  #next: bigint;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(parts: FileParts) {
    this.name = parts.name;
    this.recovery = parts.recovery;
    this.#store = parts.store;
    this.#disk = parts.store instanceof DiskStore ? parts.store : undefined;
    if (this.#disk !== undefined) {
      this.#loop = new SyncLoop(this.#disk, parts.sync);
      this.#disk.onPoison = (error) => this.#failed(error);
    }
    const { runs } = parts.store;
    this.#next = runs.end === 0 ? 0n : runs.seqAt(runs.end - 1) + 1n;
    const evicted = (): void => this.#observers.evicted(this.firstSeq ?? this.#next);
    this.#evictor = new Evictor({ ...parts, loop: this.#loop, evicted });
    this.#evictor.enforce();
  }

  /** How many events are retained. */
  get length(): number {
    return this.#store.end - this.#store.start;
  }

  /** The number that the next event gets; 2^64 where none is left. */
  get nextSeq(): bigint {
    return this.#next;
  }

  /** The number of the oldest retained event; undefined where none is. */
  get firstSeq(): bigint | undefined {
    const { start, end, runs } = this.#store;
    return start < end ? runs.seqAt(start) : undefined;
  }

  /** Every event numbered below this survives a power cut; of a log in memory, none does. */
  get durableSeq(): bigint {
    if (this.#loop === undefined || this.#disk === undefined) return 0n;
    const { durable } = this.#loop;
    return durable === 0 ? 0n : this.#next - BigInt(this.#store.end - durable);
  }

  /** How many times the log was fsynced since it was opened. */
  get fsyncs(): number {
    return this.#loop?.runs ?? 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isPersistent(): boolean {
    return this.#disk !== undefined;
  }

  /** Why the last attempt to reclaim evicted events failed; it is made again later. */
  get reclaimError(): unknown {
    return this.#evictor.failure;
  }

  /**
   * Appends one event and returns its number. A persistent log has handed it to the system when
   * this returns: it survives the end of the process, and a power cut once it is fsynced.
   *
   * @throws RedexError `INVALID_OPTION` for what is no bytes, `CLOSED`, `TOO_LARGE`, `OFFSET_OVERFLOW`, `SEQUENCE_EXHAUSTED`, `IO`,
   *   `POISONED`; the log is then as it was
   */
  append(payload: Uint8Array): bigint {
    if (this.#isClosed) throw closed("append");
    ensurePayload("append", payload);
    const seq = this.#next;
    if (seq > MAX_SEQ) throw exhausted("append");
    const store = this.#store;
    store.append(seq, payload);
    this.#next = seq + 1n;
    if (this.#loop !== undefined) this.#loop.appended(1, RECORD_AND_TIME + payload.length);
    if (!this.#observers.isEmpty) this.#observers.appended(seq, payload);
    if (this.#tails.size > 0) this.#deliver(store.end - 1, seq, payload);
    if (this.#evictor.isBounded) this.#evictor.appended();
    return seq;
  }

  /**
   * Appends events with consecutive numbers, one write for each file; returns the first number, or
   * null for an empty list.
   *
   * @throws as `append` does; none of the events is then in the log
   */
  appendBatch(payloads: readonly Uint8Array[]): bigint | null {
    if (this.#isClosed) throw closed("append_batch");
    if (payloads.length === 0) return null;
    for (const payload of payloads) ensurePayload("append_batch", payload);
    const seq = this.#next;
    if (seq + BigInt(payloads.length - 1) > MAX_SEQ) throw exhausted("append_batch");
    this.#store.appendBatch(seq, payloads);
    this.#next = seq + BigInt(payloads.length);
    if (this.#loop !== undefined) {
      let bytes = RECORD_AND_TIME * payloads.length;
      for (const payload of payloads) bytes += payload.length;
      this.#loop.appended(payloads.length, bytes);
    }
    if (!this.#observers.isEmpty) {
      let at = seq;
      for (const payload of payloads) {
        this.#observers.appended(at, payload);
        at += 1n;
      }
    }
    for (const tail of this.#tails) tail.serve();
    if (this.#evictor.isBounded) this.#evictor.appended();
    return seq;
  }

  /**
   * Appends one event and resolves to its number once it survives a power cut. Callers that wait
   * at the same time share one fsync (group commit).
   *
   * @throws RedexError as `append` does; `IO` where the fsync failed: whether the event survives
   *   is then unknown, and the log takes no more
   */
  async appendDurable(payload: Uint8Array): Promise<bigint> {
    const seq = this.append(payload);
    await this.#loop?.wait(this.#store.end);
    return seq;
  }

  /** `appendBatch`, resolving once all its events survive a power cut. */
  async appendBatchDurable(payloads: readonly Uint8Array[]): Promise<bigint | null> {
    const seq = this.appendBatch(payloads);
    if (seq !== null) await this.#loop?.wait(this.#store.end);
    return seq;
  }

  /**
   * Makes everything appended so far survive a power cut. Does nothing for a log in memory.
   *
   * @throws RedexError `IO`, `POISONED`
   */
  async sync(): Promise<void> {
    if (!this.#isClosed) await this.#loop?.wait(this.#store.end);
  }

  /**
   * The retained events numbered from `start` to before `end`, in order. Holes, and events whose
   * payload no longer has its checksum, are left out.
   *
   * @throws RedexError `INVALID_OPTION` for a number outside 0 to 2^64 - 1; `IO`; `CLOSED` for a
   *   persistent log that is closed
   */
  readRange(start: bigint | number, end: bigint | number): RedexEvent[] {
    const [from, to] = [ensureSequence("read_range", start), ensureSequence("read_range", end)];
    const { runs } = this.#store;
    const [first, last] = this.#positions(from, to);
    const events = this.#store.read(first, last);
    return runs.ascending ? events : events.filter(({ seq }) => seq >= from && seq < to);
  }

  /** `readRange` without copies, for folding: calls `visitor` for each event, until it returns false. */
  visit(start: bigint | number, end: bigint | number, visitor: EventVisitor): void {
    const [from, to] = [ensureSequence("visit", start), ensureSequence("visit", end)];
    const { runs } = this.#store;
    const [first, last] = this.#positions(from, to);
    this.#store.visit(first, last, (position, payload) => {
      const seq = runs.seqAt(position);
      return seq >= from && seq < to ? visitor(seq, payload) : undefined;
    });
  }

  /**
   * Follows the log: what is retained from `from` on (by default, all), then what is appended.
   * Ends when the log is closed, after its last event. A number beyond the end waits for it.
   *
   * The iterator throws `LAGGED` where `from`, or what the reader has not read yet, is no longer
   * retained; the reason of `signal`; and `POISONED` or `IO` where the log takes no more events.
   */
  tail(from?: bigint | number, options: { readonly signal?: AbortSignal } = {}): RedexTail {
    const first = ensureSequence("tail", from ?? this.firstSeq ?? this.#next);
    const { signal } = options;
    const abort = (): void => tail.abort(signal?.reason);
    const tail: RedexTail = new RedexTail(this.#store, first, () => {
      this.#tails.delete(tail);
      signal?.removeEventListener("abort", abort);
    });
    if (signal?.aborted === true) abort();
    else if (this.#isClosed) tail.logClosed();
    else if (first < (this.firstSeq ?? this.#next)) tail.abort(lagged());
    else {
      this.#tails.add(tail);
      signal?.addEventListener("abort", abort);
      if (this.#disk?.failure !== undefined) tail.logFailed(this.#disk.failure);
    }
    return tail;
  }

  /**
   * Lets `observer` take part in every append from now on. To fold a log without a gap, `visit`
   * what is there and `observe` in the same turn of the event loop.
   *
   * @returns a function that removes the observer
   */
  observe(observer: LogObserver): () => void {
    return this.#observers.add(observer);
  }

  /**
   * Evicts what retention does not keep and gives its room on disk back at once (otherwise that
   * happens when as much is evicted as retained). Resolves to how many events were evicted.
   *
   * @throws RedexError `IO`: nothing is lost, and it can be tried again
   */
  async sweep(): Promise<number> {
    if (this.#isClosed) throw closed("sweep");
    const before = this.#store.start;
    this.#evictor.enforce();
    const evicted = this.#store.start - before;
    await this.#evictor.reclaim();
    return evicted;
  }

  /**
   * Ends tails after their last event, reclaims evicted events, fsyncs once and closes the files.
   * Reading a log in memory goes on working.
   *
   * @throws RedexError `IO` where the last fsync failed
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The positions that may hold the numbers from `from` to before `to`. */
  #positions(from: bigint, to: bigint): readonly [number, number] {
    const { runs, start, end } = this.#store;
    if (from >= to) return [start, start];
    if (!runs.ascending) return [start, end];
    const first = runs.lowerBound(from, start);
    return [first, to >= this.#next ? end : runs.lowerBound(to, first)];
  }

  #deliver(position: number, seq: bigint, payload: Uint8Array): void {
    const event = (): RedexEvent => ({
      seq,
      payload: payload.slice(),
      checksum: checksum(payload),
      inline: false,
    });
    for (const tail of this.#tails) tail.appended(position, event);
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    for (const tail of [...this.#tails]) tail.logClosed();
    this.#observers.closed();
    await this.#evictor.stop();
    if (this.#disk === undefined || this.#loop === undefined) return;
    try {
      await this.#loop.wait(this.#store.end);
    } finally {
      await this.#loop.stop();
      this.#disk.files.close();
    }
  }

  #failed(error: RedexError): void {
    this.#loop?.reject(error);
    for (const tail of [...this.#tails]) tail.logFailed(error);
    this.#observers.failed(error);
  }
}
