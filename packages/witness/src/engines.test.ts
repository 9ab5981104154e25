import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine } from "./engine.js";
import * as noble from "./engine-noble.js";
import * as node from "./engine-node.js";

const engines: readonly Engine[] = [node, noble];
const [first, second] = engines as [Engine, Engine];

describe("the two engines", () => {
  it("hash bytes and texts alike", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.string({ unit: "grapheme" }), (bytes, text) => {
        expect(second.sha256(bytes)).toBe(first.sha256(bytes));
        expect(second.sha256(text)).toBe(first.sha256(text));
        expect(second.sha256Binary(bytes)).toBe(first.sha256Binary(bytes));
        expect(second.sha256(new TextEncoder().encode(text))).toBe(second.sha256(text));
      }),
    );
  });

  it("make the same key and signature of a seed, and verify one another's", () => {
    const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(seeds, fc.uint8Array(), fc.nat(511), (seed, message, bit) => {
        const [one, two] = [first.importSeed(seed), second.importSeed(seed)];
        const signature = one.sign(message);
        expect(two.publicKey).toEqual(one.publicKey);
        expect(two.sign(message)).toEqual(signature);
        const flipped = signature.map((byte, at) =>
          at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte,
        );
        for (const engine of engines) {
          const verifier = engine.importPublicKey(one.publicKey);
          expect(verifier(message, signature)).toBe(true);
          // Above bit 508 the scalar is no longer below L, which is refused before an engine is asked.
          if (bit < 508) expect(verifier(message, flipped)).toBe(false);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("draw random bytes, never the same", () => {
    for (const engine of engines) {
      expect(engine.randomBytes(32)).toHaveLength(32);
      expect(engine.randomBytes(32)).not.toEqual(engine.randomBytes(32));
    }
  });

  it("return plain bytes, not views of a pool", () => {
    for (const engine of engines) {
      const signer = engine.importSeed(new Uint8Array(32));
      const made = [engine.randomBytes(32), signer.publicKey, signer.sign(new Uint8Array(1))];
      for (const bytes of made) {
        expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
        expect(bytes.buffer.byteLength).toBe(bytes.length);
      }
    }
  });
});
