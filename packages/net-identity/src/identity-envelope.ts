import { createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { type CausalLink, encodeCausalLink } from "./causal-link.js";
import { ensureEntityId, keyedHash, verifySignature } from "./entity.js";
import { Identity } from "./identity.js";
import { NetIdentityError } from "./net-identity-error.js";
import { generateNetKeypair, type NetKeypair, netKeypairOf } from "./net-keypair.js";
import type { RandomBytes } from "./random.js";
import { isSameBytes } from "./same-bytes.js";

/** The size of an identity envelope. */
export const IDENTITY_ENVELOPE_BYTES = 209;
const VERSION = 1;
const KEY_BYTES = 32;
const TARGET_AT = 1;
const EPHEMERAL_AT = 33;
const CIPHERTEXT_AT = 65;
const SIGNER_AT = 113;
const SIGNATURE_AT = 145;
const NONCE_BYTES = 24;

/** What is to be sealed, for whom, and where its chain stands. */
export interface SealIdentityOptions {
  /** The identity that moves. Its seed goes into the envelope, encrypted. */
  readonly identity: Identity;
  /** The X25519 key of the node it moves to, 32 bytes. */
  readonly targetPublicKey: Uint8Array;
  /** The head of the identity's chain. The envelope opens with no other. */
  readonly link: CausalLink;
  /** Where the ephemeral key comes from; the system's generator when left out. */
  readonly randomBytes?: RandomBytes;
}

/** What the one who opens an envelope knows already. */
export interface OpenIdentityOptions {
  /** The X25519 secret key of this node, 32 bytes. */
  readonly secretKey: Uint8Array;
  /** The identity that is expected, 32 bytes. */
  readonly entityId: Uint8Array;
  /** The head of its chain. */
  readonly link: CausalLink;
}

/** Why an envelope stays shut. */
export type EnvelopeFault =
  /** Not 209 bytes of version 1. */
  | "format"
  /** It holds another identity than the one expected. */
  | "signer"
  /** The identity did not sign for this target and this link. */
  | "signature"
  /** It is for another node, or was changed. */
  | "seal"
  /** It holds the seed of another identity. */
  | "seed";

/** An opened envelope, or why it is none. Where Net has a text for the fault, that is the message. */
export type EnvelopeVerdict =
  | { readonly ok: true; readonly identity: Identity }
  | { readonly ok: false; readonly fault: EnvelopeFault; readonly message: string };

const TEXTS: Readonly<Record<EnvelopeFault, string>> = {
  format: `expected ${IDENTITY_ENVELOPE_BYTES} bytes of version ${VERSION}`,
  signer: "signer_pub is not a valid ed25519 point",
  signature: "attestation signature invalid",
  seal: "seal_open failed (wrong target key or tampered ciphertext)",
  seed: "the seed inside is not that of the signer",
};

/**
 * Seals an identity for the node it moves to (Net identity format, section 13.2): only the holder of
 * the target's secret key can open the envelope, and it is good for one position of the chain. Whoever
 * opens it has the seed from then on, and so has the one who sealed it.
 *
 * @returns 209 bytes
 * @throws NetIdentityError `ARGUMENT` when the target is no X25519 key, and `RANGE` for the link
 */
export function sealIdentity(options: SealIdentityOptions): Uint8Array {
  const { identity, targetPublicKey, link } = options;
  ensureKey("targetPublicKey", targetPublicKey);
  const linkBytes = encodeCausalLink(link);
  const ephemeral = generateNetKeypair(options.randomBytes);
  const cipher = cipherOf(ephemeral, targetPublicKey, {
    ephemeralPublicKey: ephemeral.publicKey,
    targetPublicKey,
    linkBytes,
  });
  if (cipher === undefined) {
    throw new NetIdentityError(
      "ARGUMENT",
      "expected targetPublicKey to be an X25519 key, found a point of small order: it protects nothing",
    );
  }
  const bytes = new Uint8Array(IDENTITY_ENVELOPE_BYTES);
  bytes[0] = VERSION;
  bytes.set(targetPublicKey, TARGET_AT);
  bytes.set(ephemeral.publicKey, EPHEMERAL_AT);
  bytes.set(cipher.encrypt(identity.seed()), CIPHERTEXT_AT);
  bytes.set(identity.entityId, SIGNER_AT);
  bytes.set(identity.sign(attestation(targetPublicKey, linkBytes)), SIGNATURE_AT);
  return bytes;
}

/**
 * Opens an identity envelope (Net identity format, section 13.2). The checks, in this order: the
 * length and version, the signer is the identity expected, its signature over target and link, the
 * target is this node, the ciphertext, the seed is the signer's. Bytes from outside never make it
 * throw.
 *
 * @throws NetIdentityError `ARGUMENT`, `ENTITY_ID` or `RANGE` for options that are none
 */
export function openIdentity(bytes: Uint8Array, options: OpenIdentityOptions): EnvelopeVerdict {
  const own = netKeypairOf(options.secretKey);
  const entityId = ensureEntityId(options.entityId);
  const linkBytes = encodeCausalLink(options.link);
  if (!(bytes instanceof Uint8Array) || bytes.length !== IDENTITY_ENVELOPE_BYTES) {
    return refused("format");
  }
  if (bytes[0] !== VERSION) return refused("format");
  const targetPublicKey = bytes.subarray(TARGET_AT, EPHEMERAL_AT);
  const ephemeralPublicKey = bytes.subarray(EPHEMERAL_AT, CIPHERTEXT_AT);
  const signer = bytes.subarray(SIGNER_AT, SIGNATURE_AT);
  if (!isSameBytes(signer, entityId)) return refused("signer");
  const signed = attestation(targetPublicKey, linkBytes);
  if (!verifySignature(signer, signed, bytes.subarray(SIGNATURE_AT))) return refused("signature");
  if (!isSameBytes(targetPublicKey, own.publicKey)) return refused("seal");
  const cipher = cipherOf(own, ephemeralPublicKey, {
    ephemeralPublicKey,
    targetPublicKey,
    linkBytes,
  });
  let seed: Uint8Array;
  try {
    if (cipher === undefined) return refused("seal");
    seed = cipher.decrypt(bytes.subarray(CIPHERTEXT_AT, SIGNER_AT));
  } catch {
    return refused("seal");
  }
  const identity = Identity.fromSeed(seed);
  return isSameBytes(identity.entityId, signer) ? { ok: true, identity } : refused("seed");
}

interface SealContext {
  readonly ephemeralPublicKey: Uint8Array;
  readonly targetPublicKey: Uint8Array;
  readonly linkBytes: Uint8Array;
}

/** The cipher two keys agree on, or undefined when the other key is a point of small order. */
function cipherOf(
  own: NetKeypair,
  otherPublicKey: Uint8Array,
  context: SealContext,
): ReturnType<typeof xchacha20poly1305> | undefined {
  const shared = agree(own, otherPublicKey);
  if (shared === undefined) return undefined;
  const keys = Buffer.concat([context.ephemeralPublicKey, context.targetPublicKey]);
  const nonce = keyedHash("net-identity-nonce", keys).subarray(0, NONCE_BYTES);
  return xchacha20poly1305(keyedHash("net-identity-envelope", shared), nonce, context.linkBytes);
}

function agree(own: NetKeypair, otherPublicKey: Uint8Array): Uint8Array | undefined {
  try {
    const d = base64Url(own.secretKey);
    const privateKey = createPrivateKey({ key: { ...jwk(own.publicKey), d }, format: "jwk" });
    const publicKey = createPublicKey({ key: jwk(otherPublicKey), format: "jwk" });
    const shared = diffieHellman({ privateKey, publicKey });
    return shared.some((byte) => byte !== 0) ? shared : undefined;
  } catch {
    // OpenSSL refuses points of small order itself.
    return undefined;
  }
}

function attestation(targetPublicKey: Uint8Array, linkBytes: Uint8Array): Uint8Array {
  return Buffer.concat([targetPublicKey, linkBytes]);
}

function jwk(publicKey: Uint8Array): { kty: "OKP"; crv: "X25519"; x: string } {
  return { kty: "OKP", crv: "X25519", x: base64Url(publicKey) };
}

function base64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function ensureKey(name: string, key: Uint8Array): void {
  if (key instanceof Uint8Array && key.length === KEY_BYTES) return;
  throw new NetIdentityError("ARGUMENT", `expected ${name} to be the 32 bytes of an X25519 key`);
}

function refused(fault: EnvelopeFault): EnvelopeVerdict {
  return { ok: false, fault, message: `identity envelope: ${TEXTS[fault]}` };
}
