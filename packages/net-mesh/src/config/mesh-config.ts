import { NetMeshError } from "../net-mesh-error.js";

/** What can be tuned. Times are in milliseconds; the defaults are those of Net 0.19.0 where it has them. */
export interface MeshTuning {
  /** Time between two heartbeats to each peer, 5000. */
  readonly heartbeatIntervalMs: number;
  /** Silence after which a peer misses a beat: suspected after two, failed after three, removed after thirty; 30,000. */
  readonly sessionTimeoutMs: number;
  /** How long one handshake attempt waits for its answer, 5000. */
  readonly handshakeTimeoutMs: number;
  /** Attempts of a handshake, 3. */
  readonly handshakeRetries: number;
  /** Refuses peers that cannot do strict sessions, as 0.19.0 cannot; false. */
  readonly requireStrict: boolean;
  /** Refuses unsigned capability announcements; true. */
  readonly requireSignedCapabilities: boolean;
  /** Time between two sweeps of the capability index, 60,000. */
  readonly capabilityGcIntervalMs: number;
  /** Time between two announcements of the same set, before peers forget it; 0 = never. 100,000. */
  readonly reannounceIntervalMs: number;
  /** Peers with a session; further handshakes are refused. 16,384. */
  readonly maxPeers: number;
  /** Handshakes answered per second, for each source address, 50, and for all together, 2000. */
  readonly handshakesPerSource: number;
  readonly handshakesPerSecond: number;
  /** Pingwaves taken per second from each source address, 2000. */
  readonly pingwavesPerSource: number;
  /**
   * Pingwaves of others passed on per second, to all peers together, 5000: what a hub of many nodes
   * would pass on grows with their square. Beyond it each wave reaches some of the peers, in turns.
   */
  readonly pingwavesPassedOn: number;
  /** Routed packets forwarded per second for each source address, 100,000; 0 = relay nothing. */
  readonly relayedPerSource: number;
  /** Bytes one stream of a strict peer may have under way before the application takes them, 1 MiB. */
  readonly receiveWindow: number;
  /** Bytes accepted for one peer and not yet sent or acknowledged, 4 MiB. */
  readonly sendBuffer: number;
}

const DEFAULTS: MeshTuning = {
  heartbeatIntervalMs: 5000,
  sessionTimeoutMs: 30_000,
  handshakeTimeoutMs: 5000,
  handshakeRetries: 3,
  requireStrict: false,
  requireSignedCapabilities: true,
  capabilityGcIntervalMs: 60_000,
  reannounceIntervalMs: 100_000,
  maxPeers: 16_384,
  handshakesPerSource: 50,
  handshakesPerSecond: 2000,
  pingwavesPerSource: 2000,
  pingwavesPassedOn: 5000,
  relayedPerSource: 100_000,
  receiveWindow: 1024 * 1024,
  sendBuffer: 4 * 1024 * 1024,
};

/** The least value of each number. Zero switches off what may be switched off. */
const LEAST: Readonly<Partial<Record<keyof MeshTuning, number>>> = {
  heartbeatIntervalMs: 10,
  sessionTimeoutMs: 10,
  handshakeTimeoutMs: 1,
  handshakeRetries: 1,
  capabilityGcIntervalMs: 0,
  reannounceIntervalMs: 0,
  maxPeers: 1,
  handshakesPerSource: 1,
  handshakesPerSecond: 1,
  pingwavesPerSource: 0,
  pingwavesPassedOn: 0,
  relayedPerSource: 0,
  receiveWindow: 16 * 1024,
  sendBuffer: 64 * 1024,
};

const GREATEST = 2 ** 31 - 1;

/**
 * The given tuning over the defaults.
 *
 * @throws NetMeshError `INVALID_OPTION` for a number that is no whole number in its range
 */
export function meshTuning(given: Partial<MeshTuning>): MeshTuning {
  const tuning = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof MeshTuning)[]) {
    const value = given[name];
    if (value !== undefined) {
      Object.assign(tuning, { [name]: checked(name, value) });
    }
  }
  return tuning;
}

function checked(name: keyof MeshTuning, value: unknown): number | boolean {
  if (typeof DEFAULTS[name] === "boolean") {
    if (typeof value === "boolean") {
      return value;
    }
    throw new NetMeshError("INVALID_OPTION", `${name} must be true or false, found ${value}`);
  }
  const least = LEAST[name] ?? 0;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= GREATEST) {
    return value;
  }
  throw new NetMeshError(
    "INVALID_OPTION",
    `${name} must be a whole number from ${least} to ${GREATEST}, found ${value}`,
  );
}
