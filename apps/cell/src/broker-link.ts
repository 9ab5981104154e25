import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import type { Logger } from "pino";
import { CellError } from "./cell-error.js";

const retryMs = 250;
/** The usual client tries to reconnect every two seconds; sooner, a broadcast would reach nobody. */
const settleMs = 3_000;
const flushTimeoutMs = 5_000;

export interface BrokerLinkOptions {
  readonly url: string;
  readonly name: string;
  readonly logger: Logger;
  /** Whether there may be subscribers of an earlier run, who have to come back first. */
  readonly isReturning: boolean;
  /** Called once, with the connection, which then reconnects by itself. */
  readonly onConnected?: (connection: NatsConnection) => void;
  /** Called when subscribers have had the time to come back. */
  readonly onSettled: () => void;
}

/**
 * The daemon's own connection to one broker. The broker may come late and go at any time: the link tries
 * for ever, and says at each moment whether it is up. After an outage it broadcasts only when the
 * subscribers have had the time to come back as well, since a broker keeps nothing for them.
 */
export class BrokerLink implements AsyncDisposable {
  readonly url: string;
  readonly #logger: Logger;
  readonly #ended = new AbortController();
  readonly #onConnected: (connection: NatsConnection) => void;
  readonly #onSettled: () => void;
  readonly #connecting: Promise<void>;
  #connection: NatsConnection | undefined;
  #isUp = false;
  #isSettled: boolean;
  #settling: NodeJS.Timeout | undefined;

  constructor(options: BrokerLinkOptions) {
    this.url = options.url;
    this.#logger = options.logger;
    this.#onConnected = options.onConnected ?? (() => undefined);
    this.#onSettled = options.onSettled;
    this.#isSettled = !options.isReturning;
    this.#connecting = this.#connect(options.name);
  }

  /** The connection while it is up. */
  get connection(): NatsConnection | undefined {
    return this.#isUp ? this.#connection : undefined;
  }

  /** @throws CellError `BROKER` while the broker is away, or has only just come back */
  publish(subject: string, payload: Uint8Array): void {
    this.#ensureSettled().publish(subject, payload);
  }

  /**
   * Resolves when the broker has taken everything published so far.
   *
   * @throws CellError `BROKER` where it is away or does not answer in time
   */
  async flush(): Promise<void> {
    const connection = this.#ensureSettled();
    let timer: NodeJS.Timeout | undefined;
    // The client's own flush waits for as long as the broker is away.
    const deadline = new Promise<never>((_, reject) => {
      const fail = (): void => reject(this.#away(`did not answer within ${flushTimeoutMs} ms`));
      timer = setTimeout(fail, flushTimeoutMs);
    });
    try {
      await Promise.race([connection.flush(), deadline]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #connect(name: string): Promise<void> {
    const { signal } = this.#ended;
    let isReported = false;
    while (!signal.aborted) {
      try {
        const connection = await connect({
          servers: this.url,
          name,
          maxReconnectAttempts: -1,
          reconnectTimeWait: retryMs,
          reconnectJitter: 100,
        });
        this.#connected(connection);
        return;
      } catch (error) {
        this.#isSettled = false;
        if (!isReported) this.#logger.warn({ err: error, url: this.url }, "the broker is away");
        isReported = true;
        await delay(retryMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #connected(connection: NatsConnection): void {
    this.#connection = connection;
    this.#isUp = true;
    if (!this.#isSettled) this.#settle();
    this.#logger.info({ url: this.url }, "connected to the broker");
    void this.#watch(connection);
    this.#onConnected(connection);
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === "disconnect" || type === "close") this.#lost();
      if (type === "reconnect") {
        this.#isUp = true;
        this.#settle();
      }
      if (type === "disconnect" || type === "reconnect") {
        this.#logger.warn({ url: this.url }, `broker: ${type}`);
      }
    }
  }

  #lost(): void {
    this.#isUp = false;
    this.#isSettled = false;
    clearTimeout(this.#settling);
  }

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => {
      this.#isSettled = true;
      this.#onSettled();
    }, settleMs);
  }

  #ensureSettled(): NatsConnection {
    const { connection } = this;
    if (connection === undefined) throw this.#away("is away");
    if (!this.#isSettled) throw this.#away("has only just come back");
    return connection;
  }

  #away(what: string): CellError {
    return new CellError("BROKER", `the broker at ${this.url} ${what}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#connecting;
    this.#lost();
    await this.#connection?.close();
  }
}
