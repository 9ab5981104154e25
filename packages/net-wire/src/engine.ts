/** An X25519 key pair, its secret kept in. */
export interface AgreementKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** As `Engine.agree`. */
  agree(publicKey: Uint8Array): Uint8Array | undefined;
}

/** What a runtime brings to the handshakes: X25519. */
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
}
