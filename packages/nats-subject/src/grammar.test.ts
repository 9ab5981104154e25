import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ensurePattern,
  ensureQueueName,
  ensureSubject,
  isPattern,
  isQueueName,
  isSubject,
  isWirePattern,
  isWireSubject,
  MAX_QUEUE_NAME_BYTES,
  MAX_SUBJECT_BYTES,
} from "./grammar.js";
import { NatsSubjectError } from "./nats-subject-error.js";

interface ValidityCase {
  readonly subject: string;
  readonly valid: boolean;
}
const cases = JSON.parse(
  readFileSync(new URL("../vectors/subject-cases.json", import.meta.url), "utf8"),
) as { valid_literal_subject: ValidityCase[]; valid_subject: ValidityCase[] };

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof NatsSubjectError) return `${error.code}@${error.offset}`;
    throw error;
  }
  return "accepted";
}

describe("nats-server's own table", () => {
  it.each(cases.valid_literal_subject)("publish to $subject: $valid", ({ subject, valid }) => {
    expect([isSubject(subject), isWireSubject(subject)]).toEqual([valid, valid]);
  });
  it.each(cases.valid_subject)("subscribe to $subject: $valid", ({ subject, valid }) => {
    expect([isPattern(subject), isWirePattern(subject)]).toEqual([valid, valid]);
  });
});

describe("where this grammar is stricter than a broker has to be", () => {
  const characters: [string, string][] = [
    ["space", " "],
    ["tab", "\t"],
    ["carriage return", "\r"],
    ["line feed", "\n"],
    ["form feed", "\f"],
    ["NUL", "\0"],
    ["DEL", "\x7f"],
    ["a C1 control", "\x85"],
    ["a no-break space", "\u00a0"],
    ["a line separator", "\u2028"],
    ["an ideographic space", "\u3000"],
    ["an unpaired surrogate", "\ud800"],
    ["a replacement character", "\ufffd"],
  ];
  it.each(characters)("refuses %s anywhere in a subject, pattern or queue name", (_, character) => {
    for (const text of [character, `a${character}`, `${character}.b`, `a.b${character}c`]) {
      expect([isSubject(text), isPattern(text), isQueueName(text)]).toEqual([false, false, false]);
    }
  });

  it("lets a broker accept any characters and length from others, but not other tokens", () => {
    for (const text of ["a\0b.c", "\xff\xfe", "a".repeat(4000), "é.\u2028"]) {
      expect([isWireSubject(text), isWirePattern(text)]).toEqual([true, true]);
    }
    for (const text of ["", ".", "a..b", "a.>.b", ">.\0"]) {
      expect([isWireSubject(text), isWirePattern(text)]).toEqual([false, false]);
    }
    expect([isWireSubject("a.*"), isWirePattern("a.*")]).toEqual([false, true]);
  });

  it("refuses what would smuggle a second command onto the wire", () => {
    for (const text of ["a\r\nPUB b 0\r\n\r\n", "a 1\r\nSUB >", "a b"]) {
      expect(codeOf(() => ensureSubject(text))).toMatch(/^CHARACTER@1$/);
      expect(codeOf(() => ensurePattern(text))).toMatch(/^CHARACTER@1$/);
      expect(codeOf(() => ensureQueueName(text))).toMatch(/^CHARACTER@1$/);
    }
  });

  it("counts length in UTF-8 bytes", () => {
    for (const [character, bytes] of [
      ["a", 1],
      ["é", 2],
      ["€", 3],
      ["😀", 4],
    ] as const) {
      const fits = Math.floor(MAX_SUBJECT_BYTES / bytes);
      expect(isSubject(character.repeat(fits))).toBe(true);
      expect(isSubject(`${character.repeat(fits)}${character}`)).toBe(false);
    }
    expect(isQueueName("q".repeat(MAX_QUEUE_NAME_BYTES))).toBe(true);
    expect(isQueueName("q".repeat(MAX_QUEUE_NAME_BYTES + 1))).toBe(false);
  });
});

describe("refusals", () => {
  it("say which rule is broken and where", () => {
    expect(codeOf(() => ensureSubject(""))).toBe("EMPTY@0");
    expect(codeOf(() => ensureSubject(7))).toBe("NOT_TEXT@0");
    expect(codeOf(() => ensureSubject(undefined))).toBe("NOT_TEXT@0");
    expect(codeOf(() => ensureSubject("a..b"))).toBe("EMPTY_TOKEN@2");
    expect(codeOf(() => ensureSubject(".a"))).toBe("EMPTY_TOKEN@0");
    expect(codeOf(() => ensureSubject("a."))).toBe("EMPTY_TOKEN@2");
    expect(codeOf(() => ensureSubject("a.*.b"))).toBe("WILDCARD@2");
    expect(codeOf(() => ensureSubject("a.>"))).toBe("WILDCARD@2");
    expect(codeOf(() => ensurePattern("a.>.b"))).toBe("INNER_WILDCARD@2");
    expect(codeOf(() => ensurePattern("a.b\n"))).toBe("CHARACTER@3");
    expect(codeOf(() => ensurePattern("x".repeat(2000)))).toBe("TOO_LONG@0");
    expect(codeOf(() => ensureQueueName("*"))).toBe("WILDCARD@0");
    expect(() => ensurePattern("a.>.b")).toThrow(
      'expected a subject or pattern, found "a.>.b", which has the wildcard > before its last token (at offset 2)',
    );
  });

  it("quote at most 80 characters of a hostile text", () => {
    expect(() => ensureSubject("x".repeat(1_000_000))).toThrow(/^.{0,200}$/u);
  });
});

describe("for any text", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("a", "*", ">", ".", " ", "é", "\n") }),
  );

  it("ensure returns the same text exactly when the predicate holds, and throws otherwise", () => {
    fc.assert(
      fc.property(text, (candidate) => {
        for (const [is, ensure] of [
          [isSubject, ensureSubject],
          [isPattern, ensurePattern],
          [isQueueName, ensureQueueName],
        ] as const) {
          if (is(candidate)) expect(ensure(candidate)).toBe(candidate);
          else expect(() => ensure(candidate)).toThrow(NatsSubjectError);
        }
      }),
    );
  });

  it("every subject is a pattern, and neither splits a control line", () => {
    fc.assert(
      fc.property(text, (candidate) => {
        if (isSubject(candidate)) expect(isPattern(candidate)).toBe(true);
        if (isPattern(candidate)) expect(candidate).not.toMatch(/[\s\0]/u);
      }),
    );
  });
});
