import { encodeHex } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelHash } from "./channel-name.js";
import { delegateToken, issueToken } from "./issue-token.js";
import { PermissionToken } from "./permission-token.js";
import type { ScopeWord } from "./scope.js";
import { SCOPE, scopeBits, scopeContains, scopeWords } from "./scope.js";
import { TokenCache } from "./token-cache.js";
import { tokenAuthorizes, tokenIsExpired, tokenValidity, verifyToken } from "./token-validity.js";
import { bytesOf, identityOf, RECORDED, vectors } from "./vectors.testing.js";

const issuer = identityOf(1);
const subject = identityOf(2);
const channel = "sensors/temp";
const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return "no error";
};
const outcomeOf = (run: () => unknown): object => {
  try {
    return { ok: run() };
  } catch (error) {
    return { message: error instanceof Error ? error.message : "" };
  }
};
const issue = (overrides: object = {}): PermissionToken =>
  issueToken({
    signer: issuer,
    subject: subject.entityId,
    scope: ["subscribe"],
    channel,
    ttlSeconds: 60,
    wallClock: RECORDED,
    ...overrides,
  });
const parsedOf = (token: PermissionToken): object => ({
  issuer: encodeHex(token.issuer),
  subject: encodeHex(token.subject),
  scope: token.scopes,
  channel_hash: String(token.channelHash),
  not_before: String(token.notBefore),
  not_after: String(token.notAfter),
  delegation_depth: token.delegationDepth,
  nonce: String(token.nonce),
  signature: encodeHex(token.signature),
});

describe("a token that Net issued", () => {
  it.each(vectors.tokens_issued)("($label) reads as it does there", (vector) => {
    const token = PermissionToken.parse(bytesOf(vector.token));
    expect(parsedOf(token)).toEqual(vector.parsed);
    expect(token.scope).toBe(vector.scope_bits);
    expect(token.generation).toBe(vector.issuer_generation);
    expect(verifyToken(token)).toBe(vector.verify_token);
    expect(tokenIsExpired(token, RECORDED)).toBe(vector.token_is_expired_when_recorded);
    expect(encodeHex(token.bytes)).toBe(vector.token);
  });
});

describe("a token of given fields", () => {
  it.each(vectors.tokens_fixed)("($label) is judged as by Net", (vector) => {
    const bytes = bytesOf(vector.token);
    const parse = (): PermissionToken => PermissionToken.parse(bytes);
    const { parse_token, verify_token, token_is_expired, install_token } = vector;
    const told = (outcome: object): object =>
      "message" in outcome ? { message: outcome.message } : outcome;
    expect(outcomeOf(() => parsedOf(parse()))).toEqual(
      "message" in parse_token ? told(parse_token) : { ok: parse_token },
    );
    expect(outcomeOf(() => verifyToken(parse()))).toEqual(told(verify_token));
    expect(outcomeOf(() => tokenIsExpired(parse(), RECORDED))).toEqual(told(token_is_expired));
    const install = (): null => {
      new TokenCache().insert(parse());
      return null;
    };
    expect(outcomeOf(install)).toEqual(told(install_token));
  });

  const minted = vectors.tokens_fixed.filter(({ fields }) => fields.issuer_seed !== undefined);
  it.each(minted)("($label) has the same bytes when it is signed here", (vector) => {
    const { fields } = vector;
    const token = PermissionToken.sign(issuer, {
      subject: subject.entityId,
      scope: fields.scope ?? 0,
      channelHash: BigInt(fields.channel_hash ?? 0),
      generation: fields.generation ?? 0,
      notBefore: BigInt(fields.not_before ?? 0),
      notAfter: BigInt(fields.not_after ?? 0),
      delegationDepth: fields.depth ?? 0,
      nonce: BigInt(fields.nonce ?? 0),
    });
    expect(encodeHex(token.bytes)).toBe(vector.token);
  });

  it("has every field in its range", () => {
    const good = {
      subject: subject.entityId,
      scope: 0,
      channelHash: 0n,
      generation: 0,
      notBefore: 0n,
      notAfter: 0n,
      delegationDepth: 0,
      nonce: 0n,
    };
    const wrong = [
      { scope: -1 },
      { scope: 2 ** 32 },
      { channelHash: 2n ** 64n },
      { channelHash: -1n },
      { generation: 1.5 },
      { notBefore: -1n },
      { notAfter: 2n ** 64n },
      { delegationDepth: 256 },
      { nonce: 2n ** 64n },
    ];
    for (const fields of wrong) {
      expect(() => PermissionToken.sign(issuer, { ...good, ...fields })).toThrow(
        expect.objectContaining({ code: "RANGE" }),
      );
    }
  });
});

describe("any bytes", () => {
  it("are a token exactly when there are 169 of them", () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.uint8Array({ minLength: 169, maxLength: 169 }),
    );
    fc.assert(
      fc.property(anything, (bytes) => {
        if (bytes.length !== 169) {
          expect(messageOf(() => PermissionToken.parse(bytes))).toBe("token: invalid_format");
          return;
        }
        const token = PermissionToken.parse(bytes);
        expect(token.bytes).toEqual(bytes);
        expect(tokenValidity(token, RECORDED)).toBe("invalid_signature");
      }),
    );
  });

  it("are copied on the way in and out", () => {
    const bytes = issue().bytes;
    const token = PermissionToken.parse(bytes);
    bytes.fill(0);
    for (const copy of [token.bytes, token.issuer, token.subject, token.signature]) copy.fill(0);
    expect(token.isSigned()).toBe(true);
    expect(token.issuer).toEqual(issuer.entityId);
  });
});

describe("scope", () => {
  it("has four words, in the order of their bits, that may repeat", () => {
    expect(scopeBits(["delegate", "publish", "publish"])).toBe(9);
    expect(scopeWords(0xffff_ffff)).toEqual(["publish", "subscribe", "admin", "delegate"]);
    expect(scopeBits([])).toBe(0);
  });

  it("contains an action when it has all its bits, and never the empty action", () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (bits, action) => {
        const contained = action !== 0 && (BigInt(bits) & BigInt(action)) === BigInt(action);
        expect(scopeContains(bits, action)).toBe(contained);
      }),
    );
    expect(scopeContains(SCOPE.admin, SCOPE.publish)).toBe(false);
    expect(scopeContains(0xffff_ffff, 0x8000_0000)).toBe(true);
    expect(scopeContains(7, 0)).toBe(false);
  });
});

describe("issuing", () => {
  it("counts whole seconds and takes the nonce from the random bytes", () => {
    const token = issue({
      wallClock: RECORDED + 999,
      ttlSeconds: 0xffff_ffff,
      delegationDepth: 255,
      randomBytes: (length: number) => new Uint8Array(length).fill(1),
    });
    expect(token.notBefore).toBe(BigInt(RECORDED / 1_000));
    expect(token.notAfter).toBe(BigInt(RECORDED / 1_000) + 0xffff_ffffn);
    expect(token).toMatchObject({
      generation: 0,
      delegationDepth: 255,
      nonce: 0x0101_0101_0101_0101n,
      channelHash: channelHash(channel),
    });
    expect(issue().nonce).not.toBe(issue().nonce);
  });

  const failure = (op: string): string =>
    vectors.token_operations.find((vector) => vector.op === op)?.result.message ?? "no vector";

  it("fails as in Net", () => {
    const cases: readonly (readonly [string, object])[] = [
      ["issue_token ttl_seconds=0", { ttlSeconds: 0 }],
      ["issue_token scope ['wildcard']", { scope: ["wildcard"] }],
      ["issue_token scope ['Publish']", { scope: ["Publish"] }],
      ["issue_token subject 31 bytes", { subject: new Uint8Array(31) }],
      ["issue_token channel 'Bad'", { channel: "Bad" }],
    ];
    for (const [op, overrides] of cases) {
      expect([op, messageOf(() => issue(overrides))]).toEqual([op, failure(op)]);
    }
  });

  it("refuses numbers outside their fields", () => {
    const wrong = [
      { ttlSeconds: -1 },
      { ttlSeconds: 2 ** 32 },
      { ttlSeconds: 1.5 },
      { delegationDepth: 256 },
      { delegationDepth: -1 },
      { wallClock: Number.NaN },
      { wallClock: -1 },
    ];
    for (const overrides of wrong) {
      expect(() => issue(overrides)).toThrow(expect.objectContaining({ code: "RANGE" }));
    }
  });

  it("finds the subject's fault first, then the scope's, the channel's, and the time to live", () => {
    const faults = [
      { subject: new Uint8Array(1) },
      { scope: ["x"] },
      { channel: "X" },
      { ttlSeconds: 0 },
    ];
    const texts = ["entity_id", "unknown scope", "invalid channel name", "zero_ttl"];
    for (const [first, text] of texts.entries()) {
      const overrides = Object.assign({}, ...faults.slice(first));
      expect(messageOf(() => issue(overrides))).toContain(text);
    }
  });

  it("delegation fails as in Net, in its order", () => {
    const delegable: readonly ScopeWord[] = ["subscribe", "delegate"];
    const delegate = (parent: PermissionToken | Uint8Array, overrides: object = {}) =>
      delegateToken({
        signer: subject,
        parent,
        subject: identityOf(3).entityId,
        scope: ["subscribe"],
        wallClock: RECORDED,
        ...overrides,
      });
    const expired = issue({ scope: delegable, delegationDepth: 1, wallClock: RECORDED - 60_000 });
    const tampered = expired.bytes;
    tampered[64] = 0xff;
    const exhausted = issue({ scope: delegable });
    const bare = issue({ delegationDepth: 1 });
    const good = issue({ scope: delegable, delegationDepth: 1 });
    const stranger = { signer: identityOf(4) };
    const cases: readonly (readonly [string, () => unknown])[] = [
      ["delegate: parent depth 0", () => delegate(exhausted)],
      ["delegate: parent depth 0, wrong signer", () => delegate(exhausted, stranger)],
      ["delegate: depth 1 without delegate scope", () => delegate(bare)],
      ["delegate: depth 1 without delegate scope, wrong signer", () => delegate(bare, stranger)],
      ["delegate: wrong signer", () => delegate(good, stranger)],
      ["delegate: expired parent", () => delegate(expired, stranger)],
      ["delegate: future parent", () => delegate(issue({ wallClock: RECORDED + 1_000 }), stranger)],
      ["delegate: expired and tampered parent", () => delegate(tampered, stranger)],
      ["delegate: short parent", () => delegate(good.bytes.subarray(1), { scope: ["root"] })],
      ["delegate: bad scope word", () => delegate(tampered, { scope: ["root"] })],
      [
        "delegate: 4-byte subject",
        () => delegate(tampered, { subject: new Uint8Array(4), scope: ["root"] }),
      ],
    ];
    for (const [op, run] of cases) expect([op, messageOf(run)]).toEqual([op, failure(op)]);
    expect(delegate(good).delegationDepth).toBe(0);
  });

  it("delegation passes on no more than the parent gives", () => {
    const vector = vectors.delegate_from_wildcard_parent;
    const parent = PermissionToken.sign(issuer, {
      subject: subject.entityId,
      scope: vector.parent_scope_bits,
      channelHash: channelHash(channel),
      generation: vector.parent_generation,
      notBefore: 0n,
      notAfter: 4_102_444_800n,
      delegationDepth: vector.parent_depth,
      nonce: 1n,
    });
    const child = delegateToken({
      signer: subject,
      parent,
      subject: identityOf(3).entityId,
      scope: ["publish", "subscribe", "admin", "delegate"],
      wallClock: RECORDED + 5_500,
    });
    expect(child).toMatchObject({
      scope: vector.child_scope_bits,
      generation: vector.child_generation,
      delegationDepth: vector.child_depth,
      notAfter: parent.notAfter,
      notBefore: BigInt(RECORDED / 1_000) + 5n,
      channelHash: parent.channelHash,
      issuerHex: encodeHex(subject.entityId),
    });
    expect(child.isSigned()).toBe(true);
    expect(child.nonce).not.toBe(parent.nonce);
    const narrowed = delegateToken({
      signer: identityOf(3),
      parent: child,
      subject: subject.entityId,
      scope: [],
      wallClock: RECORDED + 6_000,
    });
    expect(narrowed.scope).toBe(0);
  });
});

describe("validity", () => {
  it("lasts from its begin until just before its end", () => {
    const token = issue();
    expect(tokenValidity(token, RECORDED - 1)).toBe("not_yet_valid");
    expect(tokenValidity(token, RECORDED)).toBe("valid");
    expect(tokenValidity(token, RECORDED + 59_999)).toBe("valid");
    expect(tokenValidity(token, RECORDED + 60_000)).toBe("expired");
    expect(tokenValidity(token, RECORDED - 60_000, 60)).toBe("valid");
    expect(tokenValidity(token, RECORDED - 60_001, 60)).toBe("not_yet_valid");
    expect(tokenValidity(token, RECORDED + 119_999, 60)).toBe("valid");
    expect(tokenValidity(token, RECORDED + 120_000, 60)).toBe("expired");
  });

  it("is asked for a time and a skew that are numbers", () => {
    for (const [wallClock, skew] of [
      [Number.NaN, 0],
      [-1, 0],
      [0, -1],
      [0, Number.NaN],
    ] as const) {
      expect(() => tokenValidity(issue(), wallClock, skew)).toThrow(
        expect.objectContaining({ code: "RANGE" }),
      );
    }
  });

  it("finds the fault of the signature first", () => {
    const bytes = issue().bytes;
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    expect(tokenValidity(PermissionToken.parse(bytes), 0)).toBe("invalid_signature");
  });

  it("covers its channel, or all with the wildcard bit, for the actions of its scope", () => {
    const fields = {
      subject: subject.entityId,
      generation: 0,
      notBefore: 0n,
      notAfter: 1n,
      delegationDepth: 0,
      nonce: 0n,
    };
    const plain = PermissionToken.sign(issuer, { ...fields, scope: 2, channelHash: 0n });
    expect(tokenAuthorizes(plain, SCOPE.subscribe, 0n)).toBe(true);
    expect(tokenAuthorizes(plain, SCOPE.subscribe, 5n)).toBe(false);
    expect(tokenAuthorizes(plain, SCOPE.publish, 0n)).toBe(false);
    const wildcard = PermissionToken.sign(issuer, { ...fields, scope: 18, channelHash: 0n });
    expect(tokenAuthorizes(wildcard, SCOPE.subscribe, 5n)).toBe(true);
    expect(tokenAuthorizes(wildcard, SCOPE.publish, 5n)).toBe(false);
  });
});
