import type { SubstrateService } from "@gaiaftcl/substrate";
import {
  cancelSubject,
  openRequest,
  opensCancellation,
  progressSubject,
  ReplayWindow,
  sealReply,
  verbOfSubject,
} from "@gaiaftcl/substrate-command";
import type { Msg, NatsConnection, Subscription } from "@nats-io/nats-core";
import type { Logger } from "pino";

/**
 * Answers the commands on the substrate broker. A command that does not carry the home's key, is old, or
 * was seen before is not run and not answered: whoever sent it is not Franklin.
 */
export class CommandResponder implements AsyncDisposable {
  readonly #key: Uint8Array;
  readonly #service: SubstrateService;
  readonly #clock: () => Date;
  readonly #logger: Logger;
  readonly #replays = new ReplayWindow();
  readonly #running = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  #serving: Promise<void> | undefined;

  constructor(options: {
    readonly key: Uint8Array;
    readonly service: SubstrateService;
    readonly clock: () => Date;
    readonly logger: Logger;
  }) {
    this.#key = options.key;
    this.#service = options.service;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Begins to answer, once there is a connection. */
  serve(connection: NatsConnection): void {
    if (this.#ended.signal.aborted) return;
    const subscription = connection.subscribe("gaiaftcl.substrate.command.*");
    this.#ended.signal.addEventListener("abort", () => subscription.unsubscribe(), { once: true });
    this.#serving = this.#serve(connection, subscription);
  }

  async #serve(connection: NatsConnection, subscription: Subscription): Promise<void> {
    for await (const message of subscription) {
      const run = this.#answer(connection, message).catch((error: unknown) => {
        this.#logger.error({ err: error }, "a command failed");
      });
      this.#running.add(run);
      void run.finally(() => this.#running.delete(run));
    }
  }

  async #answer(connection: NatsConnection, message: Msg): Promise<void> {
    const opened = openRequest(this.#key, message.data);
    if (!opened.ok) return this.#ignore(message, opened.reason);
    const { method, args, nonce, issuedAtMs } = opened.request;
    if (verbOfSubject(message.subject) !== method) {
      return this.#ignore(message, "the subject names another verb");
    }
    const admission = this.#replays.admit(nonce, issuedAtMs, this.#clock().getTime());
    if (admission !== "admitted") return this.#ignore(message, admission);
    const publish = (subject: string, payload: Uint8Array): void => {
      if (!connection.isClosed()) connection.publish(subject, payload);
    };
    const cancelled = new AbortController();
    const cancellation = connection.subscribe(cancelSubject(nonce), {
      callback: (error, notice) => {
        if (error === null && opensCancellation(this.#key, nonce, notice.data)) cancelled.abort();
      },
    });
    try {
      const outcome = await this.#service.handle(method, args, {
        signal: AbortSignal.any([cancelled.signal, this.#ended.signal]),
        onProgress: (progress) => {
          publish(progressSubject(nonce), Buffer.from(JSON.stringify(progress)));
        },
      });
      if (message.reply) publish(message.reply, sealReply(this.#key, nonce, outcome));
    } finally {
      if (!cancellation.isClosed()) cancellation.unsubscribe();
    }
  }

  #ignore(message: Msg, reason: string): void {
    this.#logger.warn({ subject: message.subject, reason }, "ignored a command on the bus");
  }

  /** Stops taking commands, cancels those that run, and waits for them to end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await Promise.allSettled([this.#serving, ...this.#running]);
  }
}
