export type { BrokerLogger } from "./exchange.js";
export { type BrokerLimits, DEFAULT_LIMITS } from "./limits.js";
export {
  NatsBroker,
  type NatsBrokerOptions,
  type NatsBrokerStats,
} from "./nats-broker.js";
export { NatsBrokerError, type NatsBrokerErrorCode } from "./nats-broker-error.js";
export type { RouterStats } from "./router.js";
