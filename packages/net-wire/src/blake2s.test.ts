import { createHash, createHmac } from "node:crypto";
import { blake2s as nobleBlake2s } from "@noble/hashes/blake2.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import { blake2s, hkdfBlake2s, hmacBlake2s } from "./blake2s.js";
import { hex } from "./vectors.testing.js";

/** The deterministic sequence of RFC 7693, appendix E. */
function sequence(length: number, seed: number): Uint8Array {
  let [a, b] = [Math.imul(0xdead4bad, seed) >>> 0, 1];
  return Uint8Array.from({ length }, () => {
    [a, b] = [b, (a + b) >>> 0];
    return b >>> 24;
  });
}

it("BLAKE2s, plain and keyed, passes the self-test of RFC 7693, appendix E.2", () => {
  const all = nobleBlake2s.create({ dkLen: 32 });
  for (const length of [16, 20, 28, 32]) {
    for (const size of [0, 3, 64, 65, 255, 1024]) {
      const input = sequence(size, size);
      const plain = nobleBlake2s(input, { dkLen: length });
      if (length === 32) expect(blake2s(input)).toEqual(plain);
      all.update(plain);
      all.update(nobleBlake2s(input, { dkLen: length, key: sequence(length, length) }));
    }
  }
  expect(hex(all.digest())).toBe(
    "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe",
  );
});

const hmacOfNode = (key: Uint8Array, data: Uint8Array) =>
  new Uint8Array(createHmac("blake2s256", key).update(data).digest());

it("BLAKE2s is that of OpenSSL at every length around the ends of blocks", () => {
  for (let length = 0; length <= 260; length += 1) {
    const data = sequence(length, length);
    expect(hex(blake2s(data))).toBe(createHash("blake2s256").update(data).digest("hex"));
  }
});

it("HMAC and HKDF are those of OpenSSL", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.uint8Array({ maxLength: 200 }),
      (key, data) => {
        const secret = hmacOfNode(key, data);
        expect(hmacBlake2s(key, data)).toEqual(secret);
        const first = hmacOfNode(secret, Uint8Array.of(1));
        const second = hmacOfNode(secret, Uint8Array.of(...first, 2));
        const third = hmacOfNode(secret, Uint8Array.of(...second, 3));
        expect(hkdfBlake2s(key, data, 2)).toEqual([first, second]);
        expect(hkdfBlake2s(key, data, 3)).toEqual([first, second, third]);
      },
    ),
  );
});

it("each call starts anew and leaves its input alone", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 200 }),
      (one, two) => {
        const copy = one.slice();
        const before = blake2s(one);
        hkdfBlake2s(two.subarray(0, 64), two, 3);
        expect(blake2s(one)).toEqual(before);
        expect(one).toEqual(copy);
      },
    ),
  );
});
