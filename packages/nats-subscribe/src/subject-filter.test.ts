import { matches } from "@gaiaftcl/nats-subject";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SubjectFilter } from "./subject-filter.js";

const token = fc.constantFrom("gaiaftcl", "substrate", "qc020", "a", "sealed");
const subject = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join("."));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant("*")), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, open]) => [...tokens, ...(open ? [">"] : [])].join("."));

describe("what a subscription asks for", () => {
  it("takes each message that any pattern matches exactly once, over all brokers", () => {
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 4 }), subject, (patterns, text) => {
        const filter = new SubjectFilter(patterns);
        // A broker delivers a message for each of the patterns that match it.
        for (const brokers of [["shared"], ["substrate", "franklin"]] as const) {
          const accepted = brokers.flatMap((broker) =>
            filter
              .patternsOf(broker)
              .filter((entry) => matches(entry, text) && filter.accepts(broker, entry, text)),
          );
          const wanted = patterns.some((entry) => matches(entry, text));
          expect(accepted).toHaveLength(wanted ? 1 : 0);
        }
      }),
    );
  });

  it("does not take what a broker matches by text instead of tokens", () => {
    const filter = new SubjectFilter("gaiaftcl.>");
    const [only] = filter.patterns;
    if (only === undefined) throw new Error("no pattern");
    for (const text of [
      "gaiaftclevil.sealed",
      "gaiaftcl",
      "gaiaftcl.",
      "gaiaftcl..x",
      "gaiaftcl.a b",
      "other",
    ]) {
      expect(filter.accepts("shared", only, text)).toBe(false);
      expect(filter.isTwin(only, text)).toBe(false);
    }
    expect(filter.accepts("shared", only, "gaiaftcl.x")).toBe(true);
  });

  it("asks for nothing that another of its patterns covers", () => {
    expect(new SubjectFilter(["a.b", "a.*", "a.>", "a.b"]).patterns).toEqual(["a.>"]);
  });

  it("knows the tables whose rows it receives", () => {
    const names = (filter: SubjectFilter, broker: "substrate" | "franklin" | "shared") =>
      filter.tablesOf(broker).map(({ name }) => name);
    const all = new SubjectFilter("gaiaftcl.>");
    expect(names(all, "shared")).toHaveLength(7);
    expect(names(all, "franklin")).toEqual([
      "qc020_joint_variation_evidence",
      "production_submissions",
      "franklin_commands",
    ]);
    expect(names(new SubjectFilter("weather.>"), "shared")).toEqual([]);
  });

  it("remembers verdicts without growing for ever", () => {
    const filter = new SubjectFilter("a.*");
    const [only] = filter.patterns;
    if (only === undefined) throw new Error("no pattern");
    for (let index = 0; index < 5000; index += 1) {
      expect(filter.accepts("shared", only, `a.${index}`)).toBe(true);
      expect(filter.accepts("shared", only, `b.${index}`)).toBe(false);
    }
  });
});
