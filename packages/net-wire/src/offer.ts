import { readU16, readU32, writeU16, writeU32 } from "./little-endian.js";
import { NetWireError } from "./net-wire-error.js";

/** Features two nodes of our own kind agree on, as bits. */
export const sessionFeatures = {
  /** Session keys from the Noise key schedule, rekeyed; without it there is no strict session. */
  strictKeys: 0x1,
  /** Acknowledged, retransmitted, ordered streams. */
  reliableStreams: 0x2,
  /** Events above one packet. */
  fragmentation: 0x4,
  /** Routed packets for everything towards a relayed peer. */
  relayedSessions: 0x8,
  /** Delegation chains beside the token of a Subscribe. */
  delegationChains: 0x10,
} as const;

/** All of them: what a node offers unless told otherwise. */
export const ALL_FEATURES: number = Object.values(sessionFeatures).reduce(
  (sum, bit) => sum | bit,
  0,
);

/**
 * What the initiator offers in the payload of message 1, and what the responder accepts in that of
 * message 2. Both payloads are encrypted and authenticated by the handshake; a 0.19.0 node ignores
 * the first and never sees the second (Net security, "The offer").
 */
export interface Offer {
  readonly features: number;
  /** Bytes per stream the sender of this takes before its application consumes; whole KiB. */
  readonly receiveWindow: number;
  /** Further values by type; unknown types are kept and ignored. */
  readonly extensions?: ReadonlyMap<number, Uint8Array>;
}

const MAGIC = [0x47, 0x46];
const VERSION = 1;
const FIXED_BYTES = 11;
const KIB = 1024;

export function encodeOffer(offer: Offer): Uint8Array {
  const extensions = [...(offer.extensions ?? [])];
  const bytes = new Uint8Array(
    FIXED_BYTES + extensions.reduce((sum, [, value]) => sum + 3 + value.length, 0),
  );
  bytes.set([...MAGIC, VERSION]);
  writeU32(bytes, 3, offer.features);
  writeU32(bytes, 7, Math.floor(offer.receiveWindow / KIB));
  let at = FIXED_BYTES;
  for (const [type, value] of extensions) {
    if (type > 0xff || value.length > 0xffff) {
      throw new NetWireError(
        "FIELD_RANGE",
        `an offer's extension has a type below 256 and at most 65535 bytes, got type ${type} with ${value.length}`,
      );
    }
    bytes[at] = type;
    writeU16(bytes, at + 1, value.length);
    bytes.set(value, at + 3);
    at += 3 + value.length;
  }
  return bytes;
}

/**
 * Reads an offer, of this version or a later one, which begins alike; undefined when the payload is
 * no offer. A payload that was authenticated and is cut off is no offer either.
 */
export function decodeOffer(payload: Uint8Array): Offer | undefined {
  const version = payload[2];
  if (
    payload.length < FIXED_BYTES ||
    payload[0] !== MAGIC[0] ||
    payload[1] !== MAGIC[1] ||
    version === undefined ||
    version < VERSION
  ) {
    return undefined;
  }
  const extensions = new Map<number, Uint8Array>();
  let at = FIXED_BYTES;
  while (at < payload.length) {
    const length = at + 3 <= payload.length ? readU16(payload, at + 1) : Number.POSITIVE_INFINITY;
    if (at + 3 + length > payload.length) {
      return undefined;
    }
    extensions.set(
      payload[at] as number,
      new Uint8Array(payload.subarray(at + 3, at + 3 + length)),
    );
    at += 3 + length;
  }
  return { features: readU32(payload, 3), receiveWindow: readU32(payload, 7) * KIB, extensions };
}
