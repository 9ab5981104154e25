import { encodeHex } from "@gaiaftcl/witness/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keyedHash, nodeIdOf, originHashOf, verifySignature } from "./entity.js";
import { Identity } from "./identity.js";
import { issueToken } from "./issue-token.js";
import { generateNetKeypair, netKeypairOf } from "./net-keypair.js";
import { bytesOf, identityOf, vectors } from "./vectors.testing.js";

describe("an identity", () => {
  it.each(vectors.identities)("of seed $seed is that of Net", (vector) => {
    const identity = Identity.fromSeed(bytesOf(vector.seed));
    expect(encodeHex(identity.entityId)).toBe(vector.entity_id);
    expect(identity.nodeId).toBe(BigInt(vector.node_id));
    expect(identity.originHash).toBe(BigInt(vector.origin_hash));
    expect(Number(identity.originHash & 0xffff_ffffn)).toBe(vector.wire_origin_hash_u32);
    expect(Number(identity.nodeId & 0xffff_ffffn)).toBe(vector.routing_id_u32);
    expect(String(identity)).toBe(vector.repr);
    expect(encodeHex(identity.seed())).toBe(vector.to_bytes);
    const message = bytesOf(vector.sign_message_hex);
    expect(encodeHex(identity.sign(message))).toBe(vector.signature);
    expect(nodeIdOf(identity.entityId)).toBe(identity.nodeId);
    expect(originHashOf(identity.entityId)).toBe(identity.originHash);
  });

  it.each([0, 31, 33])("is refused for a seed of %i bytes", (length) => {
    expect(() => Identity.fromSeed(new Uint8Array(length))).toThrow(
      expect.objectContaining({
        code: "SEED",
        message: `identity: seed must be 32 bytes, got ${length}`,
      }),
    );
  });

  it("is new each time it is generated", () => {
    expect(Identity.generate().nodeId).not.toBe(Identity.generate().nodeId);
  });

  it("keeps a seed of its own", () => {
    const seed = new Uint8Array(32).fill(9);
    const identity = Identity.fromSeed(seed);
    seed.fill(0);
    identity.seed().fill(0);
    expect(encodeHex(identity.seed())).toBe("09".repeat(32));
  });

  it("shows its seed in no text", () => {
    const identity = identityOf(9);
    expect(`${JSON.stringify({ identity })}${identity}`).not.toContain("09".repeat(8));
  });

  it("signs what verifySignature accepts, and nothing else passes", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(511),
        (seed, message, bit) => {
          const identity = Identity.fromSeed(seed);
          const signature = identity.sign(message);
          expect(verifySignature(identity.entityId, message, signature)).toBe(true);
          const byte = signature[bit >> 3] ?? 0;
          signature[bit >> 3] = byte ^ (1 << (bit & 7));
          expect(verifySignature(identity.entityId, message, signature)).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("of somebody else has their ids, and signs and grants nothing", () => {
    const other = identityOf(1);
    const known = Identity.readOnly(other.entityId);
    expect([known.nodeId, known.originHash, String(known)]).toEqual([
      other.nodeId,
      other.originHash,
      String(other),
    ]);
    expect([other.canSign, known.canSign]).toEqual([true, false]);
    const readOnly = expect.objectContaining({ code: "READ_ONLY", message: "token: read_only" });
    const token = {
      subject: other.entityId,
      scope: ["publish"],
      channel: "a",
      wallClock: 0,
    } as const;
    expect(() => known.sign(new Uint8Array(1))).toThrow(readOnly);
    expect(() => known.seed()).toThrow(readOnly);
    expect(() => issueToken({ ...token, signer: known, ttlSeconds: 1 })).toThrow(readOnly);
    expect(() => issueToken({ ...token, signer: known, ttlSeconds: 0 })).toThrow("zero_ttl");
    expect(() => Identity.readOnly(new Uint8Array(31))).toThrow(
      "entity_id must be 32 bytes, got 31",
    );
  });

  it("verifies with more keys than are kept ready", () => {
    const message = new Uint8Array([1]);
    const identities = Array.from({ length: 520 }, (_, n) =>
      Identity.fromSeed(new Uint8Array(32).fill(n & 255).fill(n >> 8, 16)),
    );
    for (const identity of [...identities, ...identities.slice(0, 3)]) {
      expect(verifySignature(identity.entityId, message, identity.sign(message))).toBe(true);
    }
  });
});

describe("verifySignature", () => {
  it("takes no signature of bytes that are no key", () => {
    const signature = new Uint8Array(64);
    const identityPoint = new Uint8Array(32);
    identityPoint[0] = 1;
    for (const key of [new Uint8Array(0), new Uint8Array(31), new Uint8Array(33), identityPoint]) {
      expect(verifySignature(key, new Uint8Array(1), signature)).toBe(false);
    }
    // The signature that a small-order key would accept for every message: R and S are those of 0.
    const forged = new Uint8Array(64);
    forged[0] = 1;
    expect(verifySignature(identityPoint, new Uint8Array(1), forged)).toBe(false);
  });

  it("never throws", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 80 }),
        (key, message, signature) => {
          expect(verifySignature(key, message, signature)).toBe(false);
        },
      ),
    );
  });
});

describe("a derived id", () => {
  it("is refused for what is not an entity id", () => {
    const error = expect.objectContaining({
      code: "ENTITY_ID",
      message: "identity: entity_id must be 32 bytes, got 5",
    });
    expect(() => nodeIdOf(new Uint8Array(5))).toThrow(error);
    expect(() => originHashOf(new Uint8Array(5))).toThrow(error);
  });

  it("comes from the keyed hash of RFC 7693, whose key is the label", () => {
    // BLAKE2s-256 of nothing under the key "a", from Python's hashlib.
    expect(encodeHex(keyedHash("a", new Uint8Array(0)))).toBe(
      "e4f26acd4751211bfc1b01f1d905df7b530264a6d9283513295ea748a27d3e07",
    );
    for (const label of ["", "x".repeat(33)]) {
      expect(() => keyedHash(label, new Uint8Array(0))).toThrow(
        expect.objectContaining({ code: "ARGUMENT" }),
      );
    }
  });
});

describe("a Net key pair", () => {
  it("is that of X25519", () => {
    const { secret_key, public_key } = vectors.net_keypair.example;
    expect(encodeHex(netKeypairOf(bytesOf(secret_key)).publicKey)).toBe(public_key);
  });

  it("is made of the random bytes it is given", () => {
    const { secretKey, publicKey } = generateNetKeypair((length) => new Uint8Array(length).fill(7));
    expect(encodeHex(secretKey)).toBe("07".repeat(32));
    expect(netKeypairOf(secretKey).publicKey).toEqual(publicKey);
    expect(generateNetKeypair().publicKey).not.toEqual(generateNetKeypair().publicKey);
  });

  it("has a secret key of 32 bytes", () => {
    expect(() => netKeypairOf(new Uint8Array(31))).toThrow(
      expect.objectContaining({ code: "ARGUMENT" }),
    );
  });
});
