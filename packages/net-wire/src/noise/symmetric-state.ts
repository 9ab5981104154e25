import { decrypt, encrypt, type NoiseSuite } from "./suite.js";

const HASH_BYTES = 32;

/** What each protocol begins with, by its name; nothing writes to these. */
const beginnings = new Map<string, Uint8Array>();

/** For what is hashed in one call: most of it is short. */
const scratch = new Uint8Array(256);

/** SymmetricState of Noise (revision 34, section 5.2): the chaining key, the running hash and the handshake cipher. */
export class SymmetricState {
  readonly #suite: NoiseSuite;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array | undefined;
  #counter = 0;

  private constructor(suite: NoiseSuite, hash: Uint8Array) {
    this.#suite = suite;
    this.#hash = hash;
    this.#chainingKey = hash;
  }

  /** InitializeSymmetric of Noise. */
  static begin(protocolName: string, suite: NoiseSuite): SymmetricState {
    let hash = beginnings.get(protocolName);
    if (hash === undefined) {
      hash = nameHash(protocolName, suite);
      beginnings.set(protocolName, hash);
    }
    return new SymmetricState(suite, hash);
  }

  /** A state that goes on from here on its own. */
  copy(): SymmetricState {
    const copy = new SymmetricState(this.#suite, this.#hash);
    copy.#chainingKey = this.#chainingKey;
    copy.#key = this.#key;
    copy.#counter = this.#counter;
    return copy;
  }

  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = this.#suite.hkdf(this.#chainingKey, input, 2);
    this.#chainingKey = chainingKey as Uint8Array;
    this.#key = key as Uint8Array;
    this.#counter = 0;
  }

  mixHash(data: Uint8Array): void {
    const length = HASH_BYTES + data.length;
    const joined = length <= scratch.length ? scratch.subarray(0, length) : new Uint8Array(length);
    joined.set(this.#hash);
    joined.set(data, HASH_BYTES);
    this.#hash = this.#suite.hash(joined);
    joined.fill(0);
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hashed, key] = this.#suite.hkdf(this.#chainingKey, input, 3);
    this.#chainingKey = chainingKey as Uint8Array;
    this.mixHash(hashed as Uint8Array);
    this.#key = key as Uint8Array;
    this.#counter = 0;
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed =
      this.#key === undefined
        ? plaintext
        : encrypt(this.#key, this.#counter, this.#hash, plaintext);
    this.#counter += 1;
    this.mixHash(sealed);
    return sealed;
  }

  /** The plaintext, or undefined when it does not authenticate: the handshake is over then. */
  decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const plaintext =
      this.#key === undefined ? sealed : decrypt(this.#key, this.#counter, this.#hash, sealed);
    if (plaintext !== undefined) {
      this.#counter += 1;
      this.mixHash(sealed);
    }
    return plaintext;
  }

  get hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** The keys of the two directions: the initiator's first. */
  split(): readonly [initiatorToResponder: Uint8Array, responderToInitiator: Uint8Array] {
    const [first, second] = this.#suite.hkdf(this.#chainingKey, new Uint8Array(0), 2);
    return [first as Uint8Array, second as Uint8Array];
  }
}

function nameHash(protocolName: string, suite: NoiseSuite): Uint8Array {
  const name = new TextEncoder().encode(protocolName);
  if (name.length > HASH_BYTES) {
    return suite.hash(name);
  }
  const hash = new Uint8Array(HASH_BYTES);
  hash.set(name);
  return hash;
}
