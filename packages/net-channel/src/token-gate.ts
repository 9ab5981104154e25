import {
  MAX_CHAIN_LINKS,
  PermissionToken,
  TOKEN_BYTES,
  TokenCache,
  type TokenQuestion,
  verifyDelegationChain,
} from "@gaiaftcl/net-identity";
import type { ChannelConfig } from "./channel-config.js";

/** How much of the cache is kept free of presented tokens, for those that are installed here. */
const PRESENTED_RESERVE = 0.125;
/** How much is kept free of presented tokens that are not about who brought them, and the channel. */
const FOREIGN_RESERVE = 0.5;

/** Who wants what where, and when. */
export type GateQuestion = Pick<TokenQuestion, "subject" | "action" | "channelHash" | "wallClock">;

/**
 * Reads what was presented as a token: the one of 169 bytes that Net 0.19.0 knows or, where a chain may
 * come, up to 16 of them. Anything else, and a token that is not well signed, counts as nothing (Net
 * identity format, section 7.2, step 8).
 */
export function readPresented(
  presented: Uint8Array | undefined,
  mayBeChain: boolean,
): readonly PermissionToken[] {
  const links = (presented?.length ?? 0) / TOKEN_BYTES;
  const most = mayBeChain ? MAX_CHAIN_LINKS : 1;
  if (presented === undefined || !Number.isInteger(links) || links < 1 || links > most) return [];
  const tokens = Array.from({ length: links }, (_, link) =>
    PermissionToken.parse(presented.subarray(link * TOKEN_BYTES, (link + 1) * TOKEN_BYTES)),
  );
  return tokens[0]?.isSigned() === true ? tokens : [];
}

/** Whether tokens give a right on a channel (Net identity format, section 7.2, step 9). */
export class TokenGate {
  readonly cache: TokenCache;

  constructor(cache: TokenCache = new TokenCache()) {
    this.cache = cache;
  }

  /**
   * The part of a presented chain that gives the right, or nothing. On a channel that names no issuers
   * that is the token alone, and its parents are left behind.
   */
  proof<Filter>(
    config: ChannelConfig<Filter>,
    question: GateQuestion,
    tokens: readonly PermissionToken[],
  ): readonly PermissionToken[] {
    const [presented] = tokens;
    if (presented === undefined) return [];
    if (config.issuers === undefined) {
      return this.cache.answers(presented, question) ? [presented] : [];
    }
    return this.#holds(config.issuers, question, tokens) ? tokens : [];
  }

  /** Whether a token of the cache gives the right. */
  admits<Filter>(config: ChannelConfig<Filter>, question: GateQuestion): boolean {
    const { issuers } = config;
    if (issuers === undefined) return this.cache.check(question);
    const accepts = (token: PermissionToken): boolean => this.#holds(issuers, question, [token]);
    return this.cache.check({ ...question, accepts });
  }

  /**
   * Files what a subscriber presented, whatever it is about, as Net 0.19.0 does (Net identity format,
   * section 7.2, step 10), but with bounds: a peer that brings tokens of thousands of invented subjects
   * must not keep out those of real ones, nor one it signed for somebody else take the place of theirs.
   */
  keep(tokens: readonly PermissionToken[], question: GateQuestion): void {
    const [token] = tokens;
    if (token === undefined) return;
    const isOwn = token.subject.every((byte, index) => byte === question.subject[index]);
    const isAsked = isOwn && token.channelHash === question.channelHash;
    const reserve = isAsked ? PRESENTED_RESERVE : FOREIGN_RESERVE;
    this.cache.insert(token, reserve, isOwn ? undefined : question.wallClock);
  }

  #holds(
    trustedIssuers: readonly Uint8Array[],
    question: GateQuestion,
    tokens: readonly PermissionToken[],
  ): boolean {
    const isRevoked = (token: PermissionToken): boolean => this.cache.isRevoked(token);
    return verifyDelegationChain(tokens, { ...question, trustedIssuers, isRevoked }).ok;
  }
}
