import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelHash } from "./channel-name.js";
import { issueToken } from "./issue-token.js";
import { PermissionToken } from "./permission-token.js";
import { SCOPE, type ScopeWord } from "./scope.js";
import { TokenCache } from "./token-cache.js";
import { tokenValidity } from "./token-validity.js";
import { identityOf, RECORDED } from "./vectors.testing.js";

const issuer = identityOf(1);
const subject = identityOf(2);
const channel = "sensors/temp";
const hash = channelHash(channel);

const token = (overrides: object = {}): PermissionToken =>
  PermissionToken.sign(issuer, {
    subject: subject.entityId,
    scope: SCOPE.subscribe,
    channelHash: hash,
    generation: 0,
    notBefore: BigInt(RECORDED / 1_000),
    notAfter: BigInt(RECORDED / 1_000) + 60n,
    delegationDepth: 0,
    nonce: 0n,
    ...overrides,
  });
const may = (cache: TokenCache, overrides: object = {}): boolean =>
  cache.check({
    subject: subject.entityId,
    action: SCOPE.subscribe,
    channelHash: hash,
    wallClock: RECORDED,
    ...overrides,
  });

describe("a token cache", () => {
  it("behaves step by step as an identity's in Net", () => {
    const cache = new TokenCache();
    const issue = (scope: readonly ScopeWord[]): PermissionToken =>
      issueToken({
        signer: issuer,
        subject: subject.entityId,
        scope,
        channel,
        ttlSeconds: 60,
        wallClock: RECORDED,
      });
    const lookup = (name: string): number | undefined =>
      cache.lookup(subject.entityId, name, RECORDED)?.scope;
    cache.insert(issue(["subscribe"]));
    expect(cache.size).toBe(1);
    cache.insert(issue(["publish"]));
    expect(cache.size).toBe(2);
    const again = issue(["subscribe"]);
    cache.insert(again);
    expect(cache.size).toBe(2);
    expect(cache.lookup(subject.entityId, channel, RECORDED)?.nonce).toBe(again.nonce);
    cache.insert(token({ scope: SCOPE.admin, notBefore: 1n, notAfter: 2n }));
    expect(cache.size).toBe(3);
    expect(lookup(channel)).toBe(SCOPE.subscribe);
    cache.insert(token({ scope: SCOPE.subscribe | SCOPE.wildcard }));
    expect(cache.size).toBe(4);
    expect(lookup("another/name")).toBeUndefined();
    const tampered = token().bytes;
    tampered[64] = 0xff;
    expect(() => cache.insert(PermissionToken.parse(tampered))).toThrow(
      expect.objectContaining({ code: "INVALID_SIGNATURE", message: "token: invalid_signature" }),
    );
    expect(cache.size).toBe(4);
  });

  it("looks a token up even if none is valid", () => {
    const cache = new TokenCache();
    cache.insert(token({ scope: 1, notAfter: 1n }));
    cache.insert(token({ scope: 2, notAfter: 1n }));
    expect(cache.lookup(subject.entityId, channel, RECORDED)?.scope).toBe(1);
    expect(() => cache.lookup(new Uint8Array(5), channel, RECORDED)).toThrow(
      "identity: entity_id must be 32 bytes, got 5",
    );
    expect(() => cache.lookup(subject.entityId, "Caps", RECORDED)).toThrow(
      "identity: invalid channel name: invalid channel name format: uppercase character 'C' not allowed — channel names are lowercase only",
    );
  });

  it("answers yes for a valid token of the subject that covers the action", () => {
    const cache = new TokenCache();
    expect(may(cache)).toBe(false);
    cache.insert(token());
    expect(may(cache)).toBe(true);
    expect(may(cache, { action: SCOPE.publish })).toBe(false);
    expect(may(cache, { action: 0 })).toBe(false);
    expect(may(cache, { channelHash: 1n })).toBe(false);
    expect(may(cache, { subject: issuer.entityId })).toBe(false);
    expect(may(cache, { wallClock: RECORDED + 60_000 })).toBe(false);
    expect(may(cache, { wallClock: RECORDED + 60_000, skewSeconds: 1 })).toBe(true);
    expect(may(cache, { accepts: () => false })).toBe(false);
  });

  it("finds a wildcard token for every channel, whatever hash it names", () => {
    const cache = new TokenCache();
    cache.insert(token({ scope: SCOPE.subscribe | SCOPE.wildcard, channelHash: 77n }));
    expect(may(cache)).toBe(true);
    expect(may(cache, { channelHash: 1n })).toBe(true);
    expect(may(cache, { action: SCOPE.publish })).toBe(false);
    const plain = new TokenCache();
    plain.insert(token({ channelHash: 0n }));
    expect(may(plain)).toBe(false);
  });

  it("takes back what an issuer signed below a floor, and a floor never falls", () => {
    const cache = new TokenCache();
    cache.insert(token({ generation: 7 }));
    cache.revokeBelow(issuer.entityId, 7);
    expect(may(cache)).toBe(true);
    cache.revokeBelow(subject.entityId, 100);
    expect(may(cache)).toBe(true);
    cache.revokeBelow(issuer.entityId, 8);
    cache.revokeBelow(issuer.entityId, 2);
    expect(may(cache)).toBe(false);
    expect(() => cache.revokeBelow(issuer.entityId, -1)).toThrow(
      expect.objectContaining({ code: "RANGE" }),
    );
  });

  it("holds no more slots, tokens in a slot, or tokens than it may, but refreshes what it holds", () => {
    const cache = new TokenCache({ maxSlots: 2, maxTokensPerSlot: 2, maxTokens: 3 });
    expect(cache.insert(token({ scope: 1 }))).toBe(true);
    expect(cache.insert(token({ scope: 2 }))).toBe(true);
    expect(cache.insert(token({ scope: 3 }))).toBe(false);
    expect(cache.insert(token({ channelHash: 1n }))).toBe(true);
    expect(cache.insert(token({ channelHash: 2n }))).toBe(false);
    expect(cache.insert(token({ channelHash: 1n, scope: 4 }))).toBe(false);
    expect(cache.insert(token({ scope: 1, nonce: 9n }))).toBe(true);
    expect(cache.size).toBe(3);
  });

  it("keeps a reserve free of tokens that others brought", () => {
    const cache = new TokenCache({ maxSlots: 4 });
    expect(cache.insert(token({ channelHash: 1n }), 0.5)).toBe(true);
    expect(cache.insert(token({ channelHash: 2n }), 0.5)).toBe(true);
    expect(cache.insert(token({ channelHash: 3n }), 0.5)).toBe(false);
    expect(cache.insert(token({ channelHash: 3n }))).toBe(true);
    expect(cache.insert(token({ channelHash: 1n, nonce: 5n }), 0.5)).toBe(true);
  });

  it("keeps a part of each slot free of them too", () => {
    const cache = new TokenCache({ maxTokensPerSlot: 4 });
    const brought = [1, 2, 3].map((scope) => cache.insert(token({ scope }), 0.5));
    expect(brought).toEqual([true, true, false]);
    expect(cache.insert(token({ scope: 3 }))).toBe(true);
  });

  it("replaces nothing valid by a token that yields", () => {
    const cache = new TokenCache();
    cache.insert(token());
    const other = token({ nonce: 1n, notAfter: 1n });
    expect(cache.insert(other, 0, RECORDED)).toBe(false);
    expect(may(cache)).toBe(true);
    expect(cache.insert(other, 0, RECORDED + 60_000)).toBe(true);
    expect(cache.insert(token({ nonce: 2n }), 0, RECORDED)).toBe(true);
    expect(cache.size).toBe(1);
  });

  it("lets go of what has ended when it is told to", () => {
    const cache = new TokenCache();
    cache.insert(token({ scope: 1, notAfter: 1n }));
    cache.insert(token({ scope: 2 }));
    cache.insert(token({ scope: 2, channelHash: 5n, notAfter: 1n }));
    expect(cache.dropExpired(RECORDED)).toBe(2);
    expect(cache.size).toBe(1);
    expect(may(cache)).toBe(true);
    expect(cache.dropExpired(RECORDED)).toBe(0);
  });

  it("answers as a plain list of the last token of each kind would", () => {
    const arbitrary = fc.record({
      scope: fc.constantFrom(1, 2, 3, 16, 18, 0),
      channelHash: fc.constantFrom(0n, 1n),
      notAfter: fc.constantFrom(1n, 4_000_000_000n),
      generation: fc.constantFrom(0, 1),
    });
    fc.assert(
      fc.property(
        fc.array(arbitrary, { maxLength: 8 }),
        fc.constantFrom(0, 1),
        fc.constantFrom(1, 2, 3, 16),
        fc.constantFrom(0n, 1n, 2n),
        (fields, floor, action, channelHash) => {
          const cache = new TokenCache();
          cache.revokeBelow(issuer.entityId, floor);
          const list = new Map<string, PermissionToken>();
          for (const field of fields) {
            const made = token(field);
            cache.insert(made);
            const slot = (field.scope & 16) !== 0 ? 0n : field.channelHash;
            list.set(`${slot}:${field.scope}`, made);
          }
          const expected = [...list.values()].some(
            (held) =>
              (held.scope & action) === action &&
              ((held.scope & 16) !== 0 || held.channelHash === channelHash) &&
              held.generation >= floor &&
              tokenValidity(held, RECORDED) === "valid",
          );
          expect(cache.size).toBe(list.size);
          expect(may(cache, { action, channelHash })).toBe(expected);
        },
      ),
    );
  });
});
