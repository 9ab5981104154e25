import {
  encodeHex,
  type PrivateKey,
  privateKeyFromSeed,
  publicKeyOf,
  publicKeyToBytes,
  sign,
} from "@gaiaftcl/witness/ed25519";
import { nodeIdOf, originHashOf } from "./entity.js";
import { NetIdentityError } from "./net-identity-error.js";
import { systemRandomBytes } from "./random.js";

const SEED_BYTES = 32;

/**
 * An entity of the mesh: an Ed25519 key pair and the ids derived from its public key (Net identity
 * format, section 1). The secret shows in nothing but `seed()`.
 */
export class Identity {
  /** The 32 bytes of the public key. */
  readonly entityId: Uint8Array;
  /** The name of the node in routing and sessions, derived from the entity id. */
  readonly nodeId: bigint;
  /** What events carry as their origin, derived from the entity id. */
  readonly originHash: bigint;
  readonly #seed: Uint8Array;
  readonly #key: PrivateKey;

  private constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.#key = privateKeyFromSeed(seed);
    this.entityId = publicKeyToBytes(publicKeyOf(this.#key));
    this.nodeId = nodeIdOf(this.entityId);
    this.originHash = originHashOf(this.entityId);
  }

  /** A new identity, from the system's generator. */
  static generate(): Identity {
    return new Identity(systemRandomBytes(SEED_BYTES));
  }

  /** The identity of a seed: any 32 bytes. The bytes are copied. @throws NetIdentityError `SEED` */
  static fromSeed(seed: Uint8Array): Identity {
    if (!(seed instanceof Uint8Array)) {
      throw new NetIdentityError("ARGUMENT", "expected the 32 bytes of a seed");
    }
    if (seed.length !== SEED_BYTES) {
      throw new NetIdentityError("SEED", `identity: seed must be 32 bytes, got ${seed.length}`);
    }
    return new Identity(Uint8Array.from(seed));
  }

  /** A copy of the secret seed, the form an identity is stored in. */
  seed(): Uint8Array {
    return Uint8Array.from(this.#seed);
  }

  /** The Ed25519 signature of a message, 64 bytes. */
  sign(message: Uint8Array): Uint8Array {
    return sign(this.#key, message);
  }

  toString(): string {
    const entity = encodeHex(this.entityId);
    return `Identity(entity_id=0x${entity}, node_id=0x${this.nodeId.toString(16)})`;
  }

  /** What `toString` says: a log never holds the seed. */
  toJSON(): string {
    return this.toString();
  }
}
