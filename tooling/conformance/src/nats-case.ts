import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import type { BrokerSettings, RunningBroker, StartBroker } from "./nats-broker-process.ts";

/** Something a client can do, and what must come of it whichever broker it does it with. */
export interface NatsCase {
  readonly name: string;
  readonly expected: unknown;
  /** Settings other than the default; the case then has a broker to itself. */
  readonly settings?: BrokerSettings;
  run(bench: NatsBench): Promise<unknown>;
}

/** The clients of one run of one case; closed with it. */
export class NatsBench implements AsyncDisposable {
  readonly broker: RunningBroker;
  /** Starts a broker of the same kind, on a given port if need be. */
  readonly start: StartBroker;
  readonly #connections: NatsConnection[] = [];

  constructor(broker: RunningBroker, start: StartBroker) {
    this.broker = broker;
    this.start = start;
  }

  /** A client that gives up where it cannot connect, unless the options say otherwise. */
  async connect(options: ConnectionOptions = {}): Promise<NatsConnection> {
    const connection = await connect({
      servers: this.broker.url,
      reconnect: false,
      ...options,
    });
    this.#connections.push(connection);
    return connection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }
}

/** The name and message of what `action` fails with; "succeeded" if it does not. */
export async function failureOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
  return "succeeded";
}

/** The first `count` items of a stream, as text. */
export async function takeText(
  messages: AsyncIterable<{ string(): string }>,
  count: number,
): Promise<string[]> {
  const texts: string[] = [];
  if (count === 0) return texts;
  for await (const message of messages) {
    texts.push(message.string());
    if (texts.length === count) break;
  }
  return texts;
}

export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}
