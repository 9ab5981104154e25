import {
  encodeHex,
  type PrivateKey,
  privateKeyFromSeed,
  publicKeyOf,
  publicKeyToBytes,
  sign,
} from "@gaiaftcl/witness/ed25519";
import { ensureEntityId, nodeIdOf, originHashOf } from "./entity.js";
import { NetIdentityError, tokenError } from "./net-identity-error.js";
import { systemRandomBytes } from "./random.js";

const SEED_BYTES = 32;

interface Secret {
  readonly seed: Uint8Array;
  readonly key: PrivateKey;
}

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
  readonly #secret: Secret | undefined;

  private constructor(entityId: Uint8Array, secret: Secret | undefined) {
    this.#secret = secret;
    this.entityId = entityId;
    this.nodeId = nodeIdOf(entityId);
    this.originHash = originHashOf(entityId);
  }

  /** A new identity, from the system's generator. */
  static generate(): Identity {
    return Identity.#ofSeed(systemRandomBytes(SEED_BYTES));
  }

  /** The identity of a seed: any 32 bytes. The bytes are copied. @throws NetIdentityError `SEED` */
  static fromSeed(seed: Uint8Array): Identity {
    if (!(seed instanceof Uint8Array)) {
      throw new NetIdentityError("ARGUMENT", "expected the 32 bytes of a seed");
    }
    if (seed.length !== SEED_BYTES) {
      throw new NetIdentityError("SEED", `identity: seed must be 32 bytes, got ${seed.length}`);
    }
    return Identity.#ofSeed(Uint8Array.from(seed));
  }

  /**
   * Somebody else's identity: their ids, without the secret to sign with. The bytes are copied.
   *
   * @throws NetIdentityError `ENTITY_ID`
   */
  static readOnly(entityId: Uint8Array): Identity {
    return new Identity(Uint8Array.from(ensureEntityId(entityId)), undefined);
  }

  /** Whether the secret is there: false for `Identity.readOnly`. */
  get canSign(): boolean {
    return this.#secret !== undefined;
  }

  /** A copy of the secret seed, the form an identity is stored in. @throws NetIdentityError `READ_ONLY` */
  seed(): Uint8Array {
    return Uint8Array.from(this.#secretOrThrow().seed);
  }

  /** The Ed25519 signature of a message, 64 bytes. @throws NetIdentityError `READ_ONLY` */
  sign(message: Uint8Array): Uint8Array {
    return sign(this.#secretOrThrow().key, message);
  }

  toString(): string {
    const entity = encodeHex(this.entityId);
    return `Identity(entity_id=0x${entity}, node_id=0x${this.nodeId.toString(16)})`;
  }

  /** What `toString` says: a log never holds the seed. */
  toJSON(): string {
    return this.toString();
  }

  #secretOrThrow(): Secret {
    if (this.#secret === undefined) throw tokenError("read_only");
    return this.#secret;
  }

  static #ofSeed(seed: Uint8Array): Identity {
    const key = privateKeyFromSeed(seed);
    return new Identity(publicKeyToBytes(publicKeyOf(key)), { seed, key });
  }
}
