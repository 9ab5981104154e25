import type { SealedTable } from "@gaiaftcl/sealed-row";
import { tableForSubject } from "@gaiaftcl/sealed-row";
import { BrokerLink, type LinkListener, type LinkTarget } from "./broker-link.js";
import { DatabaseLane, type LaneRow } from "./database-lane.js";
import { EventRowMessage } from "./event-row-message.js";
import type { RowMessage } from "./message.js";
import { NatsSubscribeError } from "./nats-subscribe-error.js";
import type { BrokerName, SubscriptionStatus } from "./status.js";
import type { SubjectFilter } from "./subject-filter.js";
import type { ResolvedOptions } from "./subscribe-options.js";

export interface BrokersListener {
  readonly onMessage: LinkListener["onMessage"];
  readonly onRow: (row: LaneRow, signal: AbortSignal) => Promise<void>;
  readonly onStatus: (status: SubscriptionStatus) => void;
  readonly onFailure: (cause: unknown) => void;
}

type DatabaseReason = Extract<SubscriptionStatus, { type: "database" }>["reason"];

/** A broker, and the database that stands in for it. */
interface Way {
  readonly link: BrokerLink;
  readonly lane: DatabaseLane | undefined;
  readonly ready: PromiseWithResolvers<void>;
}

/** The brokers that a subscription needs (cell format, section 7), each backed by the database. */
export class Brokers {
  readonly #ways: readonly Way[];
  readonly #listener: BrokersListener;
  readonly #stop: AbortSignal;
  #closing: Promise<void> | undefined;
  #draining = false;

  constructor(
    filter: SubjectFilter,
    options: ResolvedOptions,
    listener: BrokersListener,
    stop: AbortSignal,
  ) {
    this.#listener = listener;
    this.#stop = stop;
    this.#ways = targetsOf(filter, options).map(([name, target]) => {
      const ready = Promise.withResolvers<void>();
      ready.promise.catch(() => {});
      const link = new BrokerLink(name, target, filter.patternsOf(name), options.queue, {
        onMessage: listener.onMessage,
        onUp: (_, server, again) => this.#onUp(way, server, again),
        onDown: () => this.#onDown(way),
        onUnreachable: (_, error) => this.#onUnreachable(way, error),
        onError: (_, error) => listener.onStatus({ type: "error", broker: name, error }),
        onLost: () => this.#onLost(way),
      });
      const way: Way = { link, lane: this.#laneFor(name, filter.tablesOf(name), options), ready };
      return way;
    });
    stop.addEventListener("abort", () => {
      for (const { ready } of this.#ways) {
        ready.reject(new NatsSubscribeError("CLOSED", "the subscription was closed before"));
      }
    });
  }

  async ready(): Promise<void> {
    await Promise.all(this.#ways.map(({ ready }) => ready.promise));
  }

  /** A good row from a broker was delivered. */
  note(message: RowMessage): void {
    for (const { lane } of this.#ways) {
      const cursor = lane?.cursor(message.table);
      if (cursor !== undefined) cursor.note(seqOf(message), String(message.report.witnessHash));
    }
  }

  /** A message found no room: where the database has what was in it, it is read from there. */
  onDrop(subject: string): void {
    const table = tableForSubject(subject);
    if (table === undefined) return;
    for (const way of this.#ways) {
      if (way.lane?.tables.includes(table) !== true) continue;
      this.#startLane(way, "messages dropped");
      if (way.link.isUp) void way.lane.catchUp();
    }
  }

  /** Takes no more messages, and no more rows of the database. */
  async drain(): Promise<void> {
    this.#draining = true;
    await Promise.all(this.#ways.flatMap(({ link, lane }) => [link.drain(), lane?.close()]));
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(
      this.#ways.flatMap(({ link, lane }) => [link.close(), lane?.close()]),
    ).then(() => {});
    return this.#closing;
  }

  #laneFor(
    name: BrokerName,
    tables: readonly SealedTable[],
    options: ResolvedOptions,
  ): DatabaseLane | undefined {
    if (!options.fallback || options.database === undefined || tables.length === 0)
      return undefined;
    const listener = {
      onRow: this.#listener.onRow,
      onDatabaseError: (table: string, error: Error) =>
        this.#listener.onStatus({ type: "databaseError", table, error }),
      onCaughtUp: () =>
        this.#listener.onStatus({ type: "bus", broker: name, tables: namesOf(tables) }),
    };
    return new DatabaseLane(tables, options.database, options.afterSeq, listener, this.#stop);
  }

  #startLane({ link, lane }: Way, reason: DatabaseReason): void {
    if (this.#draining || lane?.start() !== true) return;
    const tables = namesOf(lane.tables);
    this.#listener.onStatus({ type: "database", broker: link.name, tables, reason });
  }

  #onUp(way: Way, server: string, again: boolean): void {
    const { link, lane, ready } = way;
    const type = again ? "reconnected" : "connected";
    this.#listener.onStatus({ type, broker: link.name, server });
    this.#startLane(way, "catching up");
    void lane?.catchUp();
    void (lane?.ready() ?? Promise.resolve()).then(ready.resolve, ready.reject);
  }

  #onDown(way: Way): void {
    this.#listener.onStatus({ type: "disconnected", broker: way.link.name });
    this.#startLane(way, "no connection");
  }

  #onUnreachable(way: Way, error: Error): void {
    this.#listener.onStatus({ type: "unreachable", broker: way.link.name, error });
    this.#startLane(way, "no connection");
  }

  #onLost(way: Way): void {
    if (way.lane !== undefined) return;
    this.#listener.onFailure(
      new NatsSubscribeError(
        "CONNECTION_CLOSED",
        "the connection that was passed in is closed; pass an open one, or URLs to connect to",
      ),
    );
  }
}

function targetsOf(
  filter: SubjectFilter,
  options: ResolvedOptions,
): readonly (readonly [BrokerName, LinkTarget])[] {
  const { connection, urls, connectOptions } = options;
  if (connection !== undefined) return [["shared", { connection }]];
  if (addressOf(urls.substrate) === addressOf(urls.franklin)) {
    return [["shared", { url: urls.substrate, options: connectOptions }]];
  }
  return filter.brokers.map(
    (name) => [name, { url: urls[name], options: connectOptions }] as const,
  );
}

/** Host and port alone, since `localhost:4222` and `nats://localhost/` are one server. */
function addressOf(url: string): string {
  const [host = "", port = "4222"] = url
    .toLowerCase()
    .replace(/^[a-z]+:\/\//, "")
    .replace(/\/.*$/, "")
    .split(/:(?=\d+$)/);
  return `${host}:${port}`;
}

function seqOf(message: RowMessage): unknown {
  return message instanceof EventRowMessage ? message.seq : message.row["seq"];
}

function namesOf(tables: readonly SealedTable[]): readonly string[] {
  return tables.map(({ name }) => name);
}
