import { setImmediate as nextTurn } from "node:timers/promises";
import type { Pattern } from "@gaiaftcl/nats-subject";
import type { Msg } from "@nats-io/nats-core";
import { ArrivalBuffer } from "./arrival-buffer.js";
import { Assay, type Assayed } from "./assay.js";
import { Brokers } from "./brokers.js";
import type { LaneRow } from "./database-lane.js";
import type { SubscribedMessage } from "./message.js";
import { NatsSubscribeError } from "./nats-subscribe-error.js";
import { type Arrival, SharedReader } from "./shared-reader.js";
import { type BrokerName, StatusFeed, type SubscriptionStatus } from "./status.js";
import type { SubjectFilter } from "./subject-filter.js";
import type { ResolvedOptions } from "./subscribe-options.js";

/** What a subscription has counted since it was made. */
export interface SubscriptionStats {
  /** Messages from the brokers. */
  readonly received: number;
  /** Rows from the database. */
  readonly fromDatabase: number;
  /** Messages handed to the consumer. */
  readonly delivered: number;
  /** Messages that found no room in the buffer. */
  readonly dropped: number;
  readonly duplicates: number;
  /** Messages left out by `onlyVerified`. */
  readonly withheld: number;
  /** Messages that the broker should not have delivered here. */
  readonly misdelivered: number;
  /** Messages that wait to be taken. */
  readonly waiting: number;
}

/** Rows of the database that wait beside the messages; the database keeps the rest. */
const LANE_ROWS = 64;
/** After so many messages in a row, or more where more wait, the event loop gets its turn. */
const TURN_MESSAGES = 256;
const MOST_MESSAGES = 2048;
/** Where more wait than this, reading can wait, and both threads verify. */
const GATHERED_MESSAGES = 512;

/**
 * A subscription (cell format, section 7): an async iterator of messages, each with its report.
 * Made by `subscribe`; leave the loop, `close` it, or declare it with `await using`.
 */
export class Subscription implements AsyncIterableIterator<SubscribedMessage>, AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #options: ResolvedOptions;
  readonly #filter: SubjectFilter;
  readonly #statuses: StatusFeed;
  readonly #buffer: ArrivalBuffer<Arrival>;
  readonly #reader: SharedReader;
  readonly #assay: Assay;
  readonly #brokers: Brokers;
  readonly #looksUp: boolean;
  readonly #lane: LaneRow[] = [];
  readonly #count = {
    received: 0,
    fromDatabase: 0,
    delivered: 0,
    dropped: 0,
    duplicates: 0,
    withheld: 0,
    misdelivered: 0,
  };
  #wake: (() => void)[] = [];
  #room: (() => void)[] = [];
  #turn: Promise<unknown> | undefined;
  #sinceTurn = 0;
  #turnMessages = TURN_MESSAGES;
  /** Whether the last wait for more messages was in vain. */
  #idle = false;
  #onGathered: (() => void) | undefined;
  #draining = false;
  #failure: { readonly cause: unknown } | undefined;
  #lastSubject = "";
  #droppedUntold = 0;
  #misdeliveredUntold: { count: number; subject: string } | undefined;

  constructor(filter: SubjectFilter, options: ResolvedOptions) {
    this.#filter = filter;
    this.#options = options;
    this.#statuses = new StatusFeed(options.onStatus);
    this.#buffer = new ArrivalBuffer(options.buffer, (arrival) => this.#onDrop(arrival));
    this.#reader = new SharedReader(options);
    this.#assay = new Assay(this.#reader, options, this.#stop.signal);
    this.#looksUp = this.#assay.looksUp;
    this.#brokers = new Brokers(
      filter,
      options,
      {
        onMessage: (broker, pattern, message) => this.#onMessage(broker, pattern, message),
        onRow: (row, signal) => this.#onRow(row, signal),
        onStatus: (status) => this.#statuses.emit(status),
        onFailure: (cause) => this.#fail(cause),
      },
      this.#stop.signal,
    );
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (options.signal?.aborted === true) this.#onAbort();
  }

  /**
   * Settles when every broker that is needed has the subscription. Rejects when it is closed before.
   */
  ready(): Promise<void> {
    return this.#brokers.ready();
  }

  stats(): SubscriptionStats {
    return { ...this.#count, waiting: this.#buffer.length + this.#lane.length };
  }

  /** Connections made and lost, changes between broker and database, drops; from now on. */
  status(): AsyncIterableIterator<SubscriptionStatus> {
    return this.#statuses.listen();
  }

  /**
   * The next message; done when the subscription is closed.
   *
   * @throws NatsSubscribeError `BUFFER_FULL` with that policy, `CONNECTION_CLOSED` for a connection
   *   that was passed in; the reason of the signal
   */
  next(): Promise<IteratorResult<SubscribedMessage, undefined>> {
    if (this.#turn === undefined) {
      const message = this.#takeNow();
      if (message !== undefined) return Promise.resolve({ done: false, value: message });
    }
    return this.#takeInTurn();
  }

  async return(): Promise<IteratorResult<SubscribedMessage, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Takes no more messages from the brokers; those that wait are still handed out, then it ends. */
  async drain(): Promise<void> {
    await this.#brokers.drain();
    this.#draining = true;
    this.#ring();
  }

  /** Ends it: the iterator is done, connections of its own are closed. More than once does nothing. */
  async close(): Promise<void> {
    this.#end();
    await Promise.all([this.#brokers.close(), this.#reader.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A message that waits and needs nothing looked up, as most do. */
  #takeNow(): SubscribedMessage | undefined {
    while (this.#sinceTurn < this.#turnMessages && this.#lane.length === 0) {
      // What is closed or has failed holds nothing any more.
      const arrival = this.#looksUp ? undefined : this.#shift();
      if (arrival === undefined) return undefined;
      this.#sinceTurn += 1;
      const message = this.#admit(this.#assay.assay(arrival));
      if (message !== undefined) return message;
    }
    return undefined;
  }

  /**
   * The next message, once it may be read here. While a second thread has it, this one reads more from
   * the broker, and does what that thread has not come to where there is nothing to read, or enough.
   */
  #shift(): Arrival | undefined {
    const head = this.#buffer.at(this.#buffer.taken);
    if (head !== undefined && this.#reader.isPending(head)) {
      if (!this.#idle && this.#buffer.length < GATHERED_MESSAGES) return undefined;
      this.#idle = false;
      this.#reader.help(head);
    }
    const arrival = this.#buffer.shift();
    this.#reader.share(this.#buffer);
    return arrival;
  }

  /** Waits for more messages, at most until the event loop comes round. */
  #gather(): Promise<void> {
    const { received } = this.#count;
    return new Promise((resolve) => {
      const done = (): void => {
        clearImmediate(immediate);
        this.#onGathered = undefined;
        this.#idle = this.#count.received === received;
        this.#startTurn();
        resolve();
      };
      const immediate = setImmediate(done);
      this.#onGathered = done;
    });
  }

  /** What came while others had their turn is handed out before they get the next one. */
  #startTurn(): void {
    this.#sinceTurn = 0;
    this.#turnMessages = Math.min(Math.max(this.#buffer.length, TURN_MESSAGES), MOST_MESSAGES);
  }

  /** Callers that do not wait for one another are served in order. */
  async #takeInTurn(): Promise<IteratorResult<SubscribedMessage, undefined>> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    try {
      if (before !== undefined) await before;
      return await this.#take();
    } finally {
      if (this.#turn === promise) this.#turn = undefined;
      resolve();
    }
  }

  async #take(): Promise<IteratorResult<SubscribedMessage, undefined>> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.cause;
      if (this.#stop.signal.aborted) return { done: true, value: undefined };
      if (this.#sinceTurn >= this.#turnMessages) {
        await nextTurn();
        this.#startTurn();
      }
      this.#sinceTurn += 1;
      const row = this.#lane.shift();
      const arrival = row === undefined ? this.#shift() : undefined;
      if (row === undefined && arrival === undefined) {
        if (this.#buffer.length > 0) {
          await this.#gather();
          continue;
        }
        if (this.#draining) {
          void this.#reader.close();
          return { done: true, value: undefined };
        }
        await this.#arrival();
        continue;
      }
      const assayed = await this.#assayed(row, arrival);
      const message = assayed === undefined ? undefined : this.#admit(assayed);
      if (message !== undefined) return { done: false, value: message };
    }
  }

  async #assayed(
    row: LaneRow | undefined,
    arrival: Arrival | undefined,
  ): Promise<Assayed | undefined> {
    try {
      if (row !== undefined) {
        for (const taken of this.#room.splice(0)) taken();
        return await this.#assay.assayRow(row);
      }
      return arrival === undefined ? undefined : await this.#assay.assayFully(arrival);
    } catch (cause) {
      // Closed in the middle of looking something up.
      if (this.#stop.signal.aborted) return undefined;
      throw cause;
    }
  }

  /** Counts what became of a message, and returns it where it is for the consumer. */
  #admit(assayed: Assayed): SubscribedMessage | undefined {
    if (assayed === "duplicate") {
      this.#count.duplicates += 1;
      return undefined;
    }
    if (assayed.kind === "row" && assayed.origin !== "database" && assayed.report.ok) {
      this.#brokers.note(assayed);
    }
    if (this.#options.onlyVerified && !assayed.report.ok) {
      this.#count.withheld += 1;
      return undefined;
    }
    this.#count.delivered += 1;
    return assayed;
  }

  /** Runs within the client's own reading, so it does little and never throws. */
  #onMessage(broker: BrokerName, pattern: Pattern, message: Msg): void {
    if (this.#stop.signal.aborted) return;
    const { data } = message;
    const subject = this.#subjectOf(message);
    if (!this.#filter.accepts(broker, pattern, subject)) {
      if (!this.#filter.isTwin(pattern, subject)) this.#onMisdelivered(subject);
      return;
    }
    this.#count.received += 1;
    const bytes = data.byteLength + subject.length;
    const arrival = arrivalOf(subject, message, bytes);
    this.#reader.count();
    if (!this.#buffer.push(arrival)) {
      const { messages } = this.#options.buffer;
      this.#fail(
        new NatsSubscribeError(
          "BUFFER_FULL",
          `${subject}: more than ${messages} messages or their bytes wait to be taken; take them faster, make the buffer larger, or let it drop some`,
        ),
      );
    }
    this.#reader.share(this.#buffer);
    if (this.#buffer.length >= GATHERED_MESSAGES) this.#onGathered?.();
    this.#ring();
  }

  /** The same text for the same subject, which is found in tables sooner than a new one. */
  #subjectOf(message: Msg): string {
    const { subject } = message;
    if (subject !== this.#lastSubject) this.#lastSubject = subject;
    return this.#lastSubject;
  }

  async #onRow(row: LaneRow, signal: AbortSignal): Promise<void> {
    while (this.#lane.length >= LANE_ROWS) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#room.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      signal.throwIfAborted();
    }
    this.#count.fromDatabase += 1;
    this.#lane.push(row);
    this.#ring();
  }

  #onDrop(arrival: Arrival): void {
    this.#count.dropped += 1;
    this.#reader.drop(arrival);
    this.#brokers.onDrop(arrival.subject);
    this.#droppedUntold += 1;
    if (this.#droppedUntold > 1) return;
    setImmediate(() => {
      const count = this.#droppedUntold;
      this.#droppedUntold = 0;
      this.#statuses.emit({ type: "dropped", count, total: this.#count.dropped });
    });
  }

  #onMisdelivered(subject: string): void {
    this.#count.misdelivered += 1;
    if (this.#misdeliveredUntold !== undefined) {
      this.#misdeliveredUntold.count += 1;
      return;
    }
    this.#misdeliveredUntold = { count: 1, subject };
    setImmediate(() => {
      const untold = this.#misdeliveredUntold;
      this.#misdeliveredUntold = undefined;
      if (untold !== undefined) this.#statuses.emit({ type: "misdelivered", ...untold });
    });
  }

  #arrival(): Promise<void> {
    this.#startTurn();
    this.#idle = false;
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #ring(): void {
    if (this.#wake.length > 0) for (const wake of this.#wake.splice(0)) wake();
  }

  readonly #onAbort = (): void => this.#fail(this.#options.signal?.reason);

  /** Ends the iterator with an error, once. */
  #fail(cause: unknown): void {
    if (this.#stop.signal.aborted) return;
    this.#failure = { cause };
    this.#end();
    void this.#brokers.close();
    void this.#reader.close();
  }

  #end(): void {
    if (this.#stop.signal.aborted) return;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#stop.abort();
    this.#buffer.clear();
    this.#lane.length = 0;
    this.#statuses.end();
    this.#onGathered?.();
    this.#ring();
  }
}

/** All its members from the start, so that all arrivals have one shape. */
function arrivalOf(subject: string, message: Msg, bytes: number): Arrival {
  return { subject, message, bytes, ticket: undefined, reading: undefined };
}
