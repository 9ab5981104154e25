import { encodeHex, type PublicKey, publicKeyFromBytes, verify } from "@gaiaftcl/witness/ed25519";
import { blake2s } from "@noble/hashes/blake2.js";
import { NetIdentityError } from "./net-identity-error.js";

const ENTITY_ID_BYTES = 32;
const MAX_LABEL_BYTES = 32;
/** How many keys stay ready for use; making one ready costs more than verifying with it. */
const READY_KEYS = 512;
const ready = new Map<string, PublicKey>();
const encoder = new TextEncoder();

/**
 * BLAKE2s-256 in keyed mode, with the ASCII bytes of `label` as key (Net identity format, section
 * 0.1): 32 bytes.
 *
 * @throws NetIdentityError `ARGUMENT` when the label does not have 1 to 32 bytes.
 */
export function keyedHash(label: string, data: Uint8Array): Uint8Array {
  const key = encoder.encode(label);
  if (key.length >= 1 && key.length <= MAX_LABEL_BYTES) return blake2s(data, { key, dkLen: 32 });
  throw new NetIdentityError(
    "ARGUMENT",
    `expected a label of 1 to ${MAX_LABEL_BYTES} bytes, found ${key.length}`,
  );
}

/** The node id of an entity (Net identity format, section 1.1). @throws NetIdentityError `ENTITY_ID` */
export function nodeIdOf(entityId: Uint8Array): bigint {
  return firstWord(keyedHash("net-node-id-v1", ensureEntityId(entityId)));
}

/**
 * The origin hash of an entity (Net identity format, section 1.1). Packet headers carry its low 32 bits.
 *
 * @throws NetIdentityError `ENTITY_ID`
 */
export function originHashOf(entityId: Uint8Array): bigint {
  return firstWord(keyedHash("net-origin-v1", ensureEntityId(entityId)));
}

/** Returns the entity id if it is 32 bytes. @throws NetIdentityError `ENTITY_ID` */
export function ensureEntityId(entityId: Uint8Array): Uint8Array {
  if (!(entityId instanceof Uint8Array)) {
    throw new NetIdentityError("ARGUMENT", "expected the 32 bytes of an entity id");
  }
  if (entityId.length === ENTITY_ID_BYTES) return entityId;
  throw new NetIdentityError(
    "ENTITY_ID",
    `identity: entity_id must be 32 bytes, got ${entityId.length}`,
  );
}

/**
 * Whether an entity signed a message. Strict Ed25519: an S of the group's order or above, and a key or
 * R that is not canonical or of small order, is refused. Bytes that are no key have signed nothing.
 */
export function verifySignature(
  entityId: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = keyOf(entityId);
  return key !== undefined && verify(key, message, signature);
}

function keyOf(entityId: Uint8Array): PublicKey | undefined {
  if (entityId.length !== ENTITY_ID_BYTES) return undefined;
  const hex = encodeHex(entityId);
  let key = ready.get(hex);
  if (key === undefined) {
    try {
      key = publicKeyFromBytes(entityId);
    } catch {
      return undefined;
    }
    if (ready.size >= READY_KEYS) {
      for (const oldest of ready.keys()) {
        ready.delete(oldest);
        break;
      }
    }
  } else {
    ready.delete(hex);
  }
  ready.set(hex, key);
  return key;
}

function firstWord(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
}
