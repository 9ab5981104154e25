import { type Broker, type BrokerUrls, brokerFor } from "@gaiaftcl/cell-layout";
import type { NatsConnection } from "@nats-io/nats-core";
import type { Logger } from "pino";
import { BrokerLink } from "./broker-link.js";

/** The links to both brokers; one link where both are the same server. */
export class Bus implements AsyncDisposable {
  readonly substrate: BrokerLink;
  readonly franklin: BrokerLink;

  /** @param onSubstrate called once the substrate broker is connected */
  constructor(urls: BrokerUrls, logger: Logger, onSubstrate: (connection: NatsConnection) => void) {
    const named = { name: "gaiaftcl-cell", logger };
    this.substrate = new BrokerLink({ ...named, url: urls.substrate, onConnected: onSubstrate });
    this.franklin =
      urls.franklin === urls.substrate
        ? this.substrate
        : new BrokerLink({ ...named, url: urls.franklin });
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
