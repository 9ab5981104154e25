import { availableParallelism } from "node:os";
import type { Msg } from "@nats-io/nats-core";
import type { ArrivalBuffer } from "./arrival-buffer.js";
import { EventReader, type EventReading } from "./event-reader.js";
import type { ResolvedOptions } from "./subscribe-options.js";
import { VerifyThread } from "./verify-thread.js";

/** A message as the broker delivered it. */
export interface Arrival {
  readonly subject: string;
  readonly message: Pick<Msg, "data" | "reply">;
  /** What it takes up while it waits. */
  readonly bytes: number;
  /** Where it was given to the other thread. */
  ticket?: number | undefined;
  /** What was read in it when the other thread was not done with it. */
  reading?: EventReading | undefined;
}

/** More than so many messages in so many milliseconds are worth a thread. */
const BUSY_MESSAGES = 1024;
const BUSY_MS = 100;
/** A message that so few wait before is read sooner than it is shared. */
const NEAR = 4;
/** A subscription with less room cannot gather enough for two. */
const ROOM_MESSAGES = 2048;
const ROOM_BYTES = 8 * 1024 * 1024;

/** Reads and verifies what arrives, under load together with a thread of its own. */
export class SharedReader {
  readonly events: EventReader;
  readonly #options: ResolvedOptions;
  #mayShare: boolean;
  #thread: VerifyThread | undefined;
  #closed = false;
  #arrivals = 0;
  #since = 0;
  /** The number of the next message in the buffer to share. */
  #shared = 0;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.events = new EventReader(options);
    const { buffer } = options;
    this.#mayShare =
      options.thread &&
      this.events.isFast &&
      availableParallelism() > 1 &&
      buffer.messages >= ROOM_MESSAGES &&
      buffer.bytes >= ROOM_BYTES;
  }

  /** Counts a message, and starts the other thread where so many come that it pays. */
  count(): void {
    if (!this.#mayShare || this.#thread !== undefined || this.#closed) return;
    this.#arrivals += 1;
    if (this.#arrivals % BUSY_MESSAGES !== 0) return;
    const now = performance.now();
    const elapsed = now - this.#since;
    this.#since = now;
    if (elapsed > BUSY_MS) return;
    const { require, maxEventBytes } = this.#options;
    try {
      this.#thread = new VerifyThread(require, maxEventBytes);
    } catch {
      // A bundle without the file, or a process that may not start threads: one does it all.
      this.#mayShare = false;
    }
  }

  /** Gives the other thread what it has room for of the messages that wait. */
  share(waiting: ArrivalBuffer<Arrival>): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#shared = Math.max(this.#shared, waiting.taken + NEAR);
    while (thread.hasRoom) {
      const arrival = waiting.at(this.#shared);
      if (arrival === undefined) return;
      this.#shared += 1;
      const { subject, message } = arrival;
      const { data } = message;
      if (data.byteLength <= thread.maxBytes) arrival.ticket = thread.offer(subject, data);
    }
  }

  /** Whether the other thread has it and is not done. */
  isPending({ ticket, reading }: Arrival): boolean {
    return (
      reading === undefined && ticket !== undefined && this.#thread?.isPending(ticket) === true
    );
  }

  /** Does some of the work until the first message that waits is read. */
  help(head: Arrival): void {
    while (this.isPending(head)) {
      if (this.#thread?.help(head.ticket ?? 0) === true) continue;
      head.reading = this.events.read(head.subject, head.message.data);
    }
  }

  read(arrival: Arrival): EventReading {
    const { subject, message, ticket, reading } = arrival;
    const thread = this.#thread;
    if (ticket !== undefined && thread !== undefined) {
      const at = thread.take(ticket);
      if (reading === undefined && at !== undefined) {
        const found = this.events.readFound(subject, message.data, thread.records, at);
        if (found !== undefined) return found;
      }
    }
    return reading ?? this.events.read(subject, message.data);
  }

  /** Forgets a message that will not be read. */
  drop({ ticket }: Arrival): void {
    if (ticket !== undefined) this.#thread?.take(ticket);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#thread?.close();
  }
}
