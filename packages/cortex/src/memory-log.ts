import { CortexError } from "./cortex-error.js";
import type { EventLog, LogEvent } from "./event-log.js";

/** A log that lives and dies with the process: for state that is only shared, and for tests. */
export class MemoryLog implements EventLog {
  readonly #start: bigint;
  readonly #events: LogEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #closed = false;

  /** @param startSeq the number of the first event, to carry on where a snapshot ends */
  constructor(startSeq = 0n) {
    this.#start = startSeq;
  }

  get nextSeq(): bigint {
    return this.#start + BigInt(this.#events.length);
  }

  get firstSeq(): bigint | undefined {
    return this.#events[0]?.seq;
  }

  get closed(): boolean {
    return this.#closed;
  }

  append(payload: Uint8Array): bigint {
    if (this.#closed) throw new CortexError("LOG", "append: file closed");
    const seq = this.nextSeq;
    this.#events.push({ seq, payload: new Uint8Array(payload) });
    this.#notify();
    return seq;
  }

  readRange(start: bigint, end: bigint): readonly LogEvent[] {
    const from = start > this.#start ? start - this.#start : 0n;
    const to = end > this.#start ? end - this.#start : 0n;
    return this.#events.slice(Number(from), Number(to));
  }

  onAppend(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#notify();
    this.#listeners.clear();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
