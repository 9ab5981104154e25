import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPattern } from "./grammar.js";
import { collides, isLiteral, isSubset, matches } from "./match.js";

interface MatchCase {
  readonly subject: string;
  readonly pattern: string;
  readonly match: boolean;
}
const cases = JSON.parse(
  readFileSync(new URL("../vectors/subject-cases.json", import.meta.url), "utf8"),
) as {
  match_literal: MatchCase[];
  subset_match: MatchCase[];
  is_literal: { subject: string; literal: boolean }[];
  collide: { a: string; b: string; collide: boolean }[];
};

describe("nats-server's own table", () => {
  it.each(cases.match_literal)("$pattern matches $subject: $match", (one) => {
    expect(matches(one.pattern, one.subject)).toBe(one.match);
  });
  it.each(cases.subset_match)("$subject within $pattern: $match", (one) => {
    expect(isSubset(one.subject, one.pattern)).toBe(one.match);
  });
  it.each(cases.is_literal)("$subject literal: $literal", ({ subject, literal }) => {
    expect(isLiteral(subject)).toBe(literal);
  });
  it.each(cases.collide)("$a collides with $b: $collide", ({ a, b, collide }) => {
    expect(collides(a, b)).toBe(collide);
  });
});

describe("matching", () => {
  it("does not take a prefix of a token for the token", () => {
    expect(matches("gaiaftcl.>", "gaiaftcl.sealed")).toBe(true);
    expect(matches("gaiaftcl.>", "gaiaftclevil.sealed")).toBe(false);
    expect(matches("gaiaftcl.>", "gaiaftcl")).toBe(false);
  });

  it("is false for malformed patterns and subjects", () => {
    expect(matches("a.>.b", "a.x.b")).toBe(false);
    expect(matches("a..b", "a..b")).toBe(false);
    expect(matches("a.*", "a.")).toBe(false);
    expect(matches(">", "")).toBe(false);
    expect(matches("", "")).toBe(false);
  });

  it("is false for a subject with a wildcard token, which nobody may publish to", () => {
    expect(matches("a.*", "a.*")).toBe(false);
    expect(matches("a.>", "a.>")).toBe(false);
    expect(matches(">", "*")).toBe(false);
  });
});

describe("against the definition, over every subject of up to four tokens", () => {
  const subjects: string[] = [];
  // No pattern names z, so literals can never add up to a wildcard.
  const extend = (prefix: string, left: number): void => {
    for (const letter of ["a", "b", "z"]) {
      const subject = prefix === "" ? letter : `${prefix}.${letter}`;
      subjects.push(subject);
      if (left > 1) extend(subject, left - 1);
    }
  };
  extend("", 4);

  // The definition written a second time, as regular expressions.
  const toRegExp = (pattern: string): RegExp =>
    new RegExp(
      `^${pattern
        .split(".")
        .map((token) => (token === "*" ? "[^.]+" : token === ">" ? ".+" : token))
        .join("\\.")}$`,
      "u",
    );
  const pattern = fc
    .array(fc.constantFrom("a", "b", "*", ">"), { minLength: 1, maxLength: 3 })
    .map((tokens) => tokens.join("."))
    .filter(isPattern);

  it("matches agrees", () => {
    fc.assert(
      fc.property(pattern, (one) => {
        const expected = toRegExp(one);
        for (const subject of subjects) {
          expect(matches(one, subject), `${one} ${subject}`).toBe(expected.test(subject));
        }
      }),
    );
  });

  it("isSubset is the subset relation of the matched subjects", () => {
    fc.assert(
      fc.property(pattern, pattern, (inner, outer) => {
        const within = subjects.every((one) => !matches(inner, one) || matches(outer, one));
        expect(isSubset(inner, outer), `${inner} in ${outer}`).toBe(within);
      }),
    );
  });

  it("collides exactly when one subject matches both", () => {
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        const shared = subjects.some((subject) => matches(a, subject) && matches(b, subject));
        expect(collides(a, b), `${a} and ${b}`).toBe(shared);
        expect(collides(b, a)).toBe(shared);
      }),
    );
  });
});
