import { blake2s } from "@noble/hashes/blake2.js";
import { expect, it } from "vitest";
import * as node from "./engine-node.js";
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
  const all = blake2s.create({ dkLen: 32 });
  for (const length of [16, 20, 28, 32]) {
    for (const size of [0, 3, 64, 65, 255, 1024]) {
      const input = sequence(size, size);
      const plain = blake2s(input, { dkLen: length });
      if (length === 32) expect(node.blake2s(input)).toEqual(plain);
      all.update(plain);
      all.update(blake2s(input, { dkLen: length, key: sequence(length, length) }));
    }
  }
  expect(hex(all.digest())).toBe(
    "6a411f08ce25adcdfb02aba641451cec53c598b24f4fc787fbdc88797f4c1dfe",
  );
});
