/** What a log tells those who follow it; an observer of `@gaiaftcl/redex`. */
export interface LogFollower {
  /** An event is in the log. `payload` is good during the call and must not be changed. */
  appended(seq: bigint, payload: Uint8Array): void;
  /** Nothing will be appended any more. */
  closed(): void;
}

/**
 * The log beneath a model, as much of it as a fold needs: a `RedexFile` of `@gaiaftcl/redex` is one.
 * All of it is synchronous, so that a write is folded before the call that wrote it returns.
 */
export interface EventLog {
  /** Appends one event and returns its sequence number; throws when the log cannot take it. */
  append(payload: Uint8Array): bigint;
  /**
   * Calls `visitor` with the events of `start <= seq < end` in order, until it returns false; holes
   * are skipped. `payload` is good during the call and must not be changed.
   */
  visit(
    start: bigint,
    end: bigint,
    visitor: (seq: bigint, payload: Uint8Array) => boolean | undefined,
  ): void;
  /** The number that the next event gets. */
  readonly nextSeq: bigint;
  /** The number of the oldest event that is still there; undefined when there is none. */
  readonly firstSeq: bigint | undefined;
  readonly isClosed: boolean;
  /** Tells the follower of every append before the append returns, and returns what ends it. */
  observe(follower: LogFollower): () => void;
}

/** Where logs come from, by channel name; a `Redex` of `@gaiaftcl/redex` is one. */
export interface LogStore {
  openFile(name: string, options?: { readonly persistent?: boolean }): Promise<EventLog>;
}
