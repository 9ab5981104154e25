import type {
  AdapterContext,
  EventAdapter,
  GroupMember,
  GroupOptions,
  ReadRequest,
  ShardPage,
} from "../adapter.js";
import { EnvelopeReader } from "../envelope.js";
import type { EventBatch } from "../event-batch.js";
import { EventBusError } from "../event-bus-error.js";
import { within } from "../event-bus-options.js";
import { type FetchedPage, ReadAhead } from "../read-ahead.js";
import type { StoredEvent } from "../stored-event.js";
import { RedisCluster } from "./redis-cluster.js";
import { type RedisClientExtras, RedisConnection } from "./redis-connection.js";
import { entriesOf, eventOf, idOf } from "./redis-entry.js";
import { redisFailure } from "./redis-failure.js";
import { RedisGroupMember } from "./redis-group.js";
import type { RedisLink } from "./redis-link.js";
import { RedisWriter } from "./redis-writer.js";

export interface RedisStreamsOptions {
  /** `redis://host:port` or `rediss://…`; several of one cluster make it a Redis Cluster. */
  readonly url: string | readonly string[];
  /** Streams are called `<prefix>:shard:<shard>`; default `net`. */
  readonly prefix?: string;
  /** About how many entries each stream keeps (`MAXLEN ~`); default: all. */
  readonly maxStreamLength?: number;
  /**
   * Whether a batch is written by a script, which is faster, or by MULTI, XADD for each event, and
   * EXEC; what the streams hold is the same. Default true, where the server allows it.
   */
  readonly scripts?: boolean;
  /** Default 5,000 ms. */
  readonly connectTimeoutMs?: number;
  /** How long the server may take over one command or batch; default 5,000 ms. */
  readonly commandTimeoutMs?: number;
  /** Options of `@redis/client` beyond the URL: TLS, credentials and the like. */
  readonly client?: RedisClientExtras;
}

/** How long one wait for news lasts at the server. */
const BLOCK_MS = 5_000;
/** Idle connections for waiting that are kept. */
const MOST_IDLE = 4;
const LONGEST = 3_600_000;

/** Streams of a Redis server or cluster, shared with every other implementation of the format. */
export class RedisStreams implements EventAdapter {
  readonly name = "redis";
  /** Waits for news at the server; absent on a cluster, where one command cannot watch all shards. */
  readonly news?: NonNullable<EventAdapter["news"]>;
  readonly #prefix: string;
  readonly #commandTimeoutMs: number;
  readonly #newLink: () => RedisLink;
  readonly #writing: RedisLink;
  readonly #reading: RedisLink;
  readonly #writer: RedisWriter;
  readonly #reader: EnvelopeReader = new EnvelopeReader();
  /** Links for commands that block; one that does can do nothing else meanwhile. */
  #idle: RedisLink[] = [];
  readonly #busy: Set<RedisLink> = new Set();
  readonly #ahead: ReadAhead;
  readonly #end: AbortController = new AbortController();
  #shards = 0;
  #isClosed = false;

  constructor(options: RedisStreamsOptions) {
    const { prefix = "net", maxStreamLength, client = {} } = options;
    const urls = typeof options.url === "string" ? [options.url] : options.url;
    checkUrls(urls);
    if (maxStreamLength !== undefined) within("maxStreamLength", maxStreamLength, 0, 2 ** 53);
    const connectTimeoutMs = within(
      "connectTimeoutMs",
      options.connectTimeoutMs ?? 5_000,
      1,
      LONGEST,
    );
    this.#commandTimeoutMs = within(
      "commandTimeoutMs",
      options.commandTimeoutMs ?? 5_000,
      1,
      LONGEST,
    );
    const common = { connectTimeoutMs, commandTimeoutMs: this.#commandTimeoutMs, client };
    const [url = ""] = urls;
    const isCluster = urls.length > 1;
    this.#newLink = () =>
      isCluster ? new RedisCluster({ ...common, urls }) : new RedisConnection({ ...common, url });
    this.#prefix = prefix;
    this.#writing = this.#newLink();
    this.#reading = this.#newLink();
    this.#writer = new RedisWriter(this.#writing, (shard) => this.keyOf(shard), {
      maxStreamLength,
      scripts: options.scripts ?? true,
    });
    this.#ahead = new ReadAhead((request) => this.#read(request), this.#end.signal);
    if (this.#writing.canBlock) this.news = (positions, signal) => this.#news(positions, signal);
  }

  /** The stream of a shard. */
  keyOf(shardId: number): string {
    return `${this.#prefix}:shard:${shardId}`;
  }

  open({ shards }: AdapterContext): void {
    this.#shards = shards;
  }

  async connect(signal: AbortSignal): Promise<void> {
    const key = this.keyOf(0);
    const probe = ["EXISTS", key];
    try {
      const links = [this.#writing, this.#reading];
      await Promise.all(links.map((link) => link.send(key, probe, signal)));
    } catch (error) {
      throw redisFailure(error, "connecting to Redis");
    }
  }

  append(batch: EventBatch, signal: AbortSignal): Promise<void> {
    return this.#writer.append(batch, signal);
  }

  read(request: ReadRequest): ShardPage | Promise<ShardPage> {
    return this.#ahead.read(request);
  }

  async #read({ shardId, after, limit, signal }: ReadRequest): Promise<FetchedPage> {
    const key = this.keyOf(shardId);
    const start = after === undefined ? "-" : `(${after}`;
    const command = ["XRANGE", key, start, "+", "COUNT", String(limit + 1)];
    const reply = await this.#reading.send(key, command, signal).catch((error: unknown) => {
      throw redisFailure(error, `reading ${key}`);
    });
    const entries = entriesOf(reply);
    const count = Math.min(entries.length, limit);
    const events: StoredEvent[] = [];
    let bytes = 0;
    for (let i = 0; i < count; i += 1) {
      const entry = entries[i] as (typeof entries)[number];
      for (const field of entry[1]) bytes += field.length;
      const event = eventOf(this.#reader, entry);
      if (event !== undefined) events.push(event);
    }
    const last = count === 0 ? undefined : entries[count - 1];
    return {
      events,
      position: last && idOf(last),
      more: entries.length > limit,
      unreadable: count - events.length,
      missed: 0,
      bytes,
    };
  }

  async join(options: GroupOptions): Promise<GroupMember> {
    const keys = Array.from({ length: this.#shards }, (_, shard) => this.keyOf(shard));
    const link = this.#take();
    const onClose = (): Promise<void> => this.#giveBack(link);
    const member = new RedisGroupMember({
      ...{ keys, options, onClose, commandTimeoutMs: this.#commandTimeoutMs },
      // What is acknowledged must not wait behind a read that waits for news.
      ...{ reading: link, settling: this.#writing },
    });
    try {
      await member.create();
      return member;
    } catch (error) {
      await this.#giveBack(link);
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end.abort();
    const links = [this.#writing, this.#reading, ...this.#idle, ...this.#busy];
    this.#idle = [];
    await Promise.all(links.map((link) => link.close()));
  }

  async #news(
    positions: ReadonlyMap<number, string | undefined>,
    signal: AbortSignal,
  ): Promise<void> {
    const keys = [...positions.keys()].map((shard) => this.keyOf(shard));
    const ids = [...positions.values()].map((id) => id ?? "0-0");
    const command = ["XREAD", "COUNT", "1", "BLOCK", String(BLOCK_MS), "STREAMS", ...keys, ...ids];
    const link = this.#take();
    try {
      await link.send(keys[0] ?? "", command, signal, BLOCK_MS + this.#commandTimeoutMs);
    } finally {
      await this.#giveBack(link);
    }
  }

  #take(): RedisLink {
    if (this.#isClosed) throw new EventBusError("CLOSED", "the Redis adapter is shut down");
    const link = this.#idle.pop() ?? this.#newLink();
    this.#busy.add(link);
    return link;
  }

  async #giveBack(link: RedisLink): Promise<void> {
    this.#busy.delete(link);
    if (this.#isClosed || this.#idle.length >= MOST_IDLE) await link.close();
    else this.#idle.push(link);
  }
}

function checkUrls(urls: readonly string[]): void {
  if (urls.length === 0 || urls.includes("")) {
    throw new EventBusError(
      "INVALID_OPTION",
      "invalid configuration: redis adapter: redis url must be non-empty",
    );
  }
  for (const url of urls) {
    if (/^rediss?:\/\/./.test(url) && URL.canParse(url)) continue;
    throw new EventBusError(
      "INVALID_OPTION",
      "invalid configuration: redis adapter: Redis URL did not parse; expected redis://host:port",
    );
  }
}

/** Redis Streams as the backend of a bus (event bus format, section 9). */
export function redisStreams(options: RedisStreamsOptions): RedisStreams {
  return new RedisStreams(options);
}
