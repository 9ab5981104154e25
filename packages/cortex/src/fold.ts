import { decode } from "./codec.js";
import { reasonOf } from "./cortex-error.js";
import { decodeEnvelope, type Envelope } from "./envelope.js";
import type { EventLog } from "./event-log.js";
import type { EventInfo, Model, Operation } from "./model.js";

/** An event that did not change the state. */
export interface FoldProblem {
  /**
   * `undecodable` is always skipped; `fold` is what the model's own fold threw; `log` is a log that
   * could not be read, which stops the fold.
   */
  readonly kind: "undecodable" | "fold" | "log";
  readonly seq: bigint;
  readonly error: unknown;
}

/** What to do with an event whose fold throws: stop for good, or go on without it. */
export type FoldErrorPolicy = "stop" | "skip";

export interface FoldOptions {
  readonly originHash: bigint;
  readonly onFoldError?: FoldErrorPolicy | undefined;
  readonly onProblem?: ((problem: FoldProblem) => void) | undefined;
}

/** Where a fold starts: from nothing, or from what a snapshot held. */
export interface FoldStart<State> {
  readonly state: State;
  readonly appSeq: bigint;
  /** The last event that the state contains. */
  readonly lastSeq: bigint | undefined;
}

const appSeqNone = 0xffffffffffffffffn;

/**
 * A state and how far it has been folded (CortEX format, section 10). Knows no clock and no waiting.
 */
export class Fold<State, Inputs, Queries> {
  state: State;
  /** The next number of this origin's writes. */
  appSeq: bigint;
  readonly startSeq: bigint;
  readonly originHash: bigint;
  /** The highest event processed. */
  folded: bigint | undefined;
  /** The highest event such that every one from `startSeq` to it was applied. */
  applied: bigint | undefined;
  /** Events that were skipped. */
  skipped = 0;
  running = true;
  /** What stopped the fold, if it was an event. */
  failure: FoldProblem | undefined;
  /** Grows with every event processed. */
  version = 0;
  #next: bigint;
  /** An observer of problems may read, or even write, while an event is being processed. */
  #isBusy = false;
  readonly #model: Model<State, Inputs, Queries>;
  readonly #options: FoldOptions;

  constructor(model: Model<State, Inputs, Queries>, start: FoldStart<State>, options: FoldOptions) {
    this.#model = model;
    this.#options = options;
    this.state = start.state;
    this.appSeq = start.appSeq;
    this.originHash = options.originHash;
    this.startSeq = start.lastSeq === undefined ? 0n : start.lastSeq + 1n;
    this.folded = start.lastSeq;
    this.applied = start.lastSeq;
    this.#next = this.startSeq;
  }

  /** The event to be processed next. */
  get next(): bigint {
    return this.#next;
  }

  /**
   * Processes what the log holds and this fold has not seen, `most` events at a time. A damaged
   * record can claim any sequence number, so events are counted, and numbers never walked through.
   */
  catchUp(log: EventLog, most: number = Number.POSITIVE_INFINITY): void {
    const end = log.nextSeq;
    if (this.#isBusy || !this.running || this.#next >= end) return;
    this.#isBusy = true;
    let left = most;
    let last = end - 1n;
    try {
      log.visit(this.#next, end, (seq, payload) => {
        this.#foldPayload(seq, payload);
        left -= 1;
        if (left <= 0) last = seq;
        return this.running && left > 0;
      });
      // Past the holes, of which the log says nothing.
      if (this.running) this.#next = last < end ? last + 1n : end;
    } catch (error) {
      this.#stop({ kind: "log", seq: this.#next, error });
    } finally {
      this.#isBusy = false;
    }
  }

  /** Processes the log's newest event, if it is the one to be processed next. */
  foldNewest(seq: bigint, payload: Uint8Array): void {
    if (this.#isBusy || !this.running || seq !== this.#next) return;
    this.#isBusy = true;
    this.#foldPayload(seq, payload);
    this.#next = seq + 1n;
    this.#isBusy = false;
  }

  /** Processes an event that this process has just appended, without decoding it again. */
  foldOwn<Input>(operation: Operation<State, Input>, input: Input, event: EventInfo): void {
    if (this.#isBusy || !this.running || event.seq !== this.#next) return;
    this.#isBusy = true;
    this.#apply(operation, input, event);
    this.#next = event.seq + 1n;
    this.#isBusy = false;
  }

  #foldPayload(seq: bigint, payload: Uint8Array): void {
    let envelope: Envelope;
    let operation: Operation<State, Inputs[keyof Inputs]> | undefined;
    let input: Inputs[keyof Inputs] | undefined;
    try {
      envelope = decodeEnvelope(payload);
      operation = this.#model.byDispatch.get(envelope.dispatch);
      if (operation !== undefined) input = decode(operation.codec, envelope.tail);
    } catch (error) {
      this.#skip({ kind: "undecodable", seq, error });
      return;
    }
    const event = { seq, originHash: envelope.originHash, seqOrTs: envelope.seqOrTs };
    // An operation of a later version: ignored, and counts as applied.
    if (operation === undefined) this.#applied(event);
    else this.#apply(operation, input as Inputs[keyof Inputs], event);
  }

  #apply<Input>(operation: Operation<State, Input>, input: Input, event: EventInfo): void {
    try {
      this.state = operation.fold(this.state, input, event);
    } catch (error) {
      const problem: FoldProblem = { kind: "fold", seq: event.seq, error };
      if (this.#options.onFoldError === "skip") this.#skip(problem);
      else this.#stop(problem);
      return;
    }
    this.#applied(event);
  }

  #applied({ seq, originHash, seqOrTs }: EventInfo): void {
    const expected = this.applied === undefined ? this.startSeq : this.applied + 1n;
    if (seq === expected) this.applied = seq;
    this.folded = seq;
    this.version += 1;
    if (originHash === this.originHash && seqOrTs !== appSeqNone && seqOrTs >= this.appSeq) {
      this.appSeq = seqOrTs + 1n;
    }
  }

  #stop(problem: FoldProblem): void {
    this.running = false;
    this.failure = problem;
    this.#report(problem);
  }

  #skip(problem: FoldProblem): void {
    this.folded = problem.seq;
    this.skipped += 1;
    this.version += 1;
    this.#report(problem);
  }

  #report(problem: FoldProblem): void {
    try {
      this.#options.onProblem?.(problem);
    } catch {
      // What an observer throws is its own affair: the fold goes on for everybody else.
    }
  }
}

/** What a stopped fold tells those who ask why, for a message. */
export function failureText(failure: FoldProblem): string {
  return `fold stopped at seq ${failure.seq}: ${reasonOf(failure.error)}`;
}
