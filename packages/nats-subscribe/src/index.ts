export type { FullPolicy } from "./arrival-buffer.js";
export type { Origin, RawMessage, RowMessage, SubscribedMessage } from "./message.js";
export { NatsSubscribeError, type NatsSubscribeErrorCode } from "./nats-subscribe-error.js";
export type { RowSource, RowSourceOptions, SourcedRow } from "./row-source.js";
export type { BrokerName, SubscriptionStatus } from "./status.js";
export { subscribe } from "./subscribe.js";
export type { SubscribeOptions } from "./subscribe-options.js";
export { Subscription, type SubscriptionStats } from "./subscription.js";
