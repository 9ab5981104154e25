import { NatsBrokerError } from "./nats-broker-error.js";

/** What one broker grants its clients; sizes in bytes, times in milliseconds. */
export interface BrokerLimits {
  /** Most bytes of headers and payload of one message. */
  readonly maxPayload: number;
  /** Most bytes of the arguments of one operation. */
  readonly maxControlLine: number;
  /** Most bytes that may wait for one client; at least `maxPayload`. Beyond it the client is cut off. */
  readonly maxPending: number;
  /** Most bytes that may wait for all clients together; beyond it the one furthest behind is cut off. */
  readonly maxTotalPending: number;
  readonly maxConnections: number;
  /** Most subscriptions of one connection. */
  readonly maxSubscriptions: number;
  /** Most tokens of a subject subscribed to. */
  readonly maxSubscriptionTokens: number;
  /** A client that has been silent for so long is sent a PING. */
  readonly pingIntervalMs: number;
  /** Unanswered PINGs after which a silent client is cut off. */
  readonly pingMax: number;
  /** Time for CONNECT when there is a token. */
  readonly authTimeoutMs: number;
  /** Time in which a client must take something of what waits for it. */
  readonly writeDeadlineMs: number;
}

const MIB = 1024 * 1024;

/** The defaults of nats-server where it has any; connections, tokens and total memory fit one host. */
export const DEFAULT_LIMITS: BrokerLimits = {
  maxPayload: MIB,
  maxControlLine: 4096,
  maxPending: 64 * MIB,
  maxTotalPending: 256 * MIB,
  maxConnections: 2048,
  maxSubscriptions: 100_000,
  maxSubscriptionTokens: 255,
  pingIntervalMs: 120_000,
  pingMax: 2,
  authTimeoutMs: 2_000,
  writeDeadlineMs: 10_000,
};

/** The largest announced size the parser reads has nine digits; nats-server has the same bound. */
const LARGEST_PAYLOAD = 64 * MIB;
/** Longest time a timer of the runtime can wait. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * The given limits over the defaults.
 * @throws {NatsBrokerError} `INVALID_OPTION` for a value that is no whole number in its range.
 */
export function resolveLimits(given: Partial<BrokerLimits>): BrokerLimits {
  const limits = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof BrokerLimits)[]) {
    const value = given[name];
    if (value === undefined) continue;
    const most = name === "maxPayload" ? LARGEST_PAYLOAD : LONGEST_MS;
    if (!Number.isSafeInteger(value) || value < 1 || value > most) {
      throw new NatsBrokerError(
        "INVALID_OPTION",
        `${name} must be a whole number from 1 to ${most}, found ${String(value)}`,
      );
    }
    limits[name] = value;
  }
  // Room for one whole message, or nobody could ever be sent the largest one.
  if (limits.maxPending < limits.maxPayload || limits.maxTotalPending < limits.maxPending) {
    throw new NatsBrokerError(
      "INVALID_OPTION",
      `expected maxPayload ≤ maxPending ≤ maxTotalPending, found ${limits.maxPayload}, ${limits.maxPending}, ${limits.maxTotalPending}`,
    );
  }
  return limits;
}
