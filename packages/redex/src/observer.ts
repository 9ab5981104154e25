/**
 * What takes part in every append of a log, before the append returns: the place of a fold engine.
 * An observer that throws is detached and told so through `failed`; the append itself stands.
 */
export interface LogObserver {
  /** An event is in the log. `payload` is good during the call and must not be changed. */
  appended(seq: bigint, payload: Uint8Array): void;
  /** Retention evicted events; `oldest` is the oldest number retained, or the next one to come. */
  evicted?(oldest: bigint): void;
  /** The log was closed: nothing will be appended any more. */
  closed?(): void;
  /** The log takes no more events (an fsync failed), or this observer threw and is detached. */
  failed?(error: unknown): void;
}

/** The observers of one log. Events reach each of them in order, also those appended by one of them. */
export class ObserverList {
  #observers: readonly LogObserver[] = [];
  #waiting: [bigint, Uint8Array][] = [];
  #isNotifying = false;

  get isEmpty(): boolean {
    return this.#observers.length === 0;
  }

  /** Adds an observer; the function returned removes it. */
  add(observer: LogObserver): () => void {
    this.#observers = [...this.#observers, observer];
    return () => this.#remove(observer);
  }

  appended(seq: bigint, payload: Uint8Array): void {
    if (this.#isNotifying) {
      // An observer appended this: its turn comes when all have seen what it answers.
      this.#waiting.push([seq, payload.slice()]);
      return;
    }
    this.#isNotifying = true;
    this.#each((observer) => observer.appended(seq, payload));
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const [laterSeq, laterPayload] = next;
      this.#each((observer) => observer.appended(laterSeq, laterPayload));
    }
    this.#isNotifying = false;
  }

  evicted(oldest: bigint): void {
    this.#each((observer) => observer.evicted?.(oldest));
  }

  closed(): void {
    this.#each((observer) => observer.closed?.());
  }

  failed(error: unknown): void {
    this.#each((observer) => observer.failed?.(error));
  }

  #remove(observer: LogObserver): void {
    this.#observers = this.#observers.filter((other) => other !== observer);
  }

  #each(call: (observer: LogObserver) => void): void {
    for (const observer of this.#observers) {
      try {
        call(observer);
      } catch (error) {
        this.#remove(observer);
        tell(observer, error);
      }
    }
  }
}

function tell(observer: LogObserver, error: unknown): void {
  try {
    observer.failed?.(error);
  } catch {
    // It is detached already.
  }
}
