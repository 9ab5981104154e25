import { isPattern, matches } from "@gaiaftcl/nats-subject";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SubjectTree } from "./subject-tree.js";

const token = fc.constantFrom("a", "b", "c", "*", ">");
const pattern = fc
  .array(token, { minLength: 1, maxLength: 4 })
  .map((tokens) => tokens.join("."))
  .filter(isPattern);
const subject = fc
  .array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 5 })
  .map((tokens) => tokens.join("."));
const entry = fc.record({ pattern, queue: fc.constantFrom("", "", "q", "r") });

describe("a subject tree", () => {
  it("finds what comparing with every pattern finds, after any insertions and removals", () => {
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 20 }),
        fc.array(fc.nat(19), { maxLength: 10 }),
        fc.array(subject, { minLength: 1, maxLength: 5 }),
        (entries, removals, subjects) => {
          const tree = new SubjectTree<number>();
          entries.forEach((one, id) => {
            tree.insert(one.pattern, one.queue, id);
          });
          const left = new Map(entries.entries());
          for (const id of removals) {
            const one = left.get(id);
            if (one !== undefined) tree.remove(one.pattern, one.queue, id);
            left.delete(id);
          }
          for (const published of subjects) {
            const reached = [...left].filter(([, one]) => matches(one.pattern, published));
            const { plain, queues } = tree.match(published);
            const sorted = (ids: readonly number[]): number[] => [...ids].sort((a, b) => a - b);
            expect(sorted(plain)).toEqual(
              reached.filter(([, { queue }]) => queue === "").map(([id]) => id),
            );
            const groups = ["q", "r"]
              .map((name) => reached.filter(([, { queue }]) => queue === name).map(([id]) => id))
              .filter((members) => members.length > 0);
            expect(queues.map(sorted).sort()).toEqual(groups.sort());
          }
          for (const [id, one] of left) tree.remove(one.pattern, one.queue, id);
          expect(tree.isEmpty).toBe(true);
        },
      ),
    );
  });

  it("takes the wildcards of a published subject for text", () => {
    const tree = new SubjectTree<string>();
    for (const one of ["foo.>", "foo.*", "foo.bar"]) tree.insert(one, "", one);
    expect(tree.match("foo.*").plain.toSorted()).toEqual(["foo.*", "foo.>"]);
    expect(tree.match("foo.>").plain.toSorted()).toEqual(["foo.*", "foo.>"]);
    expect(tree.match("*").plain).toEqual([]);
  });

  it("reaches nobody with an empty token", () => {
    const tree = new SubjectTree<string>();
    for (const one of [">", "*", "*.*", "*.*.*"]) tree.insert(one, "", one);
    for (const one of ["", ".", "a.", ".a", "a..b"]) expect(tree.match(one).plain).toEqual([]);
  });

  it("takes names of object members for tokens like any other", () => {
    const tree = new SubjectTree<number>();
    for (const name of ["__proto__", "constructor", "toString"]) {
      expect(tree.match(`a.${name}`).plain).toEqual([]);
      tree.insert(`a.${name}`, name, 1);
      expect(tree.match(`a.${name}`).queues).toEqual([[1]]);
      tree.remove(`a.${name}`, name, 1);
    }
    expect(tree.isEmpty).toBe(true);
  });

  it("ignores the removal of what is not there", () => {
    const tree = new SubjectTree<number>();
    tree.insert("a.b", "q", 1);
    tree.remove("a.b", "", 1);
    tree.remove("a.b", "r", 1);
    tree.remove("a.b.c", "q", 1);
    tree.remove("a", "q", 1);
    expect(tree.match("a.b").queues).toEqual([[1]]);
  });

  it("handles the deepest subject a control line can carry", () => {
    const tree = new SubjectTree<number>();
    const deep = "a.".repeat(2_047);
    tree.insert(`${deep}b`, "", 1);
    tree.insert(`${"*.".repeat(2_047)}*`, "", 2);
    expect(tree.match(`${deep}b`).plain).toHaveLength(2);
    tree.remove(`${deep}b`, "", 1);
    tree.remove(`${"*.".repeat(2_047)}*`, "", 2);
    expect(tree.isEmpty).toBe(true);
  });
});
