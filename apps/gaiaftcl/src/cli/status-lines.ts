import type { SubscriptionStatus } from "@gaiaftcl/nats-subscribe";

/** What happens to a subscription beside its messages, as lines for people. */
export class StatusLines {
  readonly #unreachable = new Set<string>();

  /** The line for a status; undefined where it says nothing new. */
  lineFor(status: SubscriptionStatus): string | undefined {
    switch (status.type) {
      case "unreachable":
        // It is tried again several times a second, for as long as it takes.
        if (this.#unreachable.has(status.broker)) return undefined;
        this.#unreachable.add(status.broker);
        return `${brokerName(status.broker)} cannot be reached (${status.error.message}); trying on`;
      case "connected":
      case "reconnected":
        this.#unreachable.delete(status.broker);
        return `${status.type} to ${brokerName(status.broker)} at ${status.server}`;
      case "disconnected":
        return `${brokerName(status.broker)} is gone; trying to reach it again`;
      case "error":
        return `${brokerName(status.broker)}: ${status.error.message}`;
      case "database":
        return `rows come from the database (${status.reason}): ${status.tables.join(", ")}`;
      case "bus":
        return `rows come from the broker again: ${status.tables.join(", ")}`;
      case "databaseError":
        return `the database could not be read for ${status.table}: ${status.error.message}`;
      case "dropped":
        return `${status.count} messages found no room and were dropped, ${status.total} in all`;
      case "misdelivered":
        return `${status.count} messages of subjects that nobody asked for, such as ${JSON.stringify(status.subject)}`;
      case "closed":
        return undefined;
    }
  }
}

function brokerName(broker: string): string {
  return broker === "shared" ? "the broker" : `the ${broker} broker`;
}
