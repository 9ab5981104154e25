import type { Pattern, QueueName } from "@gaiaftcl/nats-subject";
import type { Msg, NatsConnection, Status, Subscription } from "@nats-io/nats-core";
import { connect, type NodeConnectionOptions } from "@nats-io/transport-node";
import { pause } from "./pause.js";
import type { BrokerName } from "./status.js";

export interface LinkListener {
  /** A message for one of the patterns. */
  onMessage(broker: BrokerName, pattern: Pattern, message: Msg): void;
  /** The subscriptions stand, at first and after each interruption. */
  onUp(link: BrokerLink, server: string, again: boolean): void;
  onDown(link: BrokerLink): void;
  onUnreachable(link: BrokerLink, error: Error): void;
  onError(link: BrokerLink, error: Error): void;
  /** A connection that is not ours was closed, and nobody here can open it again. */
  onLost(link: BrokerLink): void;
}

export type LinkTarget =
  | { readonly connection: NatsConnection }
  | { readonly url: string; readonly options: Partial<NodeConnectionOptions> };

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** A connection that says nothing for so long is asked, and given up after two more. */
const PING_MS = 10_000;

/** One broker: connected to for as long as it takes, and again whenever it goes away. */
export class BrokerLink {
  readonly name: BrokerName;
  readonly #target: LinkTarget;
  readonly #patterns: readonly Pattern[];
  readonly #queue: QueueName | undefined;
  readonly #listener: LinkListener;
  readonly #stop = new AbortController();
  #connection: NatsConnection | undefined;
  #subscriptions: readonly Subscription[] = [];
  #draining = false;
  #up = false;
  #wasUp = false;
  readonly #done: Promise<void>;

  constructor(
    name: BrokerName,
    target: LinkTarget,
    patterns: readonly Pattern[],
    queue: QueueName | undefined,
    listener: LinkListener,
  ) {
    this.name = name;
    this.#target = target;
    this.#patterns = patterns;
    this.#queue = queue;
    this.#listener = listener;
    // What the listener is told, it is told after the constructor.
    this.#done = Promise.resolve().then(() => this.#run());
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Takes no more messages; what was on its way has arrived when this settles. */
  async drain(): Promise<void> {
    this.#draining = true;
    // Without a connection nothing is on its way.
    const drains = this.#subscriptions.map((subscription) =>
      this.#up ? subscription.drain() : subscription.unsubscribe(),
    );
    await Promise.allSettled(drains);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    if (!("connection" in this.#target)) await this.#connection?.close();
    // An attempt to connect that hangs is not waited for; it is closed as soon as it succeeds.
    if (this.#connection !== undefined) await this.#done;
  }

  async #run(): Promise<void> {
    const stop = this.#stop.signal;
    if ("connection" in this.#target) {
      await this.#serve(this.#target.connection);
      if (!stop.aborted) this.#listener.onLost(this);
      return;
    }
    for (let wait = FIRST_PAUSE_MS; !stop.aborted; wait = Math.min(wait * 2, LONGEST_PAUSE_MS)) {
      try {
        const connection = await this.#connect(this.#target.url, this.#target.options);
        wait = FIRST_PAUSE_MS;
        await this.#serve(connection);
      } catch (cause) {
        if (!stop.aborted) this.#listener.onUnreachable(this, errorOf(cause));
      }
      // Its only failure is to be stopped, which the loop looks at itself.
      await pause(wait, stop).catch(() => {});
    }
  }

  async #connect(url: string, options: Partial<NodeConnectionOptions>): Promise<NatsConnection> {
    const connection = await connect({
      name: "gaiaftcl-subscribe",
      timeout: 5_000,
      reconnectTimeWait: 250,
      reconnectJitter: 250,
      pingInterval: PING_MS,
      ...options,
      servers: url,
      // Waiting for the first connection is done here, where it can be stopped.
      waitOnFirstConnect: false,
      reconnect: true,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
    });
    if (this.#stop.signal.aborted) await connection.close();
    return connection;
  }

  /** Subscribes, and tells how the connection fares until it is closed or this link is. */
  async #serve(connection: NatsConnection): Promise<void> {
    if (this.#stop.signal.aborted || connection.isClosed()) return;
    this.#connection = connection;
    void this.#watch(connection.status(), connection);
    const patterns = this.#draining ? [] : this.#patterns;
    this.#subscriptions = patterns.map((pattern) =>
      connection.subscribe(pattern, {
        ...(this.#queue === undefined ? {} : { queue: this.#queue }),
        callback: (error, message) => {
          if (error === null) this.#listener.onMessage(this.name, pattern, message);
          else this.#listener.onError(this, error);
        },
      }),
    );
    await this.#rise(connection);
    await Promise.race([connection.closed(), aborted(this.#stop.signal)]);
    this.#subscriptions = [];
    this.#connection = undefined;
    this.#fall();
  }

  async #watch(statuses: AsyncIterable<Status>, connection: NatsConnection): Promise<void> {
    // A connection that is not ours lives on, and must not go on collecting for nobody.
    void aborted(this.#stop.signal).then(() => stopIterator(statuses));
    for await (const status of statuses) {
      if (status.type === "disconnect") this.#fall();
      else if (status.type === "reconnect") void this.#rise(connection);
      else if (status.type === "error") this.#listener.onError(this, errorOf(status.error));
    }
  }

  /** Up is told when the broker is known to have the subscriptions. */
  async #rise(connection: NatsConnection): Promise<void> {
    try {
      // The client forgets an answer it waits for when it is closed, so that alone might never end.
      await Promise.race([connection.flush(), connection.closed()]);
    } catch {
      // It went away again, which the next status tells.
      return;
    }
    if (this.#up || this.#stop.signal.aborted || connection.isClosed()) return;
    this.#up = true;
    this.#listener.onUp(this, connection.getServer(), this.#wasUp);
    this.#wasUp = true;
  }

  #fall(): void {
    if (!this.#up) return;
    this.#up = false;
    if (!this.#stop.signal.aborted) this.#listener.onDown(this);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The client's iterators wait for their next item even when told to return, but can be stopped. */
function stopIterator(iterator: AsyncIterable<Status>): void {
  if ("stop" in iterator && typeof iterator.stop === "function") iterator.stop();
}

function errorOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
