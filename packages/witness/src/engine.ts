/**
 * What a runtime has to bring: SHA-256 and the Ed25519 arithmetic. The rules (which keys, encodings
 * and signatures are refused) stand above it, once, so an engine receives only checked bytes.
 */
export interface Engine {
  readonly engineName: "node" | "noble";

  /** SHA-256 in lower-case hex, of bytes or of the UTF-8 form of a well-formed text. */
  sha256(data: Uint8Array | string): string;

  /** The same of bytes, as a text with one character for each byte of it. */
  sha256Binary(data: Uint8Array): string;

  /** `length` bytes from the system's generator. */
  randomBytes(length: number): Uint8Array;

  /** Prepares a 32-byte RFC 8032 seed for signing. */
  importSeed(seed: Uint8Array): Signer;

  /** Prepares a 32-byte public key whose encoding was already checked. */
  importPublicKey(publicKey: Uint8Array): Verifier;
}

/** A private key, ready for use. */
export interface Signer {
  /** The 32 bytes of the public key. */
  readonly publicKey: Uint8Array;
  /** The 64 bytes of the deterministic signature. */
  sign(message: Uint8Array): Uint8Array;
}

/**
 * Whether the cofactorless equation of RFC 8032, section 5.1.7, holds: the encoding of `[S]B - [k]A`
 * equals the bytes of R. The signature has 64 bytes and S < L.
 */
export type Verifier = (message: Uint8Array, signature: Uint8Array) => boolean;
