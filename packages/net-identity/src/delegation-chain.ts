import { encodeHex } from "@gaiaftcl/witness/ed25519";
import { ensureEntityId } from "./entity.js";
import type { PermissionToken } from "./permission-token.js";
import { SCOPE } from "./scope.js";
import { type TokenVerdict, tokenAuthorizes, tokenValidity } from "./token-validity.js";

/** The longest chain that is looked at. */
export const MAX_CHAIN_LINKS = 16;

/** Why a chain does not hold. */
export type ChainFault =
  | Exclude<TokenVerdict, "valid">
  /** There is no token, or more than `MAX_CHAIN_LINKS`. */
  | "length"
  /** The first token is for another subject, action or channel. */
  | "not_authorized"
  /** Below its issuer's revocation floor. */
  | "revoked"
  /** The parent's subject did not issue the child. */
  | "broken_link"
  /** The parent lacks the delegate scope. */
  | "delegation_not_allowed"
  /** The child's depth is not below the parent's. */
  | "delegation_exhausted"
  /** The child has a scope bit that the parent lacks. */
  | "scope_widened"
  /** The child is for a channel that the parent is not for. */
  | "channel_changed"
  /** The child outlives the parent. */
  | "lifetime_extended"
  /** The last token's issuer is none of those trusted. */
  | "untrusted_issuer";

/** Whether a chain holds, and if not, which of its tokens (0 is the one presented) does not, and why. */
export type ChainVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly fault: ChainFault; readonly link: number };

/** What a chain is to prove. */
export interface ChainQuestion {
  /** Entity ids, 32 bytes each: who grants here in the first place. */
  readonly trustedIssuers: readonly Uint8Array[];
  /** Who wants to act, 32 bytes. */
  readonly subject: Uint8Array;
  /** Scope bits. */
  readonly action: number;
  readonly channelHash: bigint;
  /** Unix milliseconds. */
  readonly wallClock: number;
  readonly skewSeconds?: number;
  /** Whether a token was taken back. */
  readonly isRevoked?: (token: PermissionToken) => boolean;
}

/**
 * Whether a token comes from a trusted issuer by delegations that each kept to the rules. Net 0.19.0
 * carries no parents and so cannot ask (Net identity format, section 2.5): this is for tokens whose
 * parents were presented with them.
 *
 * @param chain The token, its parent, and so on to the one that a trusted issuer signed.
 * @throws NetIdentityError `ENTITY_ID`
 */
export function verifyDelegationChain(
  chain: readonly PermissionToken[],
  question: ChainQuestion,
): ChainVerdict {
  const [presented] = chain;
  const root = chain.at(-1);
  if (presented === undefined || root === undefined || chain.length > MAX_CHAIN_LINKS) {
    return fault("length", 0);
  }
  // What costs nothing comes first: a chain that proves something else is not worth a signature.
  const trusted = question.trustedIssuers.map((issuer) => encodeHex(ensureEntityId(issuer)));
  if (!trusted.includes(root.issuerHex)) return fault("untrusted_issuer", chain.length - 1);
  if (
    presented.subjectHex !== encodeHex(ensureEntityId(question.subject)) ||
    !tokenAuthorizes(presented, question.action, question.channelHash)
  ) {
    return fault("not_authorized", 0);
  }
  for (const [link, token] of chain.entries()) {
    const parent = chain[link + 1];
    const wrong = parent === undefined ? undefined : delegationFault(token, parent);
    if (wrong !== undefined) return fault(wrong, link);
  }
  for (const [link, token] of chain.entries()) {
    if (question.isRevoked?.(token) === true) return fault("revoked", link);
    const verdict = tokenValidity(token, question.wallClock, question.skewSeconds);
    if (verdict !== "valid") return fault(verdict, link);
  }
  return { ok: true };
}

/** Which rule of delegation a child breaks towards its parent (Net identity format, section 2.5). */
function delegationFault(child: PermissionToken, parent: PermissionToken): ChainFault | undefined {
  if (child.issuerHex !== parent.subjectHex) return "broken_link";
  if ((parent.scope & SCOPE.delegate) === 0) return "delegation_not_allowed";
  if (child.delegationDepth >= parent.delegationDepth) return "delegation_exhausted";
  if ((child.scope & ~parent.scope) !== 0) return "scope_widened";
  const isAnywhere = (parent.scope & SCOPE.wildcard) !== 0;
  if (!isAnywhere && child.channelHash !== parent.channelHash) return "channel_changed";
  return child.notAfter > parent.notAfter ? "lifetime_extended" : undefined;
}

function fault(reason: ChainFault, link: number): ChainVerdict {
  return { ok: false, fault: reason, link };
}
