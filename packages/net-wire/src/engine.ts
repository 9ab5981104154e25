/** An X25519 key pair, its secret kept in. */
export interface AgreementKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** As `Engine.agree`. */
  agree(publicKey: Uint8Array): Uint8Array | undefined;
}

/** What a runtime brings to the handshakes: X25519 and BLAKE2s. */
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

  /** The 32 bytes of BLAKE2s-256 (RFC 7693, section 3.3). */
  blake2s(data: Uint8Array): Uint8Array;

  /**
   * `length` bytes of HKDF over BLAKE2s (RFC 5869), the chaining key being the salt and the info empty: the
   * outputs of Noise's HKDF (revision 34, section 4.3), one after another.
   */
  hkdfBlake2s(chainingKey: Uint8Array, input: Uint8Array, length: number): Uint8Array;
}
