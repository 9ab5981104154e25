import { createHash, createHmac } from "node:crypto";
import { blake2s } from "@noble/hashes/blake2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine } from "./engine.js";
import * as noble from "./engine-noble.js";
import * as node from "./engine-node.js";
import { hex, unhex } from "./vectors.testing.js";

const engines: readonly Engine[] = [node, noble];
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

// RFC 7748, section 6.1.
const ALICE = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
const ALICE_PUBLIC = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
const BOB = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
const BOB_PUBLIC = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
const SHARED = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

// Section 5.2: scalar, u-coordinate and result; and what the function gives when it is repeated.
const FUNCTION_VECTORS = [
  [
    "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  ],
  [
    "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  ],
] as const;
const BASE_POINT = `09${"00".repeat(31)}`;
const AFTER_ONE = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
const AFTER_THOUSAND = "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";

// The u-coordinates of points of small order on Curve25519 and its twist, canonical and not.
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/** The deterministic sequence of RFC 7693, appendix E. */
function sequence(length: number, seed: number): Uint8Array {
  let [a, b] = [Math.imul(0xdead4bad, seed) >>> 0, 1];
  return Uint8Array.from({ length }, () => {
    [a, b] = [b, (a + b) >>> 0];
    return b >>> 24;
  });
}

const hmac = (key: Uint8Array, data: Uint8Array) =>
  new Uint8Array(createHmac("blake2s256", key).update(data).digest());

describe.each(engines)("the $engineName engine", (engine) => {
  // Keyed hashes come from noble with either engine.
  it("passes the self-test of BLAKE2s in RFC 7693, appendix E.2", () => {
    const all = blake2s.create({ dkLen: 32 });
    for (const length of [16, 20, 28, 32]) {
      for (const size of [0, 3, 64, 65, 255, 1024]) {
        const input = sequence(size, size);
        all.update(length === 32 ? engine.blake2s(input) : blake2s(input, { dkLen: length }));
        all.update(blake2s(input, { dkLen: length, key: sequence(length, length) }));
      }
    }
    expect(hex(all.digest())).toBe(
      "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe",
    );
  });

  it("hashes as OpenSSL does at every length around the ends of blocks", () => {
    for (let length = 0; length <= 260; length += 1) {
      const data = sequence(length, length);
      expect(hex(engine.blake2s(data))).toBe(createHash("blake2s256").update(data).digest("hex"));
    }
  });

  it("derives the outputs of Noise's HKDF, also from nothing", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: 64 }),
        (chainingKey, input) => {
          const secret = hmac(chainingKey, input);
          const first = hmac(secret, Uint8Array.of(1));
          const second = hmac(secret, Uint8Array.of(...first, 2));
          const third = hmac(secret, Uint8Array.of(...second, 3));
          const all = Uint8Array.of(...first, ...second, ...third);
          expect(engine.hkdfBlake2s(chainingKey, input, 64)).toEqual(all.slice(0, 64));
          expect(engine.hkdfBlake2s(chainingKey, input, 96)).toEqual(all);
        },
      ),
    );
  });

  it("computes the shared secret of RFC 7748, section 6.1", () => {
    const alice = unhex(ALICE);
    const bob = unhex(BOB);
    expect(hex(engine.publicKeyOf(alice))).toBe(ALICE_PUBLIC);
    expect(hex(engine.publicKeyOf(bob))).toBe(BOB_PUBLIC);
    const shared = engine.agree(alice, unhex(BOB_PUBLIC));
    expect(shared && hex(shared)).toBe(SHARED);
    expect(engine.agree(bob, unhex(ALICE_PUBLIC))).toEqual(shared);
  });

  it.each(FUNCTION_VECTORS)(
    "computes the function of RFC 7748, section 5.2: %s",
    (k, u, result) => {
      expect(hex(engine.agree(unhex(k), unhex(u)) ?? new Uint8Array(0))).toBe(result);
    },
  );

  it("computes it a thousand times over, as section 5.2 has it", () => {
    let [k, u] = [unhex(BASE_POINT), unhex(BASE_POINT)];
    for (let round = 1; round <= 1000; round += 1) {
      [k, u] = [engine.agree(k, u) ?? new Uint8Array(0), k];
      if (round === 1) expect(hex(k)).toBe(AFTER_ONE);
    }
    expect(hex(k)).toBe(AFTER_THOUSAND);
  });

  it.each(SMALL_ORDER)("agrees on nothing with the point of small order %s", (point) => {
    expect(engine.agree(new Uint8Array(32).fill(9), unhex(point))).toBeUndefined();
  });
});

describe.each(engines)("a key that the $engineName engine generates", ({ generateKey }) => {
  it.each(SMALL_ORDER)("agrees on nothing with the point of small order %s", (point) => {
    expect(generateKey().agree(unhex(point))).toBeUndefined();
  });

  it("agrees on what its public key says, also to the holder of a secret", () => {
    const key = generateKey();
    expect(key.publicKey).toHaveLength(32);
    expect(key.agree(unhex(ALICE_PUBLIC))).toEqual(noble.agree(unhex(ALICE), key.publicKey));
  });
});

describe("the two engines", () => {
  it("generate keys that agree with one another, and no key twice", () => {
    const keys = [node.generateKey(), noble.generateKey(), node.generateKey(), noble.generateKey()];
    for (const mine of keys) {
      for (const theirs of keys) {
        expect(mine.agree(theirs.publicKey)).toEqual(theirs.agree(mine.publicKey));
        expect(mine.agree(theirs.publicKey)).toHaveLength(32);
      }
    }
    expect(new Set(keys.map(({ publicKey }) => hex(publicKey))).size).toBe(keys.length);
  });

  it("use a secret as it is now, not as it was when they first saw it", () => {
    const secret = new Uint8Array(32).fill(1);
    const before = node.publicKeyOf(secret);
    secret.fill(2);
    expect(node.publicKeyOf(secret)).not.toEqual(before);
    expect(node.publicKeyOf(secret)).toEqual(noble.publicKeyOf(secret));
  });

  it("make the same keys, and agree with one another", () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), bytes(32), (one, two, anyKey) => {
        expect(noble.publicKeyOf(one)).toEqual(node.publicKeyOf(one));
        const publicKey = node.publicKeyOf(two);
        expect(noble.agree(one, publicKey)).toEqual(node.agree(one, publicKey));
        // Points on the twist and non-canonical encodings are keys as well.
        expect(noble.agree(one, anyKey)).toEqual(node.agree(one, anyKey));
      }),
      { numRuns: 50 },
    );
  });
});
