import { FRAME_BYTES } from "./frame.js";
import { FranklinError } from "./franklin-error.js";

/** What one server grants its peers (cell format, section 6). Durations are in milliseconds. */
export interface FranklinLimits {
  /** Connections that have not finished their handshake. */
  readonly unauthenticated: number;
  /** Connections in all. */
  readonly connections: number;
  /** Requests of one connection that have no response yet; beyond it the server stops reading. */
  readonly inFlight: number;
  /** Bytes of such requests of one connection; beyond it the server stops reading as well. */
  readonly inFlightBytes: number;
  readonly handshakeMs: number;
  /** How long a frame may take whatever its size. */
  readonly frameGraceMs: number;
  /** What a frame must bring beyond the grace, counted from its first byte. */
  readonly minBytesPerSecond: number;
  /** How long an accepted connection may ask nothing. */
  readonly idleMs: number;
  /** How long a handler may take before its request is answered `blocked`. */
  readonly requestMs: number;
  /** How long a peer may leave responses unread. */
  readonly stallMs: number;
  /** How long `close()` waits for requests in flight. */
  readonly closeMs: number;
}

export const DEFAULT_LIMITS: FranklinLimits = {
  unauthenticated: 64,
  connections: 256,
  inFlight: 128,
  inFlightBytes: 2 * FRAME_BYTES,
  handshakeMs: 5_000,
  frameGraceMs: 5_000,
  minBytesPerSecond: 1024,
  idleMs: 600_000,
  requestMs: 35_000,
  stallMs: 30_000,
  closeMs: 5_000,
};

/** @throws FranklinError `OPTION_INVALID` for a limit that is no positive whole number. */
export function limitsFrom(given: Partial<FranklinLimits> = {}): FranklinLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    // A longer delay than this makes a timer fire at once.
    if (Number.isInteger(value) && value > 0 && value < 2 ** 31) continue;
    throw new FranklinError(
      "OPTION_INVALID",
      `limits.${name}: expected a whole number from 1 to 2^31 - 1, found ${String(value)}`,
    );
  }
  return limits;
}
