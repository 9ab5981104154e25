import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { vectors } from "./cell-vectors.testing.js";
import {
  decodeHex,
  encodeBase64,
  encodeHex,
  generateKeyPair,
  isSamePublicKey,
  parsePublicKey,
  publicKeyFromBytes,
  publicKeyOf,
  publicKeyToBytes,
  publicKeyToHex,
  sign,
  verify,
} from "./ed25519.js";
import type { PrivateKey, PublicKey } from "./ed25519-keys.js";
import { bytesOf, integerOf } from "./little-endian.js";
import { refusalOf } from "./refusal.testing.js";

const L = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const P = 2n ** 255n - 19n;
const message = new TextEncoder().encode("message");
const { publicKey, privateKey } = generateKeyPair(new Uint8Array(32));

describe("Ed25519 keys", () => {
  it("are read from hex, base64 and PEM alike", () => {
    const bytes = publicKeyToBytes(publicKey);
    for (const text of [publicKey.hex, encodeBase64(bytes)]) {
      expect(isSamePublicKey(parsePublicKey(text), publicKey)).toBe(true);
    }
    expect(encodeHex(bytes)).toBe(publicKeyToHex(publicKey));
    expect(JSON.stringify({ publicKey })).toBe(`{"publicKey":"${publicKey}"}`);
  });

  it("of the vectors come from their seeds", () => {
    for (const { seed, public: expected } of Object.values(vectors.keys)) {
      expect(generateKeyPair(decodeHex(seed)).publicKey.hex).toBe(expected);
    }
  });

  it("are fresh without a seed", () => {
    const pair = generateKeyPair();
    expect(isSamePublicKey(pair.publicKey, generateKeyPair().publicKey)).toBe(false);
    expect(publicKeyOf(pair.privateKey)).toBe(pair.publicKey);
  });

  it.each([
    ["upper-case hex", publicKey.hex.toUpperCase(), "HEX"],
    ["63 hex digits", publicKey.hex.slice(1), "PUBLIC_KEY"],
    [
      "base64 with other tail bits",
      `${encodeBase64(publicKeyToBytes(publicKey)).slice(0, 42)}b=`,
      "BASE64",
    ],
    ["base64 of 31 bytes", encodeBase64(new Uint8Array(31).fill(9)), "PUBLIC_KEY"],
    ["base64 of 33 bytes", encodeBase64(new Uint8Array(33).fill(9)), "PUBLIC_KEY"],
    ["base64 with white space", ` ${encodeBase64(publicKeyToBytes(publicKey))}`, "PUBLIC_KEY"],
    ["a text that is no key", "key", "PUBLIC_KEY"],
  ])("are refused from %s", (_, text, code) => {
    expect(refusalOf(() => parsePublicKey(text))).toBe(code);
  });

  it("are refused when they are one of the fourteen encodings of small order", () => {
    const small = [0n, 1n, P - 1n, P, P + 1n]
      .concat(
        0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
        0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
      )
      .flatMap((y) => [bytesOf(y), bytesOf(y | (1n << 255n))]);
    expect(small).toHaveLength(14);
    for (const bytes of small) {
      expect(refusalOf(() => publicKeyFromBytes(bytes))).toBe("PUBLIC_KEY");
    }
  });

  it("are refused when y is not below the prime", () => {
    for (let y = P; y < 2n ** 255n; y += 1n) {
      expect(() => publicKeyFromBytes(bytesOf(y))).toThrow(/canonical/);
      expect(() => publicKeyFromBytes(bytesOf(y | (1n << 255n)))).toThrow(/canonical/);
    }
  });

  it("are refused when they are not on the curve, which half of all encodings are not", () => {
    expect(() => publicKeyFromBytes(bytesOf(2n))).toThrow(/curve/);
    let refused = 0;
    for (let y = 10n; y < 110n; y += 1n) {
      if (refusalOf(() => publicKeyFromBytes(bytesOf(y))) === "PUBLIC_KEY") refused += 1;
    }
    expect(refused).toBeGreaterThan(30);
    expect(refused).toBeLessThan(70);
  });

  it("are refused when they have another length or type", () => {
    for (const length of [0, 31, 33, 64]) {
      expect(refusalOf(() => publicKeyFromBytes(new Uint8Array(length)))).toBe("PUBLIC_KEY");
      expect(refusalOf(() => generateKeyPair(new Uint8Array(length)))).toBe("PRIVATE_KEY");
    }
    expect(refusalOf(() => parsePublicKey(undefined as unknown as string))).toBe("PUBLIC_KEY");
  });

  it("cannot be imitated by an object of the same shape", () => {
    const fake = { hex: publicKey.hex } as PublicKey;
    expect(refusalOf(() => verify(fake, message, new Uint8Array(64)))).toBe("ARGUMENT");
    expect(refusalOf(() => sign({} as PrivateKey, message))).toBe("ARGUMENT");
    expect(refusalOf(() => publicKeyOf(null as unknown as PrivateKey))).toBe("ARGUMENT");
  });

  it("do not change with the bytes they were made of", () => {
    const seed = new Uint8Array(32).fill(7);
    const pair = generateKeyPair(seed);
    const before = sign(pair.privateKey, message);
    seed.fill(0);
    expect(sign(pair.privateKey, message)).toEqual(before);
  });
});

describe("Ed25519 signatures", () => {
  it("verify for every message, and for no other message, key or signature", () => {
    const other = generateKeyPair(new Uint8Array(32).fill(1)).publicKey;
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(511), (text, bit) => {
        const signature = sign(privateKey, text);
        expect(verify(publicKey, text, signature)).toBe(true);
        expect(verify(other, text, signature)).toBe(false);
        expect(verify(publicKey, Uint8Array.of(...text, 0), signature)).toBe(false);
        const flipped = signature.map((byte, at) =>
          at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte,
        );
        expect(verify(publicKey, text, flipped)).toBe(false);
      }),
    );
  });

  it("of the handshake vector come out the same", () => {
    const { operator_seed, operator_public, challenge_hex, reply } = vectors.handshake;
    const pair = generateKeyPair(decodeHex(operator_seed));
    expect(pair.publicKey.hex).toBe(operator_public);
    expect(encodeBase64(sign(pair.privateKey, decodeHex(challenge_hex)))).toBe(reply.signature);
  });

  it("are refused in their second form, S + L", () => {
    const signature = sign(privateKey, message);
    const s = integerOf(signature.subarray(32)) + L;
    const second = Uint8Array.of(...signature.subarray(0, 32), ...bytesOf(s));
    expect(s < 2n ** 256n).toBe(true);
    expect(verify(publicKey, message, second)).toBe(false);
  });

  it("are refused with another length or type, as a value and not as an error", () => {
    for (const length of [0, 32, 63, 65, 128]) {
      expect(verify(publicKey, message, new Uint8Array(length))).toBe(false);
    }
    expect(verify(publicKey, message, "signature" as unknown as Uint8Array)).toBe(false);
    expect(refusalOf(() => verify(publicKey, "x" as unknown as Uint8Array, message))).toBe(
      "ARGUMENT",
    );
    expect(refusalOf(() => sign(privateKey, "x" as unknown as Uint8Array))).toBe("ARGUMENT");
  });
});
