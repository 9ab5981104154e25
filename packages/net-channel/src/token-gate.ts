import {
  MAX_CHAIN_LINKS,
  PermissionToken,
  TOKEN_BYTES,
  TokenCache,
  verifyDelegationChain,
} from "@gaiaftcl/net-identity";
import type { ChannelConfig } from "./channel-config.js";

/** How much of the cache is kept free of tokens about others than who brought them. */
const FOREIGN_RESERVE = 0.5;

/** Who wants what, and shows what for it. */
export interface GateQuestion {
  readonly entity: Uint8Array;
  /** Scope bits. */
  readonly action: number;
  readonly channelHash: bigint;
  /** Unix milliseconds. */
  readonly wallClock: number;
  /** The token presented, and its parents. */
  readonly tokens: readonly PermissionToken[];
}

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

  /** Whether what was presented, or a token of the cache, gives the right. */
  admits<Filter>(config: ChannelConfig<Filter>, question: GateQuestion): boolean {
    const { entity, action, channelHash, wallClock, tokens } = question;
    const asked = { subject: entity, action, channelHash, wallClock };
    if (config.issuers === undefined) {
      const [presented] = tokens;
      if (presented !== undefined && this.cache.answers(presented, asked)) return true;
      return this.cache.check(asked);
    }
    const named = {
      ...asked,
      trustedIssuers: config.issuers,
      isRevoked: (token: PermissionToken) => this.cache.isRevoked(token),
    };
    if (tokens.length > 0 && verifyDelegationChain(tokens, named).ok) return true;
    return this.cache.check({
      ...asked,
      accepts: (token) => verifyDelegationChain([token], named).ok,
    });
  }

  /**
   * Files what a subscriber presented, whoever it is about, as Net 0.19.0 does (Net identity format,
   * section 7.2, step 10). Tokens about others fill no more than half of the cache: a peer that brings
   * tokens of thousands of invented subjects must not keep out those of real ones.
   */
  keep(tokens: readonly PermissionToken[], bringer: Uint8Array): void {
    const [token] = tokens;
    if (token === undefined) return;
    const isOwn = token.subject.every((byte, index) => byte === bringer[index]);
    this.cache.insert(token, isOwn ? 0 : FOREIGN_RESERVE);
  }
}
