import { createHash } from "node:crypto";
import { Point } from "@noble/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { publicKeyFromBytes, verify } from "./ed25519.js";
import * as noble from "./engine-noble.js";
import { bytesOf } from "./little-endian.js";
import { reducedScalar } from "./scalar.js";

const L = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

/** A point of order 8; its multiples are all points of small order. */
const EIGHTH = Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
const SMALL = Array.from({ length: 8 }).reduce<Point[]>(
  (points) => [...points, (points.at(-1) ?? Point.ZERO).add(EIGHTH)],
  [],
);

const scalars = fc.bigInt(1n, L - 1n);
const smallPoints = fc.constantFrom(...SMALL);

describe("keys and R with a part of small order", () => {
  it("pass exactly when the cofactorless equation holds, on both engines", () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(
        scalars,
        scalars,
        smallPoints,
        smallPoints,
        fc.uint8Array({ maxLength: 8 }),
        (a, r, inKey, inR, message) => {
          const key = Point.BASE.multiply(a, false).add(inKey).toBytes();
          const encodedR = Point.BASE.multiply(r, false).add(inR).toBytes();
          const digest = createHash("sha512").update(encodedR).update(key).update(message).digest();
          const k = reducedScalar(digest);
          const signature = Uint8Array.of(...encodedR, ...bytesOf((r + k * a) % L));

          // [S]B - [k]A is rB minus k times the key's small part, so it is R when R's part is that.
          const holds = inR.add(inKey.multiply(k, false)).equals(Point.ZERO);
          expect(verify(publicKeyFromBytes(key), message, signature)).toBe(holds);
          expect(noble.importPublicKey(key)(message, signature)).toBe(holds);
          seen[holds ? "accepted" : "refused"] += 1;
        },
      ),
      { numRuns: 300 },
    );
    expect(seen.accepted).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(0);
  });

  it("are not refused as keys, since they are not of small order themselves", () => {
    for (const small of SMALL) {
      const key = Point.BASE.add(small).toBytes();
      expect(publicKeyFromBytes(key).hex).toBe(Buffer.from(key).toString("hex"));
    }
  });
});
