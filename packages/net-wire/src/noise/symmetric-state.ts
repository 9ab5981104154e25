import { decrypt, encrypt, type NoiseSuite } from "./suite.js";

/** SymmetricState of Noise (revision 34, section 5.2): the chaining key, the running hash and the handshake cipher. */
export class SymmetricState {
  readonly #suite: NoiseSuite;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array | undefined;
  #counter = 0;

  constructor(protocolName: string, suite: NoiseSuite) {
    this.#suite = suite;
    const name = new TextEncoder().encode(protocolName);
    if (name.length <= 32) {
      this.#hash = new Uint8Array(32);
      this.#hash.set(name);
    } else {
      this.#hash = suite.hash(name);
    }
    this.#chainingKey = this.#hash;
  }

  /** A state that goes on from here on its own. */
  copy(): SymmetricState {
    const copy = new SymmetricState("", this.#suite);
    copy.#chainingKey = this.#chainingKey;
    copy.#hash = this.#hash;
    copy.#key = this.#key;
    copy.#counter = this.#counter;
    return copy;
  }

  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  mixKey(input: Uint8Array): void {
    const [chainingKey, key] = this.#hkdf(input, 2);
    this.#chainingKey = chainingKey as Uint8Array;
    this.#key = key as Uint8Array;
    this.#counter = 0;
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#suite.hash(join(this.#hash, data));
  }

  mixKeyAndHash(input: Uint8Array): void {
    const [chainingKey, hashed, key] = this.#hkdf(input, 3);
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
    const [first, second] = this.#hkdf(new Uint8Array(0), 2);
    return [first as Uint8Array, second as Uint8Array];
  }

  /** HKDF of Noise (section 4.3). */
  #hkdf(input: Uint8Array, outputs: 2 | 3): Uint8Array[] {
    const secret = this.#suite.hmac(this.#chainingKey, input);
    const results: Uint8Array[] = [];
    let previous: Uint8Array = new Uint8Array(0);
    for (let index = 1; index <= outputs; index += 1) {
      previous = this.#suite.hmac(secret, join(previous, Uint8Array.of(index)));
      results.push(previous);
    }
    return results;
  }
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  const joined = new Uint8Array(left.length + right.length);
  joined.set(left);
  joined.set(right, left.length);
  return joined;
}
