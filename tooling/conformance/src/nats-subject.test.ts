import { readFileSync } from "node:fs";
import {
  collides,
  isLiteral,
  isPattern,
  isSubject,
  isSubset,
  isWirePattern,
  isWireSubject,
  matches,
} from "@gaiaftcl/nats-subject";
import { describe, expect, it } from "vitest";

interface Subjects {
  readonly valid_literal_subject: readonly { subject: string; valid: boolean }[];
  readonly valid_subject: readonly { subject: string; valid: boolean }[];
  readonly is_literal: readonly { subject: string; literal: boolean }[];
  readonly match_literal: readonly { subject: string; pattern: string; match: boolean }[];
  readonly subset_match: readonly { subject: string; pattern: string; match: boolean }[];
  readonly collide: readonly { a: string; b: string; collide: boolean }[];
}

const suite = JSON.parse(
  readFileSync(new URL("../suites/nats/subject-cases.json", import.meta.url), "utf8"),
) as Subjects;

describe("nats-server's tables of subjects", () => {
  it("valid literal subjects, for us and for what a broker must accept", () => {
    const verdicts = (is: (text: string) => boolean): boolean[] =>
      suite.valid_literal_subject.map(({ subject }) => is(subject));
    const expected = suite.valid_literal_subject.map(({ valid }) => valid);
    expect([verdicts(isSubject), verdicts(isWireSubject)]).toEqual([expected, expected]);
  });

  it("valid subjects, for us and for what a broker must accept", () => {
    const verdicts = (is: (text: string) => boolean): boolean[] =>
      suite.valid_subject.map(({ subject }) => is(subject));
    const expected = suite.valid_subject.map(({ valid }) => valid);
    expect([verdicts(isPattern), verdicts(isWirePattern)]).toEqual([expected, expected]);
  });

  it.each(suite.is_literal)("$subject is literal: $literal", ({ subject, literal }) => {
    expect(isLiteral(subject)).toBe(literal);
  });

  it.each(suite.match_literal)("$pattern matches $subject: $match", (one) => {
    expect(matches(one.pattern, one.subject)).toBe(one.match);
  });

  it.each(suite.subset_match)("$subject is within $pattern: $match", (one) => {
    expect(isSubset(one.subject, one.pattern)).toBe(one.match);
  });

  it.each(suite.collide)("$a and $b collide: $collide", ({ a, b, collide }) => {
    expect([collides(a, b), collides(b, a)]).toEqual([collide, collide]);
  });
});
