import { setImmediate } from "node:timers/promises";
import { type AdapterSnapshot, decodeSnapshot } from "./adapter-snapshot.js";
import { aborted, CortexError, within } from "./cortex-error.js";
import type { EventLog } from "./event-log.js";
import { Fold, type FoldErrorPolicy, type FoldProblem, failureText } from "./fold.js";
import type { Model } from "./model.js";
import { ModelAdapter } from "./model-adapter.js";
import { u64 } from "./scalar-codecs.js";

export interface OpenOptions {
  /** Who writes: one writer per origin and log (CortEX format, section 10). */
  readonly originHash: bigint;
  /** Start from this instead of from the beginning of the log. */
  readonly restore?: AdapterSnapshot | undefined;
  /** What to do with an event whose fold throws; `stop` unless given. */
  readonly onFoldError?: FoldErrorPolicy | undefined;
  /** Told of every event that was not applied. */
  readonly onProblem?: ((problem: FoldProblem) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Events folded between two turns of the event loop, so that a long log blocks nobody. */
const slice = 8192;

/**
 * Opens a model over a log; resolves when everything already in the log has been folded.
 * @throws CortexError `DECODE` for a snapshot that is none, `EVENTS_GONE` when the log no longer has
 * the events after the snapshot, `FOLD_STOPPED` when a fold throws under the policy `stop`, `LOG`,
 * `ABORTED`
 */
export async function openModel<State, Inputs, Queries>(
  model: Model<State, Inputs, Queries>,
  log: EventLog,
  options: OpenOptions,
): Promise<ModelAdapter<State, Inputs, Queries>> {
  const context = openingOf(model.channel, options);
  return within(
    context,
    async () => new ModelAdapter(model, log, await foldLog(model, log, options)),
  );
}

/**
 * What was being done when opening fails, as the format's errors say it (CortEX format, section 13).
 */
export function openingOf(name: string, options: OpenOptions): string {
  return `${name} ${options.restore === undefined ? "open" : "open_from_snapshot"} failed`;
}

/** The fold of what a log holds, which an adapter then carries on without a gap. */
export async function foldLog<State, Inputs, Queries>(
  model: Model<State, Inputs, Queries>,
  log: EventLog,
  options: OpenOptions,
): Promise<Fold<State, Inputs, Queries>> {
  u64.check(options.originHash, "originHash");
  const { restore, signal } = options;
  const start =
    restore === undefined
      ? { state: model.initial(), appSeq: 0n, lastSeq: undefined }
      : decodeSnapshot(model, restore);
  const fold = new Fold(model, start, options);
  if (start.lastSeq !== undefined) ensureFollows(log, fold.startSeq);
  while (fold.running && fold.next < log.nextSeq) {
    if (signal?.aborted === true) throw aborted(signal, "folding the log");
    fold.catchUp(log, slice);
    if (fold.next < log.nextSeq) await setImmediate();
  }
  if (fold.failure !== undefined) {
    const { kind, error } = fold.failure;
    throw new CortexError(kind === "log" ? "LOG" : "FOLD_STOPPED", failureText(fold.failure), {
      cause: error,
    });
  }
  return fold;
}

function ensureFollows(log: EventLog, startSeq: bigint): void {
  const first = log.firstSeq ?? log.nextSeq;
  if (first <= startSeq) return;
  throw new CortexError(
    "EVENTS_GONE",
    `the snapshot ends before event ${startSeq}, but the log's oldest event is ${first}; take a newer snapshot, or open without one`,
  );
}
