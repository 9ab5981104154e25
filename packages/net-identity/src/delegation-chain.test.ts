import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelHash } from "./channel-name.js";
import {
  type ChainQuestion,
  type ChainVerdict,
  MAX_CHAIN_LINKS,
  verifyDelegationChain,
} from "./delegation-chain.js";
import type { Identity } from "./identity.js";
import { delegateToken } from "./issue-token.js";
import { PermissionToken, type TokenFields } from "./permission-token.js";
import { SCOPE } from "./scope.js";
import { identityOf, RECORDED } from "./vectors.testing.js";

const hash = channelHash("sensors/temp");
const root = identityOf(1);
const middle = identityOf(2);
const leaf = identityOf(3);

function token(
  signer: Identity,
  subject: Identity,
  overrides: Partial<TokenFields> = {},
): PermissionToken {
  return PermissionToken.sign(signer, {
    subject: subject.entityId,
    scope: SCOPE.subscribe | SCOPE.delegate,
    channelHash: hash,
    generation: 0,
    notBefore: 0n,
    notAfter: 4_000_000_000n,
    delegationDepth: 1,
    nonce: 0n,
    ...overrides,
  });
}

const verdictOn = (
  chain: readonly PermissionToken[],
  overrides: Partial<ChainQuestion> = {},
): ChainVerdict =>
  verifyDelegationChain(chain, {
    trustedIssuers: [root.entityId],
    subject: leaf.entityId,
    action: SCOPE.subscribe,
    channelHash: hash,
    wallClock: RECORDED,
    ...overrides,
  });

const parent = token(root, middle, { delegationDepth: 2 });
const child = token(middle, leaf);

describe("a delegation chain", () => {
  it("holds when every link keeps to the rules and the last issuer is trusted", () => {
    expect(verdictOn([child, parent])).toEqual({ ok: true });
    expect(verdictOn([token(root, leaf, { delegationDepth: 0 })])).toEqual({ ok: true });
    const others = [identityOf(9).entityId, root.entityId];
    expect(verdictOn([child, parent], { trustedIssuers: others })).toEqual({ ok: true });
  });

  it("holds for what delegateToken makes, as deep as the depth allows", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MAX_CHAIN_LINKS - 1 }), (links) => {
        const chain = [token(root, identityOf(10), { delegationDepth: links })];
        for (let link = 0; link < links; link++) {
          const [held] = chain;
          if (held === undefined) break;
          const made = delegateToken({
            signer: identityOf(10 + link),
            parent: held,
            subject: identityOf(11 + link).entityId,
            scope: ["subscribe", "delegate"],
            wallClock: RECORDED,
          });
          chain.unshift(made);
        }
        const subject = identityOf(10 + links).entityId;
        expect(verdictOn(chain, { subject })).toEqual({ ok: true });
      }),
      { numRuns: 20 },
    );
  });

  it("does not hold without tokens, or with too many", () => {
    expect(verdictOn([])).toEqual({ ok: false, fault: "length", link: 0 });
    const long = Array.from({ length: MAX_CHAIN_LINKS + 1 }, () => parent);
    expect(verdictOn(long)).toEqual({ ok: false, fault: "length", link: 0 });
  });

  it("does not hold when nobody trusted stands at its end", () => {
    const untrusted = { ok: false, fault: "untrusted_issuer", link: 1 };
    expect(verdictOn([child, parent], { trustedIssuers: [] })).toEqual(untrusted);
    expect(verdictOn([child, parent], { trustedIssuers: [middle.entityId] })).toEqual(untrusted);
    expect(verdictOn([child])).toEqual({ ...untrusted, link: 0 });
    expect(verdictOn([token(leaf, leaf)])).toEqual({ ...untrusted, link: 0 });
  });

  it("proves only what its first token says", () => {
    const not = { ok: false, fault: "not_authorized", link: 0 };
    expect(verdictOn([child, parent], { subject: middle.entityId })).toEqual(not);
    expect(verdictOn([child, parent], { action: SCOPE.publish })).toEqual(not);
    expect(verdictOn([child, parent], { channelHash: 5n })).toEqual(not);
  });

  const broken: readonly (readonly [string, PermissionToken, PermissionToken])[] = [
    ["broken_link", token(identityOf(4), leaf), parent],
    ["delegation_not_allowed", child, token(root, middle, { scope: 2, delegationDepth: 2 })],
    ["delegation_exhausted", child, token(root, middle, { delegationDepth: 1 })],
    [
      "delegation_exhausted",
      token(middle, leaf, { delegationDepth: 0 }),
      token(root, middle, { delegationDepth: 0 }),
    ],
    ["scope_widened", token(middle, leaf, { scope: 3 }), parent],
    ["scope_widened", token(middle, leaf, { scope: 2 | SCOPE.wildcard }), parent],
    ["scope_widened", token(middle, leaf, { scope: 0x8000_0002 }), parent],
    ["channel_changed", child, token(root, middle, { delegationDepth: 2, channelHash: 1n })],
    ["lifetime_extended", token(middle, leaf, { notAfter: 4_000_000_001n }), parent],
    ["expired", token(middle, leaf, { notAfter: 5n }), parent],
    ["not_yet_valid", token(middle, leaf, { notBefore: 3_000_000_000n }), parent],
  ];
  it.each(broken)("does not hold: %s", (fault, first, second) => {
    expect(verdictOn([first, second])).toEqual({ ok: false, fault, link: 0 });
  });

  it("judges every token's time, signature and revocation, the parents' too", () => {
    const late = token(root, middle, { delegationDepth: 2, notBefore: 3_000_000_000n });
    expect(verdictOn([child, late])).toEqual({ ok: false, fault: "not_yet_valid", link: 1 });
    const bytes = parent.bytes;
    bytes[97] = 1;
    const forged = PermissionToken.parse(bytes);
    expect(verdictOn([child, forged])).toEqual({ ok: false, fault: "invalid_signature", link: 1 });
    const isRevoked = (held: PermissionToken): boolean => held === parent;
    expect(verdictOn([child, parent], { isRevoked })).toEqual({
      ok: false,
      fault: "revoked",
      link: 1,
    });
  });

  it("lets a wildcard parent pass on any channel", () => {
    const anywhere = token(root, middle, {
      scope: SCOPE.subscribe | SCOPE.delegate | SCOPE.wildcard,
      channelHash: 0n,
      delegationDepth: 2,
    });
    expect(verdictOn([child, anywhere])).toEqual({ ok: true });
  });

  it("does not hold after any bit of any token is changed", () => {
    fc.assert(
      fc.property(fc.boolean(), fc.nat(169 * 8 - 1), (first, bit) => {
        const bytes = (first ? child : parent).bytes;
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const changed = PermissionToken.parse(bytes);
        expect(verdictOn(first ? [changed, parent] : [child, changed]).ok).toBe(false);
      }),
    );
  });
});
