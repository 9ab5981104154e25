import type { BrokerLimits } from "./limits.js";
import type { OutputMemory } from "./outbox.js";
import type { Publication } from "./publication.js";
import type { Subscription } from "./subscription.js";

/** Where a broker reports what it does to clients; pino's loggers fit. */
export interface BrokerLogger {
  warn(details: object, message: string): void;
}

/** What a client's session needs of the broker: the other clients, the clock and the limits. */
export interface Exchange<Client> {
  readonly limits: BrokerLimits;
  readonly logger: BrokerLogger | undefined;
  readonly output: OutputMemory;
  readonly stats: { slowConsumers: number };
  /** Pending bytes of a consumer from which on its publishers rest for a moment. */
  readonly stallBytes: number;
  /** The time of the last tick, in milliseconds from the start. */
  readonly now: number;
  readonly tokenRequired: boolean;
  /** Whether a client with this token may come in. */
  admits(token: string): boolean;
  subscribe(client: Client, subject: string, queue: string, sid: string): void;
  unsubscribe(subscription: Subscription<Client>): void;
  /** Passes a message to every subscription and one member of each group; false if it reached nobody. */
  publish(publisher: Client, publication: Publication): boolean;
  /** Tells a requester that nobody listens, on its own subscription for the reply. */
  answerNoResponders(requester: Client, request: Publication): void;
  /** Cuts off the client furthest behind while all together have too much pending. */
  boundMemory(): void;
  /** Notes that a client has output. */
  touch(client: Client): void;
  /** Forgets a client that is closed. */
  closed(client: Client): void;
}
