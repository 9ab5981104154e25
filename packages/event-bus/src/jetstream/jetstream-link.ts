import {
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { connect, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";
import { before } from "../deadline.js";
import { Renewable } from "../renewable.js";
import { isNotFound } from "./jetstream-failure.js";

export interface JetStreamLimits {
  readonly replicas: number;
  readonly maxMessages: number | undefined;
  readonly maxBytes: number | undefined;
  readonly maxAgeMs: number | undefined;
  readonly dedupWindowMs: number;
}

export interface JetStreamLinkOptions {
  readonly connection: NodeConnectionOptions;
  /** Whether a lost connection is taken up again by the client, with what it has not sent. */
  readonly reconnect: boolean;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly prefix: string;
  readonly limits: JetStreamLimits;
}

/** What one connection offers, and the streams known to be there. */
export interface JetStreamSession {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly streams: Map<number, Promise<void>>;
}

const MS = 1_000_000;

/** A connection to a NATS server or cluster, opened when needed and replaced when it fails. */
export class JetStreamLink {
  readonly #options: JetStreamLinkOptions;
  readonly #session: Renewable<JetStreamSession>;

  constructor(options: JetStreamLinkOptions) {
    this.#options = options;
    this.#session = new Renewable(
      () => this.#connect(),
      ({ connection }) => connection.close().catch(() => undefined),
    );
  }

  streamOf(shardId: number): string {
    return `${this.#options.prefix}_shard_${shardId}`;
  }

  subjectOf(shardId: number | "*"): string {
    return `${this.#options.prefix}.shard.${shardId}`;
  }

  /**
   * Runs `work` on a connection on which the stream of a shard exists. When it fails, the
   * connection is not used again.
   */
  async run<T>(
    shardId: number | undefined,
    signal: AbortSignal,
    timeoutMs: number,
    work: (session: JetStreamSession) => Promise<T>,
  ): Promise<T> {
    const session = await this.#session.get();
    try {
      const all = shardId === undefined ? work(session) : this.#onStream(session, shardId, work);
      return await before(all, timeoutMs, signal, "a request to JetStream");
    } catch (error) {
      if (!this.#options.reconnect) await this.#session.drop(session);
      throw error;
    }
  }

  /** The connection, for subscriptions that live longer than one request. */
  session(): Promise<JetStreamSession> {
    return this.#session.get();
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #onStream<T>(
    session: JetStreamSession,
    shardId: number,
    work: (session: JetStreamSession) => Promise<T>,
  ): Promise<T> {
    await this.ensureStream(session, shardId);
    return await work(session);
  }

  /** Looks for the stream of a shard and creates it when it is not there (format, section 10). */
  ensureStream(session: JetStreamSession, shardId: number): Promise<void> {
    const known = session.streams.get(shardId);
    if (known !== undefined) return known;
    const ensured = this.#createStream(session, shardId).catch((error: unknown) => {
      session.streams.delete(shardId);
      throw error;
    });
    session.streams.set(shardId, ensured);
    return ensured;
  }

  async #createStream({ jsm }: JetStreamSession, shardId: number): Promise<void> {
    const name = this.streamOf(shardId);
    try {
      await jsm.streams.info(name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await jsm.streams.add(this.#configOf(shardId));
    }
  }

  #configOf(shardId: number): Partial<StreamConfig> & { readonly name: string } {
    const { replicas, maxMessages, maxBytes, maxAgeMs, dedupWindowMs } = this.#options.limits;
    const window = Math.min(dedupWindowMs, maxAgeMs ?? Number.POSITIVE_INFINITY);
    return {
      name: this.streamOf(shardId),
      subjects: [this.subjectOf(shardId)],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      allow_direct: true,
      num_replicas: replicas,
      duplicate_window: window * MS,
      ...(maxMessages === undefined ? {} : { max_msgs: maxMessages }),
      ...(maxBytes === undefined ? {} : { max_bytes: maxBytes }),
      ...(maxAgeMs === undefined ? {} : { max_age: maxAgeMs * MS }),
    };
  }

  async #connect(): Promise<JetStreamSession> {
    const { connection: options, reconnect, connectTimeoutMs, requestTimeoutMs } = this.#options;
    const connection = await connect({
      ...options,
      timeout: connectTimeoutMs,
      reconnect,
      ...(reconnect ? { maxReconnectAttempts: -1, reconnectTimeWait: 250 } : {}),
    });
    const js = jetstream(connection, { timeout: requestTimeoutMs });
    try {
      const jsm = await js.jetstreamManager(false);
      return { connection, js, jsm, streams: new Map() };
    } catch (error) {
      await connection.close();
      throw error;
    }
  }
}
