import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { openMessage, sealMessage } from "./message-cipher.js";
import { openPacket, sealPacket } from "./packet-cipher.js";
import { hex } from "./vectors.testing.js";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const key = new Uint8Array(32).fill(3);
const nonce = new Uint8Array(12).fill(5);

function sealedByOpenssl(k: Uint8Array, n: Uint8Array, aad: Uint8Array, text: Uint8Array): string {
  const cipher = createCipheriv("chacha20-poly1305", k, n, { authTagLength: 16 });
  cipher.setAAD(aad, { plaintextLength: text.length });
  const body = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([body, cipher.getAuthTag()]).toString("hex");
}

it("seals messages as OpenSSL does, opens them, and nothing that differs by a bit", () => {
  fc.assert(
    fc.property(
      bytes(32),
      bytes(12),
      fc.uint8Array({ maxLength: 80 }),
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(),
      (k, n, aad, plaintext, flip) => {
        const sealed = sealMessage(k, n, aad, plaintext);
        expect(hex(sealed)).toBe(sealedByOpenssl(k, n, aad, plaintext));
        expect(openMessage(k, n, aad, sealed)).toEqual(plaintext);
        (sealed[(flip >> 3) % sealed.length] as number) ^= 1 << (flip & 7);
        expect(openMessage(k, n, aad, sealed)).toBeUndefined();
      },
    ),
    { numRuns: 200 },
  );
});

it("takes messages as long as Noise allows, and none that are longer", () => {
  const longest = new Uint8Array(65_535 - 16).fill(7);
  const sealed = sealMessage(key, nonce, new Uint8Array(32), longest);
  expect(openMessage(key, nonce, new Uint8Array(32), sealed)).toEqual(longest);
  expect(() => sealMessage(key, nonce, new Uint8Array(32), new Uint8Array(65_520))).toThrow(
    /at most 65535 bytes, this one would have 65536/,
  );
  expect(openMessage(key, nonce, new Uint8Array(32), new Uint8Array(65_536))).toBeUndefined();
  expect(openMessage(key, nonce, new Uint8Array(32), new Uint8Array(15))).toBeUndefined();
});

it("gives messages that stay what they are, whatever is sealed afterwards", () => {
  const message = sealMessage(key, nonce, new Uint8Array(0), key);
  const before = hex(message);
  const packet = new Uint8Array(64 + 100 + 16);
  sealPacket(key, 1, 1, packet, new Uint8Array(100));
  expect(hex(message)).toBe(before);
  expect(openMessage(key, nonce, new Uint8Array(0), message)).toEqual(key);
  expect(openPacket(key, 1, 1, packet)).toEqual(new Uint8Array(100));
});
