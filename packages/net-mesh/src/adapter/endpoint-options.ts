import { type Address, type DhKeyPair, dhKeyPair, ensureAddress } from "@gaiaftcl/net-wire";
import { NetMeshError } from "../net-mesh-error.js";

/** How much a two-endpoint adapter promises (Net transport format, section 8.3); "light" and "full" are one mode. */
export type EndpointReliability = "none" | "light" | "full";

/** Settings of a two-endpoint adapter (Net transport format, section 14.3). Keys are 64 hex characters. */
export interface NetEndpointOptions {
  readonly bind: string;
  /** Where the initiator calls; a responder answers whoever calls. */
  readonly peer: string;
  readonly psk: string;
  readonly role: "initiator" | "responder";
  /** The responder's public key: needed by an initiator. */
  readonly peerPublicKey?: string;
  /** The own secret key: needed by a responder. */
  readonly secretKey?: string;
  /** Default "none". */
  readonly reliability?: EndpointReliability;
  /** Default 5,000 ms; at least 10. */
  readonly heartbeatIntervalMs?: number;
  /** Silence after which the peer counts as gone; default 30,000 ms. */
  readonly sessionTimeoutMs?: number;
  /** Refuse a peer that knows no strict sessions, which is every 0.19.0 node. */
  readonly requireStrict?: boolean;
  /** Received events kept for polling over all shards; the oldest are given up, and counted, beyond. Default 1,000,000. */
  readonly maxEvents?: number;
}

export interface EndpointSettings {
  readonly bind: Address;
  readonly peer: Address;
  readonly psk: Uint8Array;
  readonly role: "initiator" | "responder";
  readonly peerPublicKey: Uint8Array;
  readonly keyPair: DhKeyPair | undefined;
  readonly isReliable: boolean;
  readonly heartbeatIntervalMs: number;
  readonly sessionTimeoutMs: number;
  readonly requireStrict: boolean;
  readonly maxEvents: number;
}

const SHORTEST_HEARTBEAT_MS = 10;

/** Checks the options in the order and with the words of the format. @throws NetMeshError `INVALID_OPTION` */
export function endpointSettings(options: NetEndpointOptions): EndpointSettings {
  const bind = address("bind", options.bind);
  const peer = address("peer", options.peer);
  const psk = key("psk", options.psk);
  const { role } = options;
  if (role !== "initiator" && role !== "responder") {
    throw invalid(`Invalid role: ${String(role)}. Use 'initiator' or 'responder'`);
  }
  const isInitiator = role === "initiator";
  if (isInitiator && options.peerPublicKey === undefined)
    throw invalid("peerPublicKey is required for initiator");
  if (!isInitiator && options.secretKey === undefined)
    throw invalid("secretKey is required for responder");
  const peerPublicKey = isInitiator
    ? key("peerPublicKey", options.peerPublicKey)
    : new Uint8Array(32);
  const keyPair = isInitiator ? undefined : dhKeyPair(key("secretKey", options.secretKey));
  const { heartbeatIntervalMs = 5_000, sessionTimeoutMs = 30_000, maxEvents = 1_000_000 } = options;
  if (!(heartbeatIntervalMs > 0)) throw invalid("heartbeat_interval must be > 0");
  if (heartbeatIntervalMs < SHORTEST_HEARTBEAT_MS) {
    throw invalid(
      `heartbeat_interval ${heartbeatIntervalMs}ms is below the ${SHORTEST_HEARTBEAT_MS}ms minimum`,
    );
  }
  if (!(sessionTimeoutMs > 0)) throw invalid("session_timeout must be > 0");
  if (sessionTimeoutMs <= heartbeatIntervalMs)
    throw invalid("session_timeout must be > heartbeat_interval");
  if (!(maxEvents >= 1)) throw invalid(`maxEvents must be at least 1; it is ${maxEvents}`);
  const isReliable = options.reliability === "light" || options.reliability === "full";
  const requireStrict = options.requireStrict === true;
  return {
    bind,
    peer,
    psk,
    role,
    peerPublicKey,
    keyPair,
    isReliable,
    heartbeatIntervalMs,
    sessionTimeoutMs,
    requireStrict,
    maxEvents,
  };
}

function address(name: string, text: string | undefined): Address {
  if (text === undefined) throw invalid(`${name} is required`);
  try {
    return ensureAddress(text);
  } catch (cause) {
    throw new NetMeshError("INVALID_OPTION", `Invalid ${name}: invalid socket address syntax`, {
      cause,
    });
  }
}

function key(name: string, hex: string | undefined): Uint8Array {
  if (hex === undefined) throw invalid(`${name} is required`);
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(hex)) throw invalid(`Invalid ${name} hex`);
  if (hex.length !== 64) throw invalid(`${name} must be exactly 32 bytes`);
  return new Uint8Array(Buffer.from(hex, "hex"));
}

function invalid(message: string): NetMeshError {
  return new NetMeshError("INVALID_OPTION", message);
}
