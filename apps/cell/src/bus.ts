import { type Broker, type BrokerUrls, brokerFor } from "@gaiaftcl/cell-layout";
import type { NatsConnection } from "@nats-io/nats-core";
import type { Logger } from "pino";
import { BrokerLink } from "./broker-link.js";

export interface BusOptions {
  readonly logger: Logger;
  /** Whether there may be subscribers of an earlier run, who have to come back first. */
  readonly isReturning: boolean;
  readonly onSubstrateConnected: (connection: NatsConnection) => void;
  /** Called when a broker is back and its subscribers have had the time to be back as well. */
  readonly onSettled: () => void;
}

/** The links to both brokers; one link where both are the same server. */
export class Bus implements AsyncDisposable {
  readonly substrate: BrokerLink;
  readonly franklin: BrokerLink;

  constructor(urls: BrokerUrls, options: BusOptions) {
    const { logger, isReturning, onSettled } = options;
    const common = { name: "gaiaftcl-cell", logger, isReturning, onSettled };
    this.substrate = new BrokerLink({
      ...common,
      url: urls.substrate,
      onConnected: options.onSubstrateConnected,
    });
    this.franklin =
      urls.franklin === urls.substrate
        ? this.substrate
        : new BrokerLink({ ...common, url: urls.franklin });
  }

  /** Publishes on the broker that carries the subject; throws while that one is away. */
  publish(subject: string, payload: Uint8Array): void {
    const links: Readonly<Record<Broker, BrokerLink>> = {
      substrate: this.substrate,
      franklin: this.franklin,
    };
    links[brokerFor(subject)].publish(subject, payload);
  }

  /** Resolves when both brokers have taken everything published so far; throws while one is away. */
  async flush(): Promise<void> {
    await Promise.all([...this.#links()].map((link) => link.flush()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#links()].map((link) => link[Symbol.asyncDispose]()));
  }

  #links(): Set<BrokerLink> {
    return new Set([this.substrate, this.franklin]);
  }
}
