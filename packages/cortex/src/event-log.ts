/** One event of a log. */
export interface LogEvent {
  readonly seq: bigint;
  readonly payload: Uint8Array;
}

/**
 * The log beneath a model, as much of it as a fold needs; a file of `@gaiaftcl/redex` is one. All of
 * it is synchronous, so that a write is folded before the call that wrote it returns.
 */
export interface EventLog {
  /** Appends one event and returns its sequence number; throws when the log cannot take it. */
  append(payload: Uint8Array): bigint;
  /** The events with `start <= seq < end` in order; holes are skipped. */
  readRange(start: bigint, end: bigint): Iterable<LogEvent>;
  /** The number that the next event gets. */
  readonly nextSeq: bigint;
  /** The number of the oldest event that is still there; undefined when there is none. */
  readonly firstSeq: bigint | undefined;
  /** Whether the log takes no more appends. */
  readonly closed: boolean;
  /**
   * Calls `listener` after every append, before the append returns, and once when the log is
   * closed. Returns what ends it. The listener does not throw.
   */
  onAppend(listener: () => void): () => void;
}

/** Where logs come from, by channel name; a `Redex` of `@gaiaftcl/redex` is one. */
export interface LogStore {
  openFile(name: string, options?: { readonly persistent?: boolean }): EventLog | Promise<EventLog>;
}
