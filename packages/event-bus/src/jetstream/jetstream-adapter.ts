import { Buffer } from "node:buffer";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import type {
  AdapterContext,
  EventAdapter,
  GroupMember,
  GroupOptions,
  ReadRequest,
  ShardPage,
} from "../adapter.js";
import { sleep } from "../backoff.js";
import { before } from "../deadline.js";
import { EnvelopeReader } from "../envelope.js";
import type { EventBatch } from "../event-batch.js";
import { EventBusError } from "../event-bus-error.js";
import { within } from "../event-bus-options.js";
import { type FetchedPage, ReadAhead } from "../read-ahead.js";
import type { StoredEvent } from "../stored-event.js";
import { directGet, type StreamMessage } from "./direct-get.js";
import { jetStreamFailure } from "./jetstream-failure.js";
import { JetStreamGroupMember } from "./jetstream-group.js";
import { JetStreamLink, type JetStreamSession } from "./jetstream-link.js";

export interface JetStreamOptions {
  /** `nats://host:port`, or several of one cluster. */
  readonly url: string | readonly string[];
  /** Streams are called `<prefix>_shard_<shard>`; default `net`. */
  readonly prefix?: string;
  /** Copies of each stream in a cluster; default 1. */
  readonly replicas?: number;
  /** What each stream keeps; default: everything. */
  readonly maxMessages?: number;
  readonly maxBytes?: number;
  readonly maxAgeMs?: number;
  /** How long the server recognises a repeated batch; default one hour. */
  readonly dedupWindowMs?: number;
  /** Default 5,000 ms. */
  readonly connectTimeoutMs?: number;
  /** How long the server may take over one request or batch; default 5,000 ms. */
  readonly requestTimeoutMs?: number;
  /**
   * Events of a batch that may be under way at once; default all. With 1 the order within a shard
   * holds even when the leader of a replicated stream changes in the middle of a batch.
   */
  readonly maxUnacknowledged?: number;
  /** Options of the NATS client beyond the address: credentials, TLS and the like. */
  readonly connection?: Omit<NodeConnectionOptions, "servers" | "reconnect" | "timeout">;
}

const LONGEST = 3_600_000;
/** Servers hand out this many messages per request at most. */
const LARGEST_BATCH = 1_000;
/** How long one wait for news lasts, and how long a reader is at most late if a signal is lost. */
const NEWS_MS = 1_000;
const SEQUENCE = /^[0-9]{1,20}$/;

/** Streams of a NATS server or cluster (event bus format, section 10). */
export class JetStreamStreams implements EventAdapter {
  readonly name = "jetstream";
  readonly #requestTimeoutMs: number;
  readonly #maxUnacknowledged: number;
  readonly #writing: JetStreamLink;
  readonly #reading: JetStreamLink;
  readonly #newGroupLink: () => JetStreamLink;
  readonly #groups: Set<JetStreamLink> = new Set();
  readonly #reader: EnvelopeReader = new EnvelopeReader();
  readonly #ahead: ReadAhead;
  readonly #end: AbortController = new AbortController();
  #shards = 0;

  constructor(options: JetStreamOptions) {
    const servers = typeof options.url === "string" ? [options.url] : [...options.url];
    if (servers.length === 0 || servers.includes("")) {
      throw invalid("jetstream url must be non-empty");
    }
    const { prefix = "net" } = options;
    if (!/^[^\s.*>/\\]+$/.test(prefix)) {
      throw invalid(
        `prefix ${JSON.stringify(prefix)} cannot be part of a stream's name: no white space, . * > / or \\`,
      );
    }
    for (const name of ["maxMessages", "maxBytes", "maxAgeMs"] as const) {
      const value = options[name];
      if (value !== undefined) within(name, value, 0, Number.MAX_SAFE_INTEGER);
    }
    const { connectTimeoutMs = 5_000, requestTimeoutMs = 5_000 } = options;
    this.#requestTimeoutMs = within("requestTimeoutMs", requestTimeoutMs, 1, LONGEST);
    this.#maxUnacknowledged = within(
      "maxUnacknowledged",
      options.maxUnacknowledged ?? Number.POSITIVE_INFINITY,
      1,
      Number.POSITIVE_INFINITY,
    );
    const common = {
      connection: { ...options.connection, servers },
      connectTimeoutMs: within("connectTimeoutMs", connectTimeoutMs, 1, LONGEST),
      requestTimeoutMs: this.#requestTimeoutMs,
      prefix,
      limits: {
        replicas: within("replicas", options.replicas ?? 1, 1, 5),
        maxMessages: options.maxMessages,
        maxBytes: options.maxBytes,
        maxAgeMs: options.maxAgeMs,
        dedupWindowMs: within("dedupWindowMs", options.dedupWindowMs ?? 3_600_000, 100, 2 ** 40),
      },
    };
    // A client that reconnects sends the part of a batch that it had not sent before, without the
    // part that was lost on the way: the order would be gone. Each attempt has its own connection.
    this.#writing = new JetStreamLink({ ...common, reconnect: false });
    this.#reading = new JetStreamLink({ ...common, reconnect: false });
    this.#newGroupLink = () => new JetStreamLink({ ...common, reconnect: true });
    this.#ahead = new ReadAhead((request) => this.#read(request), this.#end.signal);
  }

  open({ shards }: AdapterContext): void {
    this.#shards = shards;
  }

  async connect(signal: AbortSignal): Promise<void> {
    try {
      await this.#writing.run(0, signal, this.#requestTimeoutMs, () => Promise.resolve());
    } catch (error) {
      throw jetStreamFailure(error, "connecting to JetStream");
    }
  }

  async append(batch: EventBatch, signal: AbortSignal): Promise<void> {
    const { shardId, count } = batch;
    const timeout = this.#requestTimeoutMs;
    const subject = this.#writing.subjectOf(shardId);
    try {
      // Publishing and acknowledging, each within the request timeout.
      await this.#writing.run(shardId, signal, timeout * 2, async ({ js }) => {
        for (let start = 0; start < count; start += this.#maxUnacknowledged) {
          const end = Math.min(count, start + this.#maxUnacknowledged);
          const sent: Promise<unknown>[] = [];
          for (let i = start; i < end; i += 1) {
            const options = { msgID: batch.dedupId(i), timeout };
            sent.push(js.publish(subject, batch.envelope(i), options));
          }
          const failed = (await Promise.allSettled(sent)).find(
            ({ status }) => status === "rejected",
          );
          if (failed?.status === "rejected") throw failed.reason;
        }
      });
    } catch (error) {
      throw jetStreamFailure(error, `publishing ${count} events to ${subject}`);
    }
  }

  read(request: ReadRequest): ShardPage | Promise<ShardPage> {
    return this.#ahead.read(request);
  }

  async news(
    positions: ReadonlyMap<number, string | undefined>,
    signal: AbortSignal,
  ): Promise<void> {
    const { connection } = await this.#reading.session();
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    signal.addEventListener("abort", wake);
    // Whoever adds to a stream publishes a message: it tells that there is something to read.
    const subscription = connection.subscribe(this.#reading.subjectOf("*"), {
      max: 1,
      callback: wake,
    });
    try {
      await before(connection.flush(), this.#requestTimeoutMs, signal, "waiting for news");
      const reads = [...positions].map(([shardId, after]) =>
        this.#read({ shardId, after, limit: 1, signal }),
      );
      const pages = await Promise.all(reads);
      if (pages.some(({ position }) => position !== undefined)) return;
      await sleep(NEWS_MS, woken.signal);
    } finally {
      signal.removeEventListener("abort", wake);
      subscription.unsubscribe();
    }
  }

  join(options: GroupOptions): Promise<GroupMember> {
    const link = this.#newGroupLink();
    this.#groups.add(link);
    const member = new JetStreamGroupMember({
      link,
      shards: this.#shards,
      options,
      requestTimeoutMs: this.#requestTimeoutMs,
      onClose: async () => {
        this.#groups.delete(link);
        await link.close();
      },
    });
    return Promise.resolve(member);
  }

  async close(): Promise<void> {
    this.#end.abort();
    await Promise.all([this.#writing, this.#reading, ...this.#groups].map((link) => link.close()));
  }

  async #read({ shardId, after, limit, signal }: ReadRequest): Promise<FetchedPage> {
    const start = after === undefined ? 1n : sequenceOf(after) + 1n;
    const subject = this.#reading.subjectOf(shardId);
    try {
      const timeoutMs = this.#requestTimeoutMs;
      const messages = await this.#reading.run(shardId, signal, timeoutMs, (session) =>
        this.#messages(session, shardId, Number(start), limit + 1),
      );
      return this.#pageOf(messages, limit);
    } catch (error) {
      throw jetStreamFailure(error, `reading ${subject}`);
    }
  }

  async #messages(
    { connection }: JetStreamSession,
    shardId: number,
    start: number,
    count: number,
  ): Promise<readonly StreamMessage[]> {
    const stream = this.#reading.streamOf(shardId);
    const messages: StreamMessage[] = [];
    while (messages.length < count) {
      const from = (messages.at(-1)?.sequence ?? start - 1) + 1;
      const batch = Math.min(LARGEST_BATCH, count - messages.length);
      const found = await directGet(connection, stream, from, batch);
      messages.push(...found.messages);
      if (found.isEnd) break;
    }
    return messages;
  }

  #pageOf(messages: readonly StreamMessage[], limit: number): FetchedPage {
    const events: StoredEvent[] = [];
    let bytes = 0;
    const looked = messages.slice(0, limit);
    for (const { sequence, data, messageId } of looked) {
      bytes += data.length;
      const envelope = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const event = this.#reader.read(String(sequence), envelope, messageId);
      if (event !== undefined) events.push(event);
    }
    const last = looked.at(-1);
    return {
      events,
      position: last && String(last.sequence),
      more: messages.length > limit,
      unreadable: looked.length - events.length,
      missed: 0,
      bytes,
    };
  }
}

/** NATS JetStream as the backend of a bus (event bus format, section 10). */
export function jetStream(options: JetStreamOptions): JetStreamStreams {
  return new JetStreamStreams(options);
}

function sequenceOf(id: string): bigint {
  // Another position is not the start: everything would be read again without anybody noticing.
  if (SEQUENCE.test(id)) return BigInt(id);
  throw new EventBusError("FATAL", `${JSON.stringify(id)} is no sequence of a JetStream stream`);
}

function invalid(what: string): EventBusError {
  return new EventBusError("INVALID_OPTION", `invalid configuration: jetstream adapter: ${what}`);
}
