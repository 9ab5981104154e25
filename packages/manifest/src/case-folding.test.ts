import { describe, expect, it } from "vitest";
import { collisionKey, foldCase } from "./case-folding.js";

/** Every code point that has some case mapping, or is one of some. */
function casedCodePoints(): string[] {
  const cased = new Set<string>();
  for (let code = 0; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    const mapped = character.toLowerCase() + character.toUpperCase();
    if (mapped !== character + character) for (const one of character + mapped) cased.add(one);
  }
  return [...cased];
}

describe("simple case folding", () => {
  it("is the one the engine's own case-insensitive Unicode matching uses, for every code point", () => {
    const cased = casedCodePoints();
    const everything = cased.join("");
    for (const character of cased) {
      const folded = foldCase(character);
      const escaped = `\\u{${character.codePointAt(0)?.toString(16)}}`;
      const sameAsEngine = [...everything.matchAll(new RegExp(escaped, "giu"))].map(([one]) => one);
      for (const other of sameAsEngine) {
        expect(foldCase(other), `${character} and ${other}`).toBe(folded);
      }
      expect(sameAsEngine, `${character} folds to ${folded}`).toContain(folded);
    }
  });

  it("maps one code point to one code point and is idempotent", () => {
    for (const character of casedCodePoints()) {
      const folded = foldCase(character);
      expect([...folded]).toHaveLength(1);
      expect(foldCase(folded)).toBe(folded);
    }
  });

  it.each([
    ["Straße", "STRAẞE", true],
    ["Straße", "STRASSE", false],
    ["ſet", "SET", true],
    ["\u212a", "k", true],
    ["ΣΑΣ", "σας", true],
    ["İ", "i", false],
    ["İ", "ı", false],
    ["\ufb05", "\ufb06", true],
    ["\u03aa\u0301", "\u0390", true],
    ["a\u030a", "Å", true],
    ["a/B", "A/b", true],
    ["a", "b", false],
  ])("%s and %s: one file where case and normalisation are ignored? %s", (left, right, same) => {
    expect(collisionKey(left) === collisionKey(right)).toBe(same);
  });
});
