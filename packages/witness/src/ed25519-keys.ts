import { engineName, importPublicKey, importSeed, randomBytes } from "#engine";
import { decodeBase64 } from "./base64.js";
import type { Signer, Verifier } from "./engine.js";
import { decodeHex, encodeHex } from "./hex.js";
import { decodePkcs8, decodeSpki, encodePkcs8, encodeSpki } from "./key-der.js";
import { decodePem, encodePem } from "./pem.js";
import { refusedPoint } from "./point-encoding.js";
import { quote, WitnessError } from "./witness-error.js";

const KEY_BYTES = 32;

/**
 * An Ed25519 public key that passed every check: 32 bytes, canonical, on the curve, not of small
 * order. It keeps the form its engine works with, so a key that is used again costs nothing again.
 */
class Ed25519PublicKey {
  /** 64 lower-case hex digits: equal keys have equal texts. */
  readonly hex: string;
  readonly #verifier: Verifier;

  constructor(bytes: Uint8Array) {
    ensureBytes("PUBLIC_KEY", "a public key", bytes);
    const refusal = refusedPoint(bytes);
    if (refusal !== undefined) {
      throw new WitnessError(
        "PUBLIC_KEY",
        `expected an Ed25519 public key, found ${encodeHex(bytes)}, which is ${REFUSALS[refusal]}`,
      );
    }
    this.hex = encodeHex(bytes);
    this.#verifier = importPublicKey(bytes);
  }

  /** The engine's form of a key; anything that is not a key of this package is refused. */
  static verifierOf(key: PublicKey): Verifier {
    if (typeof key !== "object" || key === null || !(#verifier in key)) {
      throw new WitnessError(
        "ARGUMENT",
        "expected a PublicKey; parsePublicKey makes one of a text",
      );
    }
    return key.#verifier;
  }

  /** The hex digits, also in JSON. */
  toString(): string {
    return this.hex;
  }

  toJSON(): string {
    return this.hex;
  }
}

/** An Ed25519 private key. It shows its secret to nobody but {@link privateKeyToPem}. */
class Ed25519PrivateKey {
  readonly #seed: Uint8Array;
  readonly #signer: Signer;
  #publicKey: PublicKey | undefined;

  constructor(seed: Uint8Array) {
    ensureBytes("PRIVATE_KEY", "the seed of a private key", seed);
    this.#seed = Uint8Array.from(seed);
    this.#signer = importSeed(this.#seed);
  }

  static signerOf(key: PrivateKey): Signer {
    return Ed25519PrivateKey.#ensure(key).#signer;
  }

  static seedOf(key: PrivateKey): Uint8Array {
    return Ed25519PrivateKey.#ensure(key).#seed;
  }

  static publicKeyOf(key: PrivateKey): PublicKey {
    const own = Ed25519PrivateKey.#ensure(key);
    own.#publicKey ??= new Ed25519PublicKey(own.#signer.publicKey);
    return own.#publicKey;
  }

  static #ensure(key: PrivateKey): Ed25519PrivateKey {
    if (typeof key === "object" && key !== null && #seed in key) return key;
    throw new WitnessError("ARGUMENT", "expected a PrivateKey; privateKeyFromPem makes one");
  }

  toString(): string {
    return "PrivateKey";
  }

  /** A key that ends up in a log or a message by mistake says nothing. */
  toJSON(): string {
    return "PrivateKey";
  }
}

export type PublicKey = Ed25519PublicKey;
export type PrivateKey = Ed25519PrivateKey;

/** A private key and the public key that belongs to it. */
export interface KeyPair {
  readonly publicKey: PublicKey;
  readonly privateKey: PrivateKey;
}

const REFUSALS = {
  "non-canonical": "not the canonical encoding of a point",
  "small-order": "a point of small order, under which one signature fits many messages",
  "not-on-curve": "not a point of the curve",
} as const;

/** Which implementation of the arithmetic runs here; the verdicts are the same. */
export const engine: "node" | "noble" = engineName;

/**
 * A new key pair from the system's generator, or the pair of a given seed (RFC 8032, section 5.1.5).
 *
 * @param seed 32 secret bytes.
 * @throws WitnessError `PRIVATE_KEY` when the seed has another length.
 */
export function generateKeyPair(seed?: Uint8Array): KeyPair {
  const privateKey = privateKeyFromSeed(seed ?? randomBytes(KEY_BYTES));
  return { publicKey: publicKeyOf(privateKey), privateKey };
}

/** The public key that belongs to a private key. */
export function publicKeyOf(privateKey: PrivateKey): PublicKey {
  return Ed25519PrivateKey.publicKeyOf(privateKey);
}

/**
 * A public key from its 32 bytes.
 *
 * @throws WitnessError `PUBLIC_KEY` for another length, a non-canonical encoding, a point of small
 *   order, or one that is not on the curve.
 */
export function publicKeyFromBytes(bytes: Uint8Array): PublicKey {
  return new Ed25519PublicKey(bytes);
}

/**
 * A public key in one of the three forms of the cell format, section 2: 64 lower-case hex digits,
 * padded base64 of the 32 bytes, or an SPKI PEM.
 *
 * @throws WitnessError `PUBLIC_KEY`, `BASE64` or `PEM`, saying what was found.
 */
export function parsePublicKey(text: string): PublicKey {
  if (typeof text !== "string") {
    throw new WitnessError("PUBLIC_KEY", `expected the text of a public key, found ${typeof text}`);
  }
  if (text.trimStart().startsWith("-----BEGIN")) {
    return publicKeyFromBytes(decodeSpki(decodePem("PUBLIC KEY", text)));
  }
  if (/^[0-9a-fA-F]{64}$/.test(text)) return publicKeyFromBytes(decodeHex(text));
  if (text.length === 44) return publicKeyFromBytes(decodeBase64(text));
  throw new WitnessError(
    "PUBLIC_KEY",
    `expected 64 lower-case hex digits, base64 of 32 bytes or an SPKI PEM, found ${quote(text)}`,
  );
}

/** The 32 bytes of a public key. */
export function publicKeyToBytes(publicKey: PublicKey): Uint8Array {
  return decodeHex(publicKeyToHex(publicKey));
}

/** 64 lower-case hex digits. */
export function publicKeyToHex(publicKey: PublicKey): string {
  Ed25519PublicKey.verifierOf(publicKey);
  return publicKey.hex;
}

/** The public key as an SPKI PEM (RFC 8410, section 4). */
export function publicKeyToPem(publicKey: PublicKey): string {
  return encodePem("PUBLIC KEY", encodeSpki(publicKeyToBytes(publicKey)));
}

/** Whether two public keys are the same key. */
export function isSamePublicKey(left: PublicKey, right: PublicKey): boolean {
  return publicKeyToHex(left) === publicKeyToHex(right);
}

/**
 * A private key from its 32-byte seed.
 *
 * @throws WitnessError `PRIVATE_KEY`
 */
export function privateKeyFromSeed(seed: Uint8Array): PrivateKey {
  return new Ed25519PrivateKey(seed);
}

/**
 * A private key from a PKCS#8 PEM, unencrypted, version 1, as OpenSSL writes it (RFC 8410, section 7).
 *
 * @throws WitnessError `PEM` or `BASE64`; the message never repeats the content.
 */
export function privateKeyFromPem(pem: string): PrivateKey {
  return new Ed25519PrivateKey(decodePkcs8(decodePem("PRIVATE KEY", pem)));
}

/** The private key as a PKCS#8 PEM. Whoever writes it to a file gives that file mode 0600. */
export function privateKeyToPem(privateKey: PrivateKey): string {
  return encodePem("PRIVATE KEY", encodePkcs8(Ed25519PrivateKey.seedOf(privateKey)));
}

/** The engine's form of a key pair's halves, for `sign` and `verify`. */
export const signerOf: (key: PrivateKey) => Signer = Ed25519PrivateKey.signerOf;
export const verifierOf: (key: PublicKey) => Verifier = Ed25519PublicKey.verifierOf;

function ensureBytes(code: "PUBLIC_KEY" | "PRIVATE_KEY", what: string, bytes: Uint8Array): void {
  if (bytes instanceof Uint8Array && bytes.length === KEY_BYTES) return;
  const found = bytes instanceof Uint8Array ? `${bytes.length} bytes` : typeof bytes;
  throw new WitnessError(code, `expected ${what} of ${KEY_BYTES} bytes, found ${found}`);
}
