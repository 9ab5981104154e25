import { NetIdentityError } from "./net-identity-error.js";
import { ensureUint, type PermissionToken } from "./permission-token.js";
import { SCOPE, scopeContains } from "./scope.js";

const MAX_SKEW_SECONDS = 0xffff_ffff;

/** What a token's signature and time come to, the first fault first. */
export type TokenVerdict = "valid" | "invalid_signature" | "not_yet_valid" | "expired";

/** Whether the token's issuer signed it, whatever the time (Net identity format, section 2.4). */
export function verifyToken(token: PermissionToken): boolean {
  return token.isSigned();
}

/**
 * Whether the token's end has come, whoever signed it.
 *
 * @param wallClock Unix milliseconds.
 */
export function tokenIsExpired(token: PermissionToken, wallClock: number): boolean {
  return unixSeconds(wallClock) >= token.notAfter;
}

/**
 * Whether a token may be relied on: signed, begun and not ended (Net identity format, section 2.4).
 * Net 0.19.0 allows no clock skew.
 *
 * @param wallClock Unix milliseconds; tokens count whole seconds.
 * @param skewSeconds How far the clocks may be apart, whole seconds.
 * @throws NetIdentityError `RANGE` for a time or a skew that is none.
 */
export function tokenValidity(
  token: PermissionToken,
  wallClock: number,
  skewSeconds = 0,
): TokenVerdict {
  const now = unixSeconds(wallClock);
  const skew = BigInt(ensureUint("skewSeconds", skewSeconds, MAX_SKEW_SECONDS));
  if (!token.isSigned()) return "invalid_signature";
  if (now < token.notBefore - skew) return "not_yet_valid";
  return now >= token.notAfter + skew ? "expired" : "valid";
}

/** Whether a token's words cover an action (scope bits) on a channel: on any, with the wildcard bit. */
export function tokenAuthorizes(
  token: PermissionToken,
  action: number,
  channelHash: bigint,
): boolean {
  if (!scopeContains(token.scope, action)) return false;
  return (token.scope & SCOPE.wildcard) !== 0 || token.channelHash === channelHash;
}

/** The whole Unix second of a time in milliseconds. @throws NetIdentityError `RANGE` */
export function unixSeconds(wallClock: number): bigint {
  if (Number.isFinite(wallClock) && wallClock >= 0) return BigInt(Math.floor(wallClock / 1_000));
  throw new NetIdentityError("RANGE", `expected Unix milliseconds, found ${wallClock}`);
}
