/** An X25519 key pair, its secret kept in. */
export interface AgreementKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** As `Engine.agree`. */
  agree(publicKey: Uint8Array): Uint8Array | undefined;
}

/** What a runtime brings to the handshakes: X25519 and ChaCha20-Poly1305. Packets have a kernel of their own. */
export interface Engine {
  readonly engineName: "node" | "noble";

  /** A new key from the runtime's secure random source; its secret never leaves it. */
  generateKey(): AgreementKey;

  /** The public key of a 32-byte X25519 secret (RFC 7748). */
  publicKeyOf(secretKey: Uint8Array): Uint8Array;

  /**
   * The 32 bytes two X25519 keys agree on, or undefined when they are all zero: the public key is a
   * point of small order, which nobody has a secret for.
   */
  agree(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;

  /** Ciphertext and tag (RFC 8439, section 2.8). */
  encrypt(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;

  /** The plaintext, or undefined when the tag does not verify. `sealed` has at least 16 bytes. */
  decrypt(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined;
}
