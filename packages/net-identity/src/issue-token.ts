import { channelHash } from "./channel-name.js";
import { ensureEntityId } from "./entity.js";
import type { Identity } from "./identity.js";
import { tokenError } from "./net-identity-error.js";
import { ensureUint, PermissionToken } from "./permission-token.js";
import { type RandomBytes, systemRandomBytes } from "./random.js";
import { isSameBytes } from "./same-bytes.js";
import { SCOPE, type ScopeWord, scopeBits } from "./scope.js";
import { tokenValidity, unixSeconds } from "./token-validity.js";

const U32_MAX = 0xffff_ffff;

/** What a new token is to say. */
export interface IssueTokenOptions {
  /** Who grants. */
  readonly signer: Identity;
  /** Who may act, 32 bytes. */
  readonly subject: Uint8Array;
  readonly scope: readonly ScopeWord[];
  /** The name of the channel. */
  readonly channel: string;
  /** For how long, u32, at least 1. */
  readonly ttlSeconds: number;
  /** How many times it may be delegated, 0 to 255; 0 unless given. */
  readonly delegationDepth?: number;
  /** Unix milliseconds. */
  readonly wallClock: number;
  /** Where the nonce comes from; the system's generator unless given. */
  readonly randomBytes?: RandomBytes;
}

/**
 * Mints a token (Net identity format, section 2.3).
 *
 * @throws NetIdentityError `RANGE`, `ENTITY_ID`, `SCOPE`, `CHANNEL_NAME`, `ZERO_TTL`, `READ_ONLY`,
 *   tried in this order.
 */
export function issueToken(options: IssueTokenOptions): PermissionToken {
  const ttl = ensureUint("ttlSeconds", options.ttlSeconds, U32_MAX);
  const delegationDepth = ensureUint("delegationDepth", options.delegationDepth ?? 0, 255);
  const subject = ensureEntityId(options.subject);
  const scope = scopeBits(options.scope);
  const hash = channelHash(options.channel);
  if (ttl === 0) throw tokenError("zero_ttl");
  const notBefore = unixSeconds(options.wallClock);
  return PermissionToken.sign(options.signer, {
    subject,
    scope,
    channelHash: hash,
    generation: 0,
    notBefore,
    notAfter: notBefore + BigInt(ttl),
    delegationDepth,
    nonce: newNonce(options.randomBytes),
  });
}

/** What a delegated token is to say. */
export interface DelegateTokenOptions {
  /** Who passes the right on: the parent's subject. */
  readonly signer: Identity;
  /** The token to delegate; bytes are parsed first. */
  readonly parent: PermissionToken | Uint8Array;
  /** Who may act, 32 bytes. */
  readonly subject: Uint8Array;
  /** At most these scopes, of those the parent has. */
  readonly scope: readonly ScopeWord[];
  /** Unix milliseconds. */
  readonly wallClock: number;
  readonly randomBytes?: RandomBytes;
}

/**
 * Passes on the rights of a token, or fewer (Net identity format, section 2.5): the scopes both name,
 * the parent's channel, generation and end, one delegation less.
 *
 * @throws NetIdentityError `INVALID_FORMAT`, `ENTITY_ID`, `SCOPE`, `INVALID_SIGNATURE`,
 *   `NOT_YET_VALID`, `EXPIRED`, `DELEGATION_EXHAUSTED`, `DELEGATION_NOT_ALLOWED`, `NOT_AUTHORIZED`,
 *   tried in this order.
 */
export function delegateToken(options: DelegateTokenOptions): PermissionToken {
  const { signer } = options;
  const parent =
    options.parent instanceof PermissionToken
      ? options.parent
      : PermissionToken.parse(options.parent);
  const subject = ensureEntityId(options.subject);
  const restricted = scopeBits(options.scope);
  const verdict = tokenValidity(parent, options.wallClock);
  if (verdict !== "valid") throw tokenError(verdict);
  if (parent.delegationDepth === 0) throw tokenError("delegation_exhausted");
  if ((parent.scope & SCOPE.delegate) === 0) throw tokenError("delegation_not_allowed");
  if (!isSameBytes(signer.entityId, parent.subject)) throw tokenError("not_authorized");
  return PermissionToken.sign(signer, {
    subject,
    scope: parent.scope & restricted,
    channelHash: parent.channelHash,
    generation: parent.generation,
    notBefore: unixSeconds(options.wallClock),
    notAfter: parent.notAfter,
    delegationDepth: parent.delegationDepth - 1,
    nonce: newNonce(options.randomBytes),
  });
}

function newNonce(randomBytes: RandomBytes = systemRandomBytes): bigint {
  const bytes = randomBytes(8);
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
}
