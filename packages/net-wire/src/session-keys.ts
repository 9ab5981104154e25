import { blake2s } from "@noble/hashes/blake2.js";
import type { EstablishedKeys } from "./established-keys.js";
import { readU64 } from "./little-endian.js";
import { ensureLength } from "./net-wire-error.js";

const text = new TextEncoder();
const HASH_BYTES = 32;

/** The keys of the two directions of a session. */
export interface DirectionKeys {
  readonly initiatorToResponder: Uint8Array;
  readonly responderToInitiator: Uint8Array;
}

/** The session id both sides read off the handshake hash (Net transport format, section 5.4). */
export function sessionIdOfHandshake(handshakeHash: Uint8Array): bigint {
  return readU64(handshakeHash, 0);
}

/**
 * The keys a 0.19.0 node uses (section 5.4). They follow from the handshake hash alone, so that
 * whoever holds the pre-shared key and a recording has them too: only for peers that know no better.
 */
export function legacyKeys(handshakeHash: Uint8Array): DirectionKeys {
  const root = keyed(handshakeHash, "net-kdf-v1");
  return {
    initiatorToResponder: keyed(root, "initiator-tx"),
    responderToInitiator: keyed(root, "initiator-rx"),
  };
}

/**
 * What a handshake with a 0.19.0 node leaves behind, from its hash alone: for sessions that were
 * recorded, or whose handshake was done elsewhere.
 *
 * @throws NetWireError `LENGTH` for a hash that is not 32 bytes
 */
export function keysOfHandshakeHash(
  role: EstablishedKeys["role"],
  handshakeHash: Uint8Array,
): EstablishedKeys {
  ensureLength("the handshake hash", handshakeHash, HASH_BYTES);
  const { initiatorToResponder, responderToInitiator } = legacyKeys(handshakeHash);
  const isInitiator = role === "initiator";
  return {
    role,
    sessionId: sessionIdOfHandshake(handshakeHash),
    sendKey: isInitiator ? initiatorToResponder : responderToInitiator,
    receiveKey: isInitiator ? responderToInitiator : initiatorToResponder,
    strict: false,
    features: 0,
    peerReceiveWindow: 0,
    peerExtensions: new Map(),
    initiatorEphemeral: new Uint8Array(0),
    handshakeHash: new Uint8Array(handshakeHash),
  };
}

function keyed(key: Uint8Array, label: string): Uint8Array {
  return blake2s(text.encode(label), { key });
}
