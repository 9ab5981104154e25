import { encodeHex } from "@gaiaftcl/witness/ed25519";
import { ensureEntityId, verifySignature } from "./entity.js";
import type { Identity } from "./identity.js";
import { NetIdentityError, tokenError } from "./net-identity-error.js";
import { type ScopeWord, scopeWords } from "./scope.js";

/** The size of a token, and of the part that is signed. */
export const TOKEN_BYTES = 169;
const SIGNED_BYTES = 105;
const U32_MAX = 0xffff_ffff;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** The fields of a token that its issuer chooses. */
export interface TokenFields {
  /** Who may act, 32 bytes. */
  readonly subject: Uint8Array;
  /** Scope bits, u32. */
  readonly scope: number;
  /** The hash of the channel, u64. */
  readonly channelHash: bigint;
  /** The issuer's generation, u32. Raising a revocation floor above it takes the token back. */
  readonly generation: number;
  /** From this Unix second on, u64. */
  readonly notBefore: bigint;
  /** Until just before this Unix second, u64. */
  readonly notAfter: bigint;
  /** How many more times it may be delegated, u8. */
  readonly delegationDepth: number;
  /** u64. */
  readonly nonce: bigint;
}

/**
 * A permission token: one entity lets another act on a channel for a time (Net identity format,
 * section 2.1). Having one says nothing about its signature or time: see `tokenValidity`. It cannot be
 * changed; bytes that come out of it are copies.
 */
export class PermissionToken implements TokenFields {
  readonly scope: number;
  readonly channelHash: bigint;
  readonly generation: number;
  readonly notBefore: bigint;
  readonly notAfter: bigint;
  readonly delegationDepth: number;
  readonly nonce: bigint;
  /** The issuer's entity id, 64 hex digits. */
  readonly issuerHex: string;
  /** The subject's entity id, 64 hex digits. */
  readonly subjectHex: string;
  readonly #bytes: Uint8Array;
  #signed: boolean | undefined;

  private constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    this.#bytes = bytes;
    this.issuerHex = encodeHex(bytes.subarray(0, 32));
    this.subjectHex = encodeHex(bytes.subarray(32, 64));
    this.scope = view.getUint32(64, true);
    this.channelHash = view.getBigUint64(68, true);
    this.generation = view.getUint32(76, true);
    this.notBefore = view.getBigUint64(80, true);
    this.notAfter = view.getBigUint64(88, true);
    this.delegationDepth = view.getUint8(96);
    this.nonce = view.getBigUint64(97, true);
  }

  /**
   * Reads a token. The length is the only rule; what the fields say is judged later.
   *
   * @throws NetIdentityError `INVALID_FORMAT` when there are not exactly 169 bytes.
   */
  static parse(bytes: Uint8Array): PermissionToken {
    if (!(bytes instanceof Uint8Array) || bytes.length !== TOKEN_BYTES) {
      throw tokenError("invalid_format");
    }
    return new PermissionToken(Uint8Array.from(bytes));
  }

  /**
   * Makes a token of any fields and signs it. `issueToken` and `delegateToken` keep the rules; this is
   * what they end in, and what mints a wildcard or another generation.
   *
   * @throws NetIdentityError `ENTITY_ID` or `RANGE`
   */
  static sign(signer: Identity, fields: TokenFields): PermissionToken {
    const bytes = new Uint8Array(TOKEN_BYTES);
    const view = new DataView(bytes.buffer);
    bytes.set(signer.entityId, 0);
    bytes.set(ensureEntityId(fields.subject), 32);
    view.setUint32(64, ensureUint("scope", fields.scope, U32_MAX), true);
    view.setBigUint64(68, ensureU64("channelHash", fields.channelHash), true);
    view.setUint32(76, ensureUint("generation", fields.generation, U32_MAX), true);
    view.setBigUint64(80, ensureU64("notBefore", fields.notBefore), true);
    view.setBigUint64(88, ensureU64("notAfter", fields.notAfter), true);
    view.setUint8(96, ensureUint("delegationDepth", fields.delegationDepth, 255));
    view.setBigUint64(97, ensureU64("nonce", fields.nonce), true);
    bytes.set(signer.sign(bytes.subarray(0, SIGNED_BYTES)), SIGNED_BYTES);
    return new PermissionToken(bytes);
  }

  /** The 169 bytes of the token. */
  get bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  /** The issuer's entity id, 32 bytes. */
  get issuer(): Uint8Array {
    return this.#bytes.slice(0, 32);
  }

  /** The subject's entity id, 32 bytes. */
  get subject(): Uint8Array {
    return this.#bytes.slice(32, 64);
  }

  /** The signature, 64 bytes. */
  get signature(): Uint8Array {
    return this.#bytes.slice(SIGNED_BYTES);
  }

  /** The scopes that have a word. */
  get scopes(): readonly ScopeWord[] {
    return scopeWords(this.scope);
  }

  /** Whether the issuer signed it. Computed once, since the bytes never change. */
  isSigned(): boolean {
    this.#signed ??= verifySignature(
      this.#bytes.subarray(0, 32),
      this.#bytes.subarray(0, SIGNED_BYTES),
      this.#bytes.subarray(SIGNED_BYTES),
    );
    return this.#signed;
  }
}

/** Returns a whole number from 0 to `max`. @throws NetIdentityError `RANGE` */
export function ensureUint(name: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new NetIdentityError(
    "RANGE",
    `expected ${name} to be a whole number from 0 to ${max}, found ${value}`,
  );
}

/** Returns a 64-bit bigint. @throws NetIdentityError `RANGE` */
export function ensureU64(name: string, value: bigint): bigint {
  if (typeof value === "bigint" && value >= 0n && value <= U64_MAX) return value;
  throw new NetIdentityError("RANGE", `expected ${name} to be a 64-bit bigint, found ${value}`);
}
