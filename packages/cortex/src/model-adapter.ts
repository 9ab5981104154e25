import type { AdapterSnapshot } from "./adapter-snapshot.js";
import { encodeSnapshot } from "./adapter-snapshot.js";
import { CortexError, logReasonOf } from "./cortex-error.js";
import { encodeEnvelope } from "./envelope.js";
import type { EventLog } from "./event-log.js";
import { type Fold, failureText } from "./fold.js";
import type { Model } from "./model.js";
import { PostcardWriter } from "./postcard-writer.js";
import { SeqWaiters } from "./seq-waiters.js";
import { Watch } from "./watch.js";
import { formatOrigin, type WriteToken } from "./write-token.js";

const mostTokenWaits = 1024;
const scratch = new PostcardWriter();
const reached: Promise<void> = Promise.resolve();
const lastAppSeq = 0xffff_ffff_ffff_ffffn;

/** How far an adapter's state has come (CortEX format, section 10). */
export interface AdapterProgress {
  readonly startSeq: bigint;
  /** The highest event processed, skipped ones included. */
  readonly folded: bigint | undefined;
  /** The highest event such that every one from `startSeq` to it was applied. */
  readonly applied: bigint | undefined;
  /** How many events could not be applied and were passed over. */
  readonly skipped: number;
  readonly running: boolean;
}

interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * A model over a log: operations go in, queries come out. A write is folded before it returns, and
 * so is what anyone else in this process appends to the log.
 */
export class ModelAdapter<State, Inputs, Queries> implements AsyncDisposable {
  /** The questions of the model, to the state as it is when they are asked. */
  readonly read: Queries;
  readonly #model: Model<State, Inputs, Queries>;
  readonly #log: EventLog;
  readonly #fold: Fold<State, Inputs, Queries>;
  readonly #foldedWaiters = new SeqWaiters();
  readonly #appliedWaiters = new SeqWaiters();
  readonly #watches = new Set<{ readonly changed: () => void }>();
  readonly #unsubscribe: () => void;
  #closed = false;
  #writing = false;
  /** Whether everybody has been told that the fold has ended. */
  #ended = false;
  /** The fold's version that waiters and watches know of. */
  #told = 0;

  /** Use `openModel`, which folds what is already in the log before it returns. */
  constructor(
    model: Model<State, Inputs, Queries>,
    log: EventLog,
    fold: Fold<State, Inputs, Queries>,
  ) {
    this.#model = model;
    this.#log = log;
    this.#fold = fold;
    this.read = model.queries(() => this.#current());
    this.#unsubscribe = log.observe({
      appended: (seq, payload) => this.#appended(seq, payload),
      closed: () => this.#advance(),
    });
  }

  /**
   * Appends one operation and folds it. Returns its sequence number in the log.
   * @throws CortexError `INVALID_ARGUMENT` for a field that is not of its type, `ADAPTER_CLOSED`,
   * `LOG` when the log refuses, `LOG_BEHIND_SNAPSHOT`
   */
  write<Name extends keyof Inputs & string>(name: Name, input: Inputs[Name]): bigint {
    const fold = this.#fold;
    if (this.#closed) throw new CortexError("ADAPTER_CLOSED", `${name} failed: adapter closed`);
    if (this.#log.nextSeq < fold.startSeq) throw this.#behind(name);
    const operation = this.#model.operations[name];
    const checked = operation.codec.check(input, name);
    const { originHash, appSeq } = fold;
    const payload = encodeEnvelope(
      scratch,
      { dispatch: operation.dispatch, originHash, seqOrTs: appSeq },
      (writer) => operation.codec.write(writer, checked),
    );
    fold.appSeq = appSeq === lastAppSeq ? 0n : appSeq + 1n;
    let seq: bigint;
    this.#writing = true;
    try {
      seq = this.#log.append(payload);
    } catch (error) {
      throw new CortexError("LOG", `${name} failed: redex: ${logReasonOf(error)}`, {
        cause: error,
      });
    } finally {
      this.#writing = false;
    }
    fold.foldOwn(operation, checked, { seq, originHash, seqOrTs: appSeq });
    // Unless others have appended in between, that was all there is to fold.
    this.#advance();
    return seq;
  }

  /** The token of a write of this adapter, to be waited for elsewhere. */
  token(seq: bigint): WriteToken {
    return { originHash: this.#fold.originHash, seq };
  }

  /**
   * Resolves once the event has been folded or skipped (CortEX format, section 10.1).
   * @throws CortexError `FOLD_STOPPED` when the fold ends before it, `ABORTED`
   */
  waitForSeq(seq: bigint, options: WaitOptions = {}): Promise<void> {
    this.#advance();
    const { folded, startSeq } = this.#fold;
    if (seq < startSeq || (folded !== undefined && folded >= seq)) return reached;
    if (!this.running) return Promise.reject(this.#foldStopped());
    return this.#foldedWaiters.wait(seq, "wait_for_seq", options);
  }

  /**
   * Resolves once every event up to the token's has been applied (CortEX format, section 10.1);
   * behind an event that had to be skipped it never is.
   * @param options.deadlineMs 1000 unless given; 0 only looks
   * @throws CortexError `WRONG_ORIGIN`, `TIMEOUT`, `FOLD_STOPPED`, `SATURATED`, `ABORTED`
   */
  waitForToken(
    token: WriteToken,
    options: WaitOptions & { readonly deadlineMs?: number } = {},
  ): Promise<void> {
    const { originHash } = this.#fold;
    if (token.originHash !== originHash) {
      const text = `token origin ${formatOrigin(token.originHash)} != adapter origin ${formatOrigin(originHash)}`;
      return Promise.reject(new CortexError("WRONG_ORIGIN", `wait_for_token: ${text}`));
    }
    this.#advance();
    const { applied } = this.#fold;
    if (applied !== undefined && applied >= token.seq) return reached;
    if (!this.running) return Promise.reject(this.#tokenStopped());
    const deadlineMs = options.deadlineMs ?? 1000;
    if (!Number.isFinite(deadlineMs) || deadlineMs < 0) {
      const text = `wait_for_token: expected a deadline of at least 0 ms, found ${deadlineMs}`;
      return Promise.reject(new CortexError("INVALID_ARGUMENT", text));
    }
    if (deadlineMs === 0) {
      const text = "wait_for_token: read-your-writes wait timed out";
      return Promise.reject(new CortexError("TIMEOUT", text));
    }
    if (this.#appliedWaiters.size >= mostTokenWaits) {
      const text = `wait_for_token: ${mostTokenWaits} waits are under way, the most an adapter allows`;
      return Promise.reject(new CortexError("SATURATED", text));
    }
    return this.#appliedWaiters.wait(token.seq, "wait_for_token", { ...options, deadlineMs });
  }

  /** The result of a query now, and each later result that differs from the one before. */
  watch<T>(query: (read: Queries) => T, options: WaitOptions = {}): Watch<T> {
    return this.#watch(query, options);
  }

  /**
   * The result of a query, and a watch of what comes after it: no change is lost between the two,
   * and the result is not repeated.
   */
  snapshotAndWatch<T>(
    query: (read: Queries) => T,
    options: WaitOptions = {},
  ): { readonly snapshot: T; readonly updates: Watch<T> } {
    const snapshot = query(this.read);
    return { snapshot, updates: this.#watch(query, options, { value: snapshot }) };
  }

  /** The state, to open a model from later. @throws CortexError when the state cannot be encoded */
  snapshot(): AdapterSnapshot {
    const state = this.#current();
    const { appSeq, applied, folded } = this.#fold;
    return {
      bytes: encodeSnapshot(this.#model, state, appSeq),
      lastSeq: this.#model.snapshotAt === "applied" ? applied : folded,
    };
  }

  get progress(): AdapterProgress {
    const { startSeq, folded, applied, skipped } = this.#fold;
    return { startSeq, folded, applied, skipped, running: this.running };
  }

  /** Whether new events are still folded. */
  get running(): boolean {
    return this.#fold.running && !this.#closed;
  }

  /**
   * Ends folding, waits and watches; what was folded stays readable. The log is not closed.
   * Idempotent.
   */
  close(): void {
    if (this.#closed) return;
    this.#advance();
    this.#closed = true;
    this.#unsubscribe();
    this.#stopWaiting();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #watch<T>(
    query: (read: Queries) => T,
    options: WaitOptions,
    seen?: { readonly value: T },
  ): Watch<T> {
    const adapter = this;
    const watch = new Watch<T>(
      {
        get version() {
          adapter.#advance();
          return adapter.#fold.version;
        },
        get closed() {
          return !adapter.running;
        },
        get failure() {
          const { failure } = adapter.#fold;
          if (failure === undefined) return undefined;
          const text = `watch: ${failureText(failure)}`;
          return new CortexError("FOLD_STOPPED", text, { cause: failure.error });
        },
      },
      () => query(this.read),
      {
        ...(seen === undefined ? {} : { seen }),
        signal: options.signal,
        onEnd: (ended) => this.#watches.delete(ended),
      },
    );
    this.#watches.add(watch);
    return watch;
  }

  #current(): State {
    this.#advance();
    return this.#fold.state;
  }

  #appended(seq: bigint, payload: Uint8Array): void {
    // The write that is under way folds its own event.
    if (this.#writing || this.#closed) return;
    this.#fold.foldNewest(seq, payload);
    this.#advance();
  }

  /** Folds what is new, and tells whoever waits for it. */
  #advance(): void {
    const fold = this.#fold;
    if (this.#closed || this.#ended) return;
    if (!this.#writing && fold.next < this.#log.nextSeq) fold.catchUp(this.#log);
    this.#tell();
    if (this.#log.isClosed) fold.running = false;
    if (!fold.running) this.#stopWaiting();
  }

  #tell(): void {
    const { version, folded, applied } = this.#fold;
    if (version === this.#told) return;
    this.#told = version;
    if (folded !== undefined) this.#foldedWaiters.reached(folded);
    if (applied !== undefined) this.#appliedWaiters.reached(applied);
    for (const watch of this.#watches) watch.changed();
  }

  #stopWaiting(): void {
    this.#ended = true;
    this.#foldedWaiters.fail(() => this.#foldStopped());
    this.#appliedWaiters.fail(() => this.#tokenStopped());
    for (const watch of this.#watches) watch.changed();
  }

  #behind(name: string): CortexError {
    const { startSeq } = this.#fold;
    return new CortexError(
      "LOG_BEHIND_SNAPSHOT",
      `${name} failed: the log ends before event ${this.#log.nextSeq} and the snapshot covers everything before ${startSeq}; an event written now would never be folded, so open the log that the snapshot was taken from`,
    );
  }

  #foldStopped(): CortexError {
    const { folded, failure } = this.#fold;
    const through = folded === undefined ? "None" : `Some(${folded})`;
    return this.#stopped(`wait_for_seq: fold task stopped; folded_through=${through}`, failure);
  }

  #tokenStopped(): CortexError {
    const { applied, failure } = this.#fold;
    const text =
      applied === undefined
        ? "fold task stopped before applying any event"
        : `fold task stopped before reaching token seq (applied through ${applied})`;
    return this.#stopped(`wait_for_token: ${text}`, failure);
  }

  #stopped(text: string, failure: { readonly error: unknown } | undefined): CortexError {
    return new CortexError(
      "FOLD_STOPPED",
      text,
      failure === undefined ? {} : { cause: failure.error },
    );
  }
}
