import type { RedexEvent } from "./redex-event.js";
import type { SequenceRuns } from "./sequence-runs.js";

/** What holds a log's events: memory, or a directory. Positions are those of `SequenceRuns`. */
export interface EventStore {
  readonly runs: SequenceRuns;
  /** The position of the oldest retained event, and one past the newest. */
  readonly start: number;
  readonly end: number;
  /** Sum of 20 and the payload's length over the retained events. */
  readonly weight: number;

  /**
   * Adds one event. Either it is stored, or an error is thrown and nothing has changed.
   *
   * @throws RedexError `TOO_LARGE`, `OFFSET_OVERFLOW`, `IO`, `POISONED`
   */
  append(seq: bigint, payload: Uint8Array): void;
  /** Adds events with consecutive numbers and one time; all or none. */
  appendBatch(seq: bigint, payloads: readonly Uint8Array[]): void;
  /** The events from position `from` to before `to`; damaged ones are left out. */
  read(from: number, to: number): RedexEvent[];
  /** The same without copies; the payload is good during the call. Stops where it returns false. */
  visit(
    from: number,
    to: number,
    visitor: (position: number, payload: Uint8Array) => unknown,
  ): void;
  weightAt(position: number): number;
  /** Unix nanoseconds. */
  timeAt(position: number): bigint;
  /** Drops the events before `position`. */
  evictBefore(position: number): void;
}

/** The most payload bytes that a log holds at once (log format, section 4). */
export const MAX_LIVE_BYTES: number = 3 * 1024 ** 3;
