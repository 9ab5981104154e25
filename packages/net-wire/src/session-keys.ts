import { blake2s } from "@noble/hashes/blake2.js";
import { readU64 } from "./little-endian.js";

const text = new TextEncoder();

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

function keyed(key: Uint8Array, label: string): Uint8Array {
  return blake2s(text.encode(label), { key });
}
