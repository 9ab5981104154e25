import { encodeHex } from "@gaiaftcl/witness/ed25519";
import { channelHash } from "./channel-name.js";
import { ensureEntityId } from "./entity.js";
import { tokenError } from "./net-identity-error.js";
import { ensureUint, type PermissionToken } from "./permission-token.js";
import { SCOPE } from "./scope.js";
import { tokenAuthorizes, tokenIsExpired, tokenValidity } from "./token-validity.js";

const U32_MAX = 0xffff_ffff;
/** Where wildcard tokens are filed, whatever channel they name. */
const WILDCARD_SLOT = 0n;

/** The bounds of a cache. */
export interface TokenCacheOptions {
  /** Pairs of subject and channel; 65,536 unless given. */
  readonly maxSlots?: number;
  /** Tokens for one pair; 32 unless given. */
  readonly maxTokensPerSlot?: number;
  /** Tokens altogether; 131,072 unless given. */
  readonly maxTokens?: number;
}

/** What to look for: may `subject` do `action` (scope bits) on a channel, at a time? */
export interface TokenQuestion {
  /** The subject's entity id, 32 bytes. */
  readonly subject: Uint8Array;
  readonly action: number;
  readonly channelHash: bigint;
  /** Unix milliseconds. */
  readonly wallClock: number;
  readonly skewSeconds?: number;
  /** A further condition on the token, such as who issued it. */
  readonly accepts?: (token: PermissionToken) => boolean;
}

/**
 * The tokens a node holds, by subject and channel (Net identity format, section 2.6). It keeps expired
 * and future tokens too, and judges them when it is asked.
 */
export class TokenCache {
  readonly #maxSlots: number;
  readonly #maxTokensPerSlot: number;
  readonly #maxTokens: number;
  readonly #slots = new Map<string, PermissionToken[]>();
  readonly #floors = new Map<string, number>();
  #size = 0;
  #hasWildcards = false;

  constructor(options: TokenCacheOptions = {}) {
    this.#maxSlots = ensureUint("maxSlots", options.maxSlots ?? 65_536, U32_MAX);
    this.#maxTokensPerSlot = ensureUint(
      "maxTokensPerSlot",
      options.maxTokensPerSlot ?? 32,
      U32_MAX,
    );
    this.#maxTokens = ensureUint("maxTokens", options.maxTokens ?? 131_072, U32_MAX);
  }

  /** How many tokens are held. */
  get size(): number {
    return this.#size;
  }

  /**
   * Files a token. It replaces the one of the same subject, channel and scope bits. A full cache takes
   * no new one and returns false; replacing always works, unless told otherwise.
   *
   * @param reserve A part of the bounds to leave free, from 0 to 1: for tokens that came from someone
   *   whose wish to fill the cache is not ours.
   * @param yieldsAt A time, in Unix milliseconds: what is held and valid then is not replaced, and the
   *   answer is false. For tokens from someone whom they are not about.
   * @throws NetIdentityError `INVALID_SIGNATURE`
   */
  insert(token: PermissionToken, reserve = 0, yieldsAt?: number): boolean {
    if (!token.isSigned()) throw tokenError("invalid_signature");
    const isWildcard = (token.scope & SCOPE.wildcard) !== 0;
    const key = slotKey(token.subjectHex, isWildcard ? WILDCARD_SLOT : token.channelHash);
    const slot = this.#slots.get(key);
    const place = slot?.findIndex(({ scope }) => scope === token.scope) ?? -1;
    const held = slot?.[place];
    if (slot !== undefined && held !== undefined) {
      if (yieldsAt !== undefined && tokenValidity(held, yieldsAt) === "valid") return false;
      slot[place] = token;
      return true;
    }
    const free = 1 - reserve;
    if (this.#size >= this.#maxTokens * free) return false;
    if (slot === undefined) {
      if (this.#slots.size >= this.#maxSlots * free) return false;
      this.#slots.set(key, [token]);
    } else {
      if (slot.length >= this.#maxTokensPerSlot * free) return false;
      slot.push(token);
    }
    this.#size++;
    this.#hasWildcards ||= isWildcard;
    return true;
  }

  /**
   * A token filed under exactly this subject and channel: the first valid one, else the first. Wildcard
   * tokens are not found.
   *
   * @param channel A channel name.
   * @param wallClock Unix milliseconds.
   * @throws NetIdentityError `ENTITY_ID` or `CHANNEL_NAME`
   */
  lookup(subject: Uint8Array, channel: string, wallClock: number): PermissionToken | undefined {
    const entity = encodeHex(ensureEntityId(subject));
    const slot = this.#slots.get(slotKey(entity, channelHash(channel)));
    return slot?.find((token) => tokenValidity(token, wallClock) === "valid") ?? slot?.[0];
  }

  /** Whether some token held gives the right. @throws NetIdentityError `ENTITY_ID` */
  check(question: TokenQuestion): boolean {
    const entity = encodeHex(ensureEntityId(question.subject));
    const exact = this.#slots.get(slotKey(entity, question.channelHash));
    if (exact?.some((token) => this.answers(token, question)) === true) return true;
    if (!this.#hasWildcards) return false;
    const wildcard = this.#slots.get(slotKey(entity, WILDCARD_SLOT));
    return wildcard?.some((token) => this.answers(token, question)) === true;
  }

  /** As `check`, for one token that need not be held. */
  answers(token: PermissionToken, question: TokenQuestion): boolean {
    return (
      token.subjectHex === encodeHex(question.subject) &&
      tokenAuthorizes(token, question.action, question.channelHash) &&
      !this.isRevoked(token) &&
      tokenValidity(token, question.wallClock, question.skewSeconds) === "valid" &&
      (question.accepts === undefined || question.accepts(token))
    );
  }

  /**
   * Takes back what an issuer signed in generations below `floor`. A floor never falls. It is known
   * here only: nothing about it travels.
   *
   * @throws NetIdentityError `ENTITY_ID` or `RANGE`
   */
  revokeBelow(issuer: Uint8Array, floor: number): void {
    const entity = encodeHex(ensureEntityId(issuer));
    const wanted = ensureUint("floor", floor, U32_MAX);
    this.#floors.set(entity, Math.max(this.#floors.get(entity) ?? 0, wanted));
  }

  /** Whether the token's generation is below its issuer's floor. */
  isRevoked(token: PermissionToken): boolean {
    return token.generation < (this.#floors.get(token.issuerHex) ?? 0);
  }

  /** Lets go of the tokens that have ended, and returns how many. @param wallClock Unix milliseconds. */
  dropExpired(wallClock: number): number {
    const before = this.#size;
    for (const [key, slot] of this.#slots) {
      const live = slot.filter((token) => !tokenIsExpired(token, wallClock));
      if (live.length === slot.length) continue;
      this.#size -= slot.length - live.length;
      if (live.length === 0) this.#slots.delete(key);
      else this.#slots.set(key, live);
    }
    return before - this.#size;
  }
}

function slotKey(entityHex: string, hash: bigint): string {
  return `${entityHex}:${hash}`;
}
