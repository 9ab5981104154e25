import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { ensureSha256Hex, isSha256Hex, sha256Binary, sha256Hex, witnessHash } from "./index.js";
import { refusalOf } from "./refusal.testing.js";

// FIPS 180-4, the examples of the standard.
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("SHA-256", () => {
  it("is that of the standard, for bytes and for the UTF-8 form of a text", () => {
    expect(sha256Hex("abc")).toBe(ABC);
    expect(sha256Hex(new TextEncoder().encode("abc"))).toBe(ABC);
    expect(sha256Hex("")).toBe(EMPTY);
    expect(sha256Hex("é😀")).toBe(sha256Hex(new TextEncoder().encode("é😀")));
    expect(witnessHash("abc")).toBe(ABC);
    const binary = sha256Binary(new TextEncoder().encode("abc"));
    expect(Buffer.from(binary, "latin1").toString("hex")).toBe(ABC);
  });

  it("refuses a lone surrogate, whose replacement would collide with other texts", () => {
    for (const text of ["\ud800", "a\udc00b", "\udc00\ud800"]) {
      expect(refusalOf(() => sha256Hex(text))).toBe("ILL_FORMED_TEXT");
      expect(refusalOf(() => witnessHash(text))).toBe("ILL_FORMED_TEXT");
    }
    expect(() => witnessHash("é😀\ud800")).toThrow(/offset 3/);
  });

  it("refuses what is neither bytes nor text", () => {
    expect(refusalOf(() => sha256Hex(1 as unknown as string))).toBe("ARGUMENT");
    expect(refusalOf(() => sha256Binary("abc" as unknown as Uint8Array))).toBe("ARGUMENT");
    expect(refusalOf(() => witnessHash(undefined as unknown as string))).toBe("ARGUMENT");
  });

  it("is written as 64 lower-case hex digits and no other way", () => {
    expect(isSha256Hex(ABC)).toBe(true);
    expect(ensureSha256Hex(ABC)).toBe(ABC);
    for (const text of [ABC.toUpperCase(), ABC.slice(1), `${ABC}0`, `${ABC}\n`, "", undefined, 0]) {
      expect(isSha256Hex(text)).toBe(false);
      expect(refusalOf(() => ensureSha256Hex(text))).toBe("HASH");
    }
  });
});
