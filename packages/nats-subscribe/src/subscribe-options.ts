import { brokerUrls } from "@gaiaftcl/cell-layout";
import type { QueueName } from "@gaiaftcl/nats-subject";
import { sealedTable } from "@gaiaftcl/sealed-row";
import type { FederationKeys, Level } from "@gaiaftcl/witness";
import type { NatsConnection } from "@nats-io/nats-core";
import type { NodeConnectionOptions } from "@nats-io/transport-node";
import type { BufferLimits, FullPolicy } from "./arrival-buffer.js";
import { NatsSubscribeError } from "./nats-subscribe-error.js";
import type { RowSource } from "./row-source.js";
import type { SubscriptionStatus } from "./status.js";
import { queueOf } from "./subject-filter.js";

export interface SubscribeOptions {
  /** One URL for both brokers, or one for each; default: from the environment. */
  readonly urls?: string | { readonly substrate?: string; readonly franklin?: string } | undefined;
  /** Passed on to the client: credentials, TLS, a name. */
  readonly connectOptions?: Partial<NodeConnectionOptions> | undefined;
  /** A connection to use instead; it is left open. Every subject is expected on it. */
  readonly connection?: NatsConnection | undefined;
  /** Share the messages with the other members of this group. Rules out `fallback`. */
  readonly queue?: string | undefined;
  /** The federation's keys; with them a row must be signed by all five. */
  readonly keys?: FederationKeys | undefined;
  /** The least level of a good row without keys; default `witness`. */
  readonly require?: Level | undefined;
  /** The local database: a `SealedReader` of `@gaiaftcl/sealed-reader`. */
  readonly database?: RowSource | undefined;
  /** `database`: a row from the broker is ok only when the database has it. */
  readonly confirm?: "database" | undefined;
  /** Read the rows from the database while the broker cannot deliver them; default: given one. */
  readonly fallback?: boolean | undefined;
  /** Begin after these rows, out of the database; default: with what is sealed from now on. */
  readonly afterSeq?: Readonly<Record<string, bigint | number>> | undefined;
  /** Leave out, and count, what does not verify. */
  readonly onlyVerified?: boolean | undefined;
  /** Room for messages that wait to be taken; default 8,192, of 64 MiB in all, `dropOldest`. */
  readonly buffer?:
    | {
        readonly size?: number | undefined;
        readonly bytes?: number | undefined;
        readonly whenFull?: FullPolicy | undefined;
      }
    | undefined;
  /** Verify in a second thread as well while rows come fast; default true. */
  readonly thread?: boolean | undefined;
  /** How many rows are remembered to recognise duplicates; default 16,384. */
  readonly dedupWindow?: number | undefined;
  /** The largest event that is looked at, in bytes; default 16 MiB. */
  readonly maxEventBytes?: number | undefined;
  readonly onStatus?: ((status: SubscriptionStatus) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Options that were checked. */
export interface ResolvedOptions {
  readonly urls: { readonly substrate: string; readonly franklin: string };
  readonly connectOptions: Partial<NodeConnectionOptions>;
  readonly connection: NatsConnection | undefined;
  readonly queue: QueueName | undefined;
  readonly keys: FederationKeys | undefined;
  readonly require: Level | undefined;
  readonly database: RowSource | undefined;
  readonly confirm: boolean;
  readonly fallback: boolean;
  readonly afterSeq: ReadonlyMap<string, bigint>;
  readonly onlyVerified: boolean;
  readonly buffer: BufferLimits;
  readonly thread: boolean;
  readonly dedupWindow: number;
  readonly maxEventBytes: number;
  readonly onStatus: ((status: SubscriptionStatus) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** @throws NatsSubscribeError `OPTION_INVALID`, `QUEUE_INVALID` */
export function resolveOptions(options: SubscribeOptions): ResolvedOptions {
  const { database, buffer = {} } = options;
  const queue = queueOf(options.queue);
  if (options.confirm !== undefined && options.confirm !== "database") {
    throw invalid(`confirm: expected "database", found ${JSON.stringify(options.confirm)}`);
  }
  for (const name of ["confirm", "afterSeq"] as const) {
    if (options[name] !== undefined && database === undefined) {
      throw invalid(`${name}: expected a database to go with it; pass a SealedReader as database`);
    }
  }
  const fallback = options.fallback ?? (database !== undefined && queue === undefined);
  if (fallback && (database === undefined || queue !== undefined)) {
    throw invalid(
      database === undefined
        ? "fallback: expected a database to go with it; pass a SealedReader as database"
        : "fallback: expected no queue with it, since every member would read all rows",
    );
  }
  if (options.afterSeq !== undefined && !fallback) {
    throw invalid("afterSeq: expected fallback with it, which reads the rows in between");
  }
  return {
    urls: urlsOf(options.urls),
    connectOptions: options.connectOptions ?? {},
    connection: options.connection,
    queue,
    keys: options.keys,
    require: options.require,
    database,
    confirm: options.confirm === "database",
    fallback,
    afterSeq: positionsOf(options.afterSeq ?? {}),
    onlyVerified: options.onlyVerified === true,
    buffer: {
      messages: whole("buffer.size", buffer.size ?? 8192, 1),
      bytes: whole("buffer.bytes", buffer.bytes ?? 64 * 1024 * 1024, 1),
      whenFull: policyOf(buffer.whenFull ?? "dropOldest"),
    },
    thread: options.thread !== false,
    dedupWindow: whole("dedupWindow", options.dedupWindow ?? 16_384, 0),
    maxEventBytes: whole("maxEventBytes", options.maxEventBytes ?? 16 * 1024 * 1024, 1),
    onStatus: options.onStatus,
    signal: options.signal,
  };
}

function urlsOf(urls: SubscribeOptions["urls"]): ResolvedOptions["urls"] {
  const fromEnvironment = brokerUrls(process.env);
  const given = typeof urls === "string" ? { substrate: urls, franklin: urls } : (urls ?? {});
  return {
    substrate: urlOf("urls.substrate", given.substrate ?? fromEnvironment.substrate),
    franklin: urlOf("urls.franklin", given.franklin ?? fromEnvironment.franklin),
  };
}

function urlOf(name: string, url: string): string {
  if (typeof url === "string" && url.trim() !== "" && !/\s/.test(url)) return url;
  throw invalid(
    `${name}: expected a URL such as nats://127.0.0.1:4222, found ${JSON.stringify(url)}`,
  );
}

function positionsOf(
  positions: Readonly<Record<string, bigint | number>>,
): ReadonlyMap<string, bigint> {
  return new Map(
    Object.entries(positions).map(([table, seq]) => {
      if (sealedTable(table) === undefined) {
        throw invalid(`afterSeq: expected sealed tables, found ${JSON.stringify(table)}`);
      }
      if (typeof seq !== "bigint" && !Number.isSafeInteger(seq)) {
        throw invalid(`afterSeq.${table}: expected a seq, an integer, found ${String(seq)}`);
      }
      return [table, BigInt(seq)] as const;
    }),
  );
}

function policyOf(policy: FullPolicy): FullPolicy {
  if (policy === "dropOldest" || policy === "dropNewest" || policy === "fail") return policy;
  throw invalid(
    `buffer.whenFull: expected dropOldest, dropNewest or fail, found ${JSON.stringify(policy)}`,
  );
}

function whole(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw invalid(`${name}: expected a whole number of at least ${least}, found ${String(value)}`);
}

function invalid(message: string): NatsSubscribeError {
  return new NatsSubscribeError("OPTION_INVALID", message);
}
